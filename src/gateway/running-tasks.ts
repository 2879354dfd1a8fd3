// Calls that a client of 2025-11-25 made as tasks and that do not wait for the owner: kept in memory for a while, for
// the conversation that made them. One that comes to wait becomes its question.

import { randomBytes } from "node:crypto";
import { oneLine, reasonOf, type Clock, type DoorAnswer, type Principal } from "../kernel/index.ts";
import { CODES, type RpcReply, type Served } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { common, toolReply } from "./replies.ts";
import type { TaskFacts, TaskStatus } from "./task-shapes.ts";

/** What became of a call: the door's answer, or what was answered without it. */
export type Called =
  | { readonly kind: "door"; readonly answer: DoorAnswer }
  | { readonly kind: "reply"; readonly reply: RpcReply };

export interface RunningTask {
  facts(): TaskFacts;
  /** Null while it runs. */
  reply(): RpcReply | null;
  /** The question that it has come to wait for. */
  readonly question: string | null;
  /** False where it has ended. */
  cancel(): boolean;
}

type Begun =
  | { readonly kind: "waiting"; readonly question: string }
  | { readonly kind: "running"; readonly task: RunningTask }
  | { readonly kind: "refused"; readonly reply: RpcReply };

interface Parts {
  readonly clock: Clock;
  isCleared(principal: Principal, compartments: readonly string[]): boolean;
  /** Takes a question back that nobody waits for any more. */
  withdraw(question: string, by: Principal): void;
}

interface RunningTasks {
  /** Resolves as soon as it is known that the call waits, or after a moment. */
  begin(call: Served<ClientIdentity>, work: (own: Served<ClientIdentity>) => Promise<Called>): Promise<Begun>;
  get(call: Served<ClientIdentity>, id: string): RunningTask | null;
  of(call: Served<ClientIdentity>): readonly RunningTask[];
}

/** A server that is started first takes longer, and then the task is not its question from the start. */
const BEGIN_MS = 2_000;
const TTL_MS = 10 * 60_000;
const PER_SESSION_MAX = 32;
const ALL_MAX = 256;

export function openRunningTasks(parts: Parts): RunningTasks {
  const tasks = new Map<string, OneTask>();

  function prune(): void {
    for (const [id, task] of tasks) if (task.isOver(parts.clock.nowMs())) tasks.delete(id);
  }

  function hasRoom(session: string): boolean {
    prune();
    const own = [...tasks.values()].filter((task) => task.session === session).length;
    return own < PER_SESSION_MAX && tasks.size < ALL_MAX;
  }

  return {
    async begin(call, work) {
      const { session } = common(call);
      if (!hasRoom(session)) return { kind: "refused", reply: refused("too many tasks are under way") };
      const task = new OneTask(parts, call, session);
      tasks.set(task.id, task);
      await task.run(work, BEGIN_MS);
      const reply = task.reply();
      if (task.question === null && reply?.kind !== "error") return { kind: "running", task };
      tasks.delete(task.id);
      if (task.question !== null) return { kind: "waiting", question: task.question };
      return { kind: "refused", reply: reply ?? refused("the call ended") };
    },
    get(call, id) {
      prune();
      const task = tasks.get(id);
      return task?.session === common(call).session ? task : null;
    },
    of(call) {
      prune();
      const { session } = common(call);
      return [...tasks.values()].filter((task) => task.session === session && task.question === null);
    },
  };
}

function refused(message: string): RpcReply {
  return { kind: "error", code: CODES.refused, message };
}

/** Owns one call's way to its outcome. */
class OneTask implements RunningTask {
  readonly id = randomBytes(24).toString("base64url");
  readonly session: string;
  readonly #parts: Parts;
  readonly #call: Served<ClientIdentity>;
  readonly #stop = new AbortController();
  readonly #createdAtMs: number;
  #updatedAtMs: number;
  #called: Called | null = null;
  #isCancelled = false;

  constructor(parts: Parts, call: Served<ClientIdentity>, session: string) {
    this.#parts = parts;
    this.#call = call;
    this.session = session;
    this.#createdAtMs = parts.clock.nowMs();
    this.#updatedAtMs = this.#createdAtMs;
  }

  /** Until it is a task, the client cancels it as any call. */
  async run(work: (own: Served<ClientIdentity>) => Promise<Called>, atMostMs: number): Promise<void> {
    const { signal } = this.#call;
    const leave = (): void => this.#stop.abort();
    signal.addEventListener("abort", leave, { once: true });
    const ended = work({ ...this.#call, signal: this.#stop.signal }).then(
      (called) => this.#end(called),
      (error: unknown) => this.#end({ kind: "reply", reply: refused(`it failed: ${oneLine(reasonOf(error), 300)}`) }),
    );
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, atMostMs).unref();
    await Promise.race([ended, late.promise]);
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }

  get question(): string | null {
    const called = this.#called;
    return called?.kind === "door" && called.answer.kind === "waiting" ? called.answer.question : null;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#createdAtMs + TTL_MS && this.#called !== null;
  }

  reply(): RpcReply | null {
    const called = this.#called;
    if (this.#isCancelled) return refused("the task was cancelled");
    if (called === null || this.question !== null) return null;
    if (called.kind === "reply") return called.reply;
    const { answer } = called;
    const compartments = "label" in answer ? answer.label.compartments : [];
    const isCleared = this.#parts.isCleared(this.#call.identity.principal, compartments);
    return isCleared ? toolReply(answer) : refused("this client is no longer cleared for the result");
  }

  facts(): TaskFacts {
    const times = { createdAtMs: this.#createdAtMs, updatedAtMs: this.#updatedAtMs, ttlMs: TTL_MS };
    return { id: this.id, status: this.#status(), message: null, ...times };
  }

  cancel(): boolean {
    if (this.#called !== null || this.#isCancelled) return false;
    this.#isCancelled = true;
    this.#stop.abort();
    return true;
  }

  #end(called: Called): void {
    const { principal } = this.#call.identity;
    this.#called = called;
    this.#updatedAtMs = this.#parts.clock.nowMs();
    if (this.#isCancelled && this.question !== null) this.#parts.withdraw(this.question, principal);
  }

  #status(): TaskStatus {
    if (this.#isCancelled) return "cancelled";
    const reply = this.reply();
    if (reply === null) return "working";
    return reply.kind !== "result" || reply.result["isError"] === true ? "failed" : "completed";
  }
}
