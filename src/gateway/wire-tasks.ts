// A call that waits for the owner, as a task of MCP: the Tasks extension of 2026-07-28 (SEP-2663) and the tasks of
// 2025-11-25 (SEP-1686). A task is its stored question, so it outlives the daemon; its id is that of one client alone.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import {
  canonical,
  isExpired,
  isObject,
  principalText,
  textAt,
  type Clock,
  type DoorAnswer,
  type JsonObject,
  type OwnersDoor,
  type Principal,
  type Question,
  type QuestionState,
} from "../kernel/index.ts";
import { CODES, LEGACY_LATEST, type RpcReply, type Served } from "../mcp/index.ts";
import type { Store } from "../store/index.ts";
import { CANCELLED, WITHDRAWN } from "./answer-words.ts";
import type { ClientIdentity } from "./auth.ts";
import { common, invalid, toolReply, waitingWords } from "./replies.ts";
import { openRunningTasks, type Called, type RunningTask } from "./running-tasks.ts";
import { shownTask, TASKS_EXTENSION, type Dialect, type TaskFacts, type TaskStatus } from "./task-shapes.ts";

type Call = Served<ClientIdentity>;

export interface WireTasksParts {
  readonly door: Pick<OwnersDoor, "result" | "cancel">;
  readonly store: Pick<Store, "questions" | "settings">;
  readonly clock: Clock;
  /** May this be handed to that program now? */
  isCleared(principal: Principal, compartments: readonly string[]): boolean;
}

export interface WireTasks {
  /** Where the call waits, this client takes a task for it. */
  isWanted(call: Call): boolean;
  /** A client of 2025-11-25 asked for a task: it gets one whatever becomes of the call. */
  isAugmented(call: Call): boolean;
  start(call: Call, work: (own: Call) => Promise<Called>): Promise<RpcReply>;
  created(call: Call, question: string): RpcReply;
  /** The methods of tasks; null for any other, and where this client has none. */
  respond(call: Call): Promise<RpcReply | null>;
}

const KEPT_AFTER_MS = 24 * 3_600_000;
const KEY = "tasks.key";
const TAG_CHARS = 32;
const TASK_ID = /^([2-9A-Z]{3,12})-([A-Za-z0-9_-]{32})$/;
/** An answer may have brought a new question, and that one another. */
const ASKED_ANEW_MAX = 8;
const LOOK_EVERY_MS = 500;
const RESULT_WAIT_MAX_MS = 10 * 60_000;
const NOT_ENDED: readonly QuestionState[] = ["open", "held", "yes"];
const ANY_TASK = new Set(["tasks/get", "tasks/update", "tasks/cancel"]);

export function openWireTasks(parts: WireTasksParts): WireTasks {
  return new TheTasks(parts);
}

function dialectOf({ wire }: Call): Dialect | null {
  if (wire.era === "legacy") return wire.protocol === LEGACY_LATEST ? "core" : null;
  const { extensions } = wire.capabilities;
  return isObject(extensions) && isObject(extensions[TASKS_EXTENSION]) ? "extension" : null;
}

interface Found {
  readonly answer: DoorAnswer;
  /** The last one that was asked for this call. */
  readonly question: Question;
}

class TheTasks implements WireTasks {
  readonly #parts: WireTasksParts;
  readonly #running: ReturnType<typeof openRunningTasks>;
  #key: string | null = null;

  constructor(parts: WireTasksParts) {
    this.#parts = parts;
    const withdraw = (id: string, by: Principal): void => {
      // What cannot be taken back stays open for the owner, as the question of a program that has left does.
      const leave = (): void => undefined;
      parts.door.cancel(id, "", by).then(leave, leave);
    };
    this.#running = openRunningTasks({ ...parts, withdraw });
  }

  isWanted(call: Call): boolean {
    return dialectOf(call) === "extension" || this.isAugmented(call);
  }

  isAugmented(call: Call): boolean {
    return dialectOf(call) === "core" && isObject(call.params["task"]);
  }

  async start(call: Call, work: (own: Call) => Promise<Called>): Promise<RpcReply> {
    const begun = await this.#running.begin(call, work);
    switch (begun.kind) {
      case "refused":
        return begun.reply;
      case "waiting":
        return this.created(call, begun.question);
      case "running":
        return { kind: "result", result: { task: shownTask("core", { ...begun.task.facts(), status: "working" }) } };
    }
  }

  created(call: Call, id: string): RpcReply {
    const question = this.#parts.store.questions.get(id);
    if (question === null) return invalid("there is no such task");
    const facts = this.#working(question);
    return dialectOf(call) === "core"
      ? { kind: "result", result: { task: shownTask("core", facts) } }
      : { kind: "result", result: { resultType: "task", ...shownTask("extension", facts) } };
  }

  async respond(call: Call): Promise<RpcReply | null> {
    const { method, wire } = call;
    const dialect = dialectOf(call);
    if (dialect === null) return wire.era === "modern" && ANY_TASK.has(method) ? undeclared() : null;
    switch (method) {
      case "tasks/get":
        return this.#get(call, dialect);
      case "tasks/cancel":
        return this.#cancel(call, dialect);
      case "tasks/update":
        // A task of ours asks its client for nothing; what it brings is not looked at.
        return dialect === "core" ? null : this.#named(call) === null ? unknownTask() : { kind: "result", result: {} };
      case "tasks/result":
        return dialect === "core" ? this.#result(call) : null;
      case "tasks/list":
        return dialect === "core" ? this.#list(call) : null;
      default:
        return null;
    }
  }

  async #get(call: Call, dialect: Dialect): Promise<RpcReply> {
    const named = this.#named(call);
    if (named === null) return unknownTask();
    if ("facts" in named) return { kind: "result", result: shownTask(dialect, named.facts()) };
    const { answer, question } = await this.#latest(named, call);
    const { status, message, reply } = stateOf(answer, dialect);
    const facts = { ...this.#facts(named, { status, message }), updatedAtMs: updatedAt(question) };
    const more =
      dialect === "core" || reply === null
        ? {}
        : reply.kind === "result"
          ? { result: reply.result }
          : { error: errorOf(reply) };
    return { kind: "result", result: { ...shownTask(dialect, facts), ...more } };
  }

  /** What runs already is not called off as if it had not happened. */
  async #cancel(call: Call, dialect: Dialect): Promise<RpcReply> {
    const named = this.#named(call);
    if (named === null) return unknownTask();
    const { principal } = call.identity;
    const isOver =
      "facts" in named ? !named.cancel() : await this.#withdraw(await this.#latest(named, call), principal);
    if (dialect === "extension") return { kind: "result", result: {} };
    if (isOver) return invalid("the task has ended, or is being carried out");
    return this.#get(call, dialect);
  }

  /** True where nothing was left to take back. */
  async #withdraw({ answer, question }: Found, principal: Principal): Promise<boolean> {
    if (answer.kind !== "waiting") return true;
    return (await this.#parts.door.cancel(question.id, "", principal)).kind === "refused";
  }

  /** Waits for the end, as 2025-11-25 has it, and then answers as the call itself would have. */
  async #result(call: Call): Promise<RpcReply> {
    const named = this.#named(call);
    if (named === null) return unknownTask();
    const untilMs = performance.now() + RESULT_WAIT_MAX_MS;
    for (;;) {
      const reply = "facts" in named ? named.reply() : stateOf((await this.#latest(named, call)).answer, "core").reply;
      if (reply !== null) return related(reply, textAt(call.params, "taskId") ?? "");
      if (call.signal.aborted || performance.now() >= untilMs) {
        return { kind: "error", code: CODES.refused, message: "The task has not ended; ask again with tasks/get." };
      }
      await pause(LOOK_EVERY_MS, call.signal);
    }
  }

  /** What has not ended, so at most a page of it: a list reads no outcome and brings no label into a conversation. */
  #list(call: Call): RpcReply {
    const principal = principalText(call.identity.principal);
    const nowMs = this.#parts.clock.nowMs();
    const own = this.#parts.store.questions
      .list(NOT_ENDED)
      .filter((question) => question.binding.principal === principal && !isExpired(question, nowMs))
      .map((question) => this.#working(question));
    const tasks = [...own, ...this.#running.of(call).map((task) => task.facts())];
    return { kind: "result", result: { tasks: tasks.map((facts) => shownTask("core", facts)) } };
  }

  /** Null for an id that is not known, not of this client, or too old: nobody learns which. */
  #named(call: Call): Question | RunningTask | null {
    const id = textAt(call.params, "taskId") ?? "";
    const running = this.#running.get(call, id);
    if (running !== null) {
      const { question } = running;
      return question === null ? running : this.#parts.store.questions.get(question);
    }
    const [, name = "", tag = ""] = TASK_ID.exec(id) ?? [];
    const question = name === "" ? null : this.#parts.store.questions.get(name);
    if (question === null || question.binding.principal !== principalText(call.identity.principal)) return null;
    const isSame = timingSafeEqual(Buffer.from(tag), Buffer.from(this.#tagOf(question)));
    return isSame && !this.#isGone(question) ? question : null;
  }

  async #latest(asked: Question, call: Call): Promise<Found> {
    const asker = common(call);
    let found: Found = { question: asked, answer: await this.#parts.door.result(asked.id, asker) };
    for (let turn = 0; turn < ASKED_ANEW_MAX; turn += 1) {
      const { answer } = found;
      if (answer.kind !== "waiting" || answer.question === found.question.id) break;
      const question = this.#parts.store.questions.get(answer.question);
      if (question === null) break;
      found = { question, answer: await this.#parts.door.result(question.id, asker) };
    }
    return found;
  }

  #working(question: Question): TaskFacts {
    return this.#facts(question, { status: "working", message: waitingWords(waitingOn(question)) });
  }

  #isGone(question: Question): boolean {
    return this.#parts.clock.nowMs() >= question.askedAtMs + ttlOf(question);
  }

  #facts(question: Question, now: { readonly status: TaskStatus; readonly message: string | null }): TaskFacts {
    const id = `${question.id}-${this.#tagOf(question)}`;
    const [createdAtMs, updatedAtMs] = [question.askedAtMs, updatedAt(question)];
    return { id, createdAtMs, updatedAtMs, ttlMs: ttlOf(question), ...now };
  }

  /** What only Freehold can make, so that a question's short name is no way to somebody's task. */
  #tagOf({ id, request, binding }: Question): string {
    this.#key ??= this.#parts.store.settings.get(KEY) ?? this.#newKey();
    const text = canonical([id, request, binding.principal]);
    return createHmac("sha256", Buffer.from(this.#key, "hex")).update(text).digest("base64url").slice(0, TAG_CHARS);
  }

  #newKey(): string {
    const key = randomBytes(32).toString("hex");
    this.#parts.store.settings.set(KEY, key);
    return key;
  }
}

interface State {
  readonly status: TaskStatus;
  readonly message: string | null;
  /** Null while it waits. */
  readonly reply: RpcReply | null;
}

/** 2025-11-25 counts a tool's own error as a failed task, the extension as a completed one. */
function stateOf(answer: DoorAnswer, dialect: Dialect): State {
  if (answer.kind === "waiting") return { status: "working", message: waitingWords(answer), reply: null };
  const reply = toolReply(answer);
  const isBack = answer.kind === "denied" && [CANCELLED, WITHDRAWN].some((said) => answer.reason.startsWith(said));
  const message = answer.kind === "denied" ? answer.reason : null;
  if (isBack) return { status: "cancelled", message, reply: dialect === "core" ? reply : null };
  const isFailed = reply.kind !== "result" || (dialect === "core" && reply.result["isError"] === true);
  return { status: isFailed ? "failed" : "completed", message, reply };
}

function waitingOn({ id, state, request, laterUntilMs }: Question): Extract<DoorAnswer, { kind: "waiting" }> {
  const held = state === "held" && laterUntilMs !== null ? { heldUntilMs: laterUntilMs } : {};
  return { kind: "waiting", request, question: id, ...held };
}

function ttlOf({ askedAtMs, binding }: Question): number {
  return binding.expiresAtMs - askedAtMs + KEPT_AFTER_MS;
}

function updatedAt({ askedAtMs, answeredAtMs }: Question): number {
  return answeredAtMs ?? askedAtMs;
}

function errorOf(reply: RpcReply): JsonObject {
  if (reply.kind !== "error") return { code: CODES.internal, message: "the server failed" };
  const { code, message, data } = reply;
  return { code, message, ...(data === undefined ? {} : { data }) };
}

function related(reply: RpcReply, taskId: string): RpcReply {
  if (reply.kind !== "result") return reply;
  const { _meta, ...result } = reply.result;
  const meta = { ...(isObject(_meta) ? _meta : {}), "io.modelcontextprotocol/related-task": { taskId } };
  return { kind: "result", result: { ...result, _meta: meta } };
}

function unknownTask(): RpcReply {
  return invalid("there is no such task");
}

function undeclared(): RpcReply {
  const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } };
  return { kind: "error", code: CODES.missingCapability, message: "the client did not declare tasks", data };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener("abort", done, { once: true });
  });
}
