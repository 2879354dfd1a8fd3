// The door: the only place where effects happen. Every call, whoever asks, runs these steps in this order.
// Invariants: no send without a permit, no permit without an allow or an answer spent in the same transaction as
// the intent; an effect's intent is on disk before it acts; a label is saved before the byte that brings it leaves.

import {
  assert,
  beginRequest,
  canonical,
  CLEAN,
  Fault,
  hasEgress,
  issuePermit,
  isTainted,
  noteResult,
  principalText,
  reasonOf,
  spend,
} from "../kernel/index.ts";
import type { DoorAnswer, DoorRequest, OwnerPresence, OwnersDoor, Permit, Question } from "../kernel/index.ts";
import type { RpcReply } from "../mcp/index.ts";
import type { NewEntry } from "../store/index.ts";
import { earsOf } from "./asks.ts";
import { Answers, STOPPED_MEANWHILE } from "./answers.ts";
import {
  argsText,
  countRun,
  decisionFacts,
  entryOf,
  inOrder,
  look,
  notDone,
  resultLabel,
  serverLabel,
  withinQuestions,
  type Asked,
  type Case,
} from "./case.ts";
import { countDenials, deniedText, type Denials } from "./denials.ts";
import { fillHandles, handleNote, keep, takeOut } from "./handles.ts";
import { holdEnd } from "./hold-length.ts";
import { ModelDoor, type ModelDoorParts } from "./model-door.ts";
import { send } from "./send.ts";
import { noteUndo } from "./undo.ts";
import type { Upstream } from "./upstreams.ts";

const CALL_TIMEOUT_MS = 10 * 60_000;
const STOPPED = "door.stopped";
const WORDS_KEPT_MAX = 100_000;
const KEPT_FAULT = "it failed, and what it said is kept from this conversation";

export function openDoor(parts: ModelDoorParts): OwnersDoor {
  return new TheDoor(parts);
}

interface Act {
  readonly permit: Permit;
  readonly paramsText: string;
  readonly isEffect: boolean;
}

class TheDoor implements OwnersDoor {
  readonly #parts: ModelDoorParts;
  readonly #models: ModelDoor;
  readonly #answers: Answers;
  readonly #epoch: string;
  readonly #denials: Denials;
  #childCount = 0;
  #stopped: boolean;
  /** What was decided before a stop does not act after it, not even when all is resumed. */
  #stopCount = 0;

  // What other files of the door do.
  readonly answer: OwnersDoor["answer"] = (...given) => this.#answers.answer(...given);
  readonly cancel: OwnersDoor["cancel"] = (...held) => this.#answers.cancel(...held);
  readonly result: OwnersDoor["result"] = (...asked) => this.#answers.result(...asked);
  readonly carryOutAnswered: OwnersDoor["carryOutAnswered"] = () => this.#answers.carryOut("yes");
  readonly takeOut: OwnersDoor["takeOut"] = (wanted) => takeOut(this.#parts, wanted);
  readonly keep: OwnersDoor["keep"] = (...kept) => keep(this.#parts, kept);
  readonly think: OwnersDoor["think"] = (request) => this.#models.think(request);

  constructor(parts: ModelDoorParts) {
    this.#parts = parts;
    this.#denials = countDenials(parts.clock);
    this.#epoch = Buffer.from(parts.random.bytes(6)).toString("hex");
    this.#stopped = (parts.store.settings.get(STOPPED) ?? "") !== "";
    this.#answers = new Answers(parts, {
      started: (request, asked) => this.#started(request, asked),
      judged: (request, asked) => this.#judged(request, asked),
      execute: (one, question) => this.#execute(one, question),
      newRequestId: () => this.#newRequestId(),
      stopCount: () => this.#stopCount,
    });
    this.#models = new ModelDoor(parts, {
      newRequestId: () => this.#newRequestId(),
      stopCount: () => this.#stopCount,
      isStopped: () => this.#stopped,
      deny: (entry) => this.#keepDenied(entry),
    });
  }

  #newRequestId(): string {
    // By time, so that the ledger's index grows at its end; then by lot, as a running number would tell a client how
    // busy the others are.
    const time = this.#parts.clock.nowMs().toString(16).padStart(12, "0");
    return `r-${time}${Buffer.from(this.#parts.random.bytes(5)).toString("hex")}`;
  }

  async call(request: DoorRequest): Promise<DoorAnswer> {
    const id = this.#newRequestId();
    const filled = fillHandles(this.#parts.store, { ...request, args: inOrder(request.args) });
    if (filled.kind === "refused") return notDone(id, filled.reason);
    const asked = { id, handles: filled.handles };
    const fault = await this.#started(filled.request, asked);
    if (fault !== null) return fault;
    // From the decision to its record nothing is awaited: what is left of a count is given once.
    const one = this.#judged(filled.request, asked);
    if (!("decision" in one)) return one;
    const untilMs = one.decision.kind === "allow" ? holdEnd(one, this.#parts.clock.nowMs()) : null;
    const isFree = one.decision.kind === "allow" && untilMs === null;
    if (isFree) return (one.card?.effect === "read" ? null : this.#answers.join(one)) ?? this.#execute(one, null);
    const task = untilMs === null ? await this.#answers.tasks.join(one) : null;
    if (task !== null) return task.kind === "result" ? this.call(request) : task;
    const joined = this.#answers.join(one);
    if (joined !== null) return joined;
    const bounded = withinQuestions(this.#parts, one);
    return bounded.decision.kind === "deny" ? this.#deny(bounded) : this.#answers.ask(bounded, untilMs);
  }

  /** A server is started before anything is asked or allowed, so that its real surface is judged. */
  async #started(request: DoorRequest, asked: Asked): Promise<DoorAnswer | null> {
    const server = request.tool.slice(0, Math.max(0, request.tool.indexOf(".")));
    if (this.#parts.upstreams.running(server) !== null) return null;
    const one = this.#judged(request, asked);
    if (!("decision" in one)) return one;
    const stopCount = this.#stopCount;
    try {
      await this.#parts.upstreams.start(server);
      if (stopCount === this.#stopCount) return null;
      return { kind: "failed", request: asked.id, code: -32_603, reason: STOPPED_MEANWHILE, label: CLEAN };
    } catch (error) {
      const label = serverLabel(one);
      this.#parts.sessions.taint(one.session, label);
      return { kind: "failed", request: asked.id, code: -32_603, reason: reasonOf(error), label };
    }
  }

  #judged(request: DoorRequest, asked: Asked): Case | DoorAnswer {
    const one = look(this.#parts, request, { ...asked, stopped: this.#stopped });
    return one.decision.kind === "deny" ? this.#deny(one) : one;
  }

  #deny(one: Case): DoorAnswer {
    const { because, clauses } = one.decision;
    const reason = clauses.find((given) => given.clause === because && given.answer === "deny")?.reason ?? "denied";
    const entry = { ...entryOf(one, "denied"), facts: decisionFacts(one), text: deniedText(argsText(one)) };
    this.#keepDenied(entry);
    return { kind: "denied", request: one.id, because, reason, clauses };
  }

  #keepDenied(entry: NewEntry): void {
    for (const kept of this.#denials.kept(entry)) this.#parts.store.ledger.append(kept);
  }

  async #execute(one: Case, question: Question | null): Promise<DoorAnswer> {
    const { card, wire } = one;
    assert(card !== null && wire !== null, "acting without a card");
    const stopCount = this.#stopCount;
    const paramsText = canonical(wire.params);
    const permit = issuePermit({
      id: `p-${one.id}`,
      request: one.id,
      server: one.server,
      method: wire.method,
      canonicalParams: paramsText,
    });
    const isEffect = card.effect !== "read" || hasEgress(card, one.request.args);
    const record = (): string | null => this.#record(one, { permit, isEffect, question });
    // What counts against a limit is recorded before anything else is decided; a plain read may wait for its turn.
    const isPlain = !isEffect && question === null && one.decision.clauses.every((given) => given.rule === undefined);
    const refusal = isPlain ? await this.#parts.store.together(record) : record();
    if (refusal !== null) return notDone(one.id, refusal, one.decision.clauses);
    const wasClean = !isTainted(one.session.label);
    const isKept = card.result.mode === "handle";
    if (!isKept) this.#parts.sessions.taint(one.session, resultLabel(one));
    if (isEffect) spend(one.session.provenance, one.request.tool, one.request.args);
    if (isEffect) await this.#parts.store.durable();
    const upstream = this.#stillMay(one, stopCount);
    if (typeof upstream === "string") return this.#close(one, "not-sent", { kind: "broken", reason: upstream });
    const answer = await this.#act(one, { permit, paramsText, upstream, isEffect });
    if (answer.kind === "result" && isKept) {
      const handle = this.#parts.store.handles.put({ ...answer, session: one.session.id });
      return { kind: "withheld", request: one.id, handle, reason: handleNote(answer.result) };
    }
    if (answer.kind === "result") {
      const structured = answer.result["structuredContent"];
      noteResult(one.session.provenance, { card, args: one.request.args, structured, wasClean });
    }
    return answer;
  }

  /** Between the decision and the act the disk was waited for: what changed meanwhile counts. */
  #stillMay(one: Case, stopCount: number): Upstream | string {
    if (this.#stopped) return "everything is stopped";
    if (this.#stopCount !== stopCount) return STOPPED_MEANWHILE;
    if (this.#parts.policy().digest !== one.policy.digest) return "the policy changed; call again";
    const upstream = this.#parts.upstreams.running(one.server);
    if (upstream === null) return "the server ended";
    const isAsPinned = upstream.quarantine === null && upstream.pinOf(one.request.tool) === one.card?.pin;
    return isAsPinned ? upstream : "its definitions changed";
  }

  /** The intent, the spent answer and the spent permit stand or fall together. Returns why not. */
  #record(one: Case, terms: Omit<Act, "paramsText"> & { readonly question: Question | null }): string | null {
    const { permit, isEffect, question } = terms;
    return this.#parts.store.transaction(() => {
      if (question !== null) {
        const spent = this.#parts.store.questions.apply(question.id, { kind: "spend" });
        if (spent.kind === "refused") return spent.reason;
      }
      if (isEffect && !this.#parts.store.permits.spend(permit)) return "this request was already carried out";
      if (isEffect) countRun(this.#parts, one);
      const named = question === null ? {} : { question: question.id };
      const facts = decisionFacts(one, { ...named, effect: isEffect });
      this.#parts.store.ledger.append({ ...entryOf(one, "intent"), facts, text: argsText(one) });
      return null;
    });
  }

  async #act(one: Case, terms: Act & { readonly upstream: Upstream }): Promise<DoorAnswer> {
    const { permit, paramsText, upstream, isEffect } = terms;
    const { signal } = one.request;
    upstream.usedAtMs = this.#parts.clock.nowMs();
    const reply = await send({
      permit,
      peer: upstream.peer,
      paramsText,
      timeoutMs: CALL_TIMEOUT_MS,
      ...earsOf(this.#parts, one, () => this.#stopped),
      ...(signal === undefined ? {} : { signal }),
    });
    return this.#close(one, reply.kind !== "broken" ? "outcome" : isEffect ? "unknown" : "lost", reply);
  }

  async #close(one: Case, how: "outcome" | "unknown" | "lost" | "not-sent", reply: RpcReply): Promise<DoorAnswer> {
    const label = reply.kind === "result" ? resultLabel(one) : serverLabel(one);
    // What a handle keeps from a conversation, an error of the same tool does not bring into it.
    const isKept = one.card?.result.mode === "handle" && how !== "not-sent";
    if (!isKept) this.#parts.sessions.taint(one.session, label);
    const facts = { label: { ...label }, reply: how === "not-sent" ? how : reply.kind };
    const entry = { ...entryOf(one, how === "not-sent" ? "outcome" : how), facts };
    await this.#parts.store.together(() => {
      this.#parts.store.ledger.append(entry);
      noteUndo(this.#parts.store, one, reply);
    });
    if (reply.kind === "result") return { kind: "result", request: one.id, result: reply.result, label };
    const code = reply.kind === "error" && !isKept ? reply.code : -32_603;
    const said = isKept ? KEPT_FAULT : reply.kind === "error" ? reply.message : reply.reason;
    const reason = how === "unknown" ? `${said}. It may or may not have happened; the owner was told.` : said;
    const data = reply.kind === "error" && !isKept && reply.data !== undefined ? { data: reply.data } : {};
    return { kind: "failed", request: one.id, code, reason, ...data, label: isKept ? CLEAN : label };
  }

  openChild({ session, principal }: Pick<DoorRequest, "session" | "principal">): string {
    const parent = this.#parts.sessions.open(session, principal);
    this.#childCount += 1;
    const id = `${session}/${this.#epoch}-${this.#childCount}`;
    this.#parts.sessions.taint(this.#parts.sessions.open(id, principal), parent.label);
    return id;
  }

  hear(words: Parameters<OwnersDoor["hear"]>[0], owner: OwnerPresence): string | null {
    this.#needOwner(owner, "only the owner's own words count as theirs.");
    const session = this.#parts.sessions.open(words.session, words.principal);
    // What a conversation that has read strangers' text plans is no longer the owner's plan.
    const outline = isTainted(session.label) ? null : words.outline;
    beginRequest(session.provenance, words.message, outline);
    this.#parts.store.ledger.append({
      kind: "session",
      session: words.session,
      principal: principalText(words.principal),
      subject: "owner words",
      request: null,
      facts: { outline: outline === null ? null : Object.fromEntries(outline) },
      text: words.message.slice(0, WORDS_KEPT_MAX),
    });
    return this.#answers.tasks.ask(session, words.foreseen ?? []);
  }

  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    this.#stopCount += 1;
    // First of all: also on a full disk, where nothing can be recorded.
    this.#models.stop();
    const stopped = this.#parts.upstreams.killAll();
    try {
      this.#parts.store.transaction(() => {
        this.#parts.store.settings.set(STOPPED, String(this.#parts.clock.nowMs()));
        this.#parts.store.ledger.append({ ...this.#own("stop"), facts: {}, text: reason.slice(0, 1_000) });
      });
      await this.#parts.store.durable();
    } finally {
      await stopped;
    }
  }

  resume(owner: OwnerPresence): void {
    this.#needOwner(owner, "only the owner can resume.");
    this.#parts.store.transaction(() => {
      this.#parts.store.settings.set(STOPPED, "");
      this.#parts.store.ledger.append({ ...this.#own("resume"), facts: {} });
    });
    this.#parts.sessions.endTasks();
    this.#stopped = false;
  }

  #needOwner(owner: OwnerPresence, message: string): void {
    if (!owner.isLive(this.#parts.clock.nowMs())) throw new Fault("owner.needed", { message });
  }

  #own(kind: "start" | "stop" | "resume"): NewEntry {
    const principal = kind === "resume" ? "owner" : null;
    return { kind, session: null, principal, subject: kind, request: null, facts: {} };
  }

  async recover(): Promise<{ lost: number; unknown: number }> {
    const counts = { lost: 0, unknown: 0 };
    for (const intent of this.#parts.store.ledger.unfinished()) {
      const kind = intent.facts["effect"] === false ? "lost" : "unknown";
      counts[kind] += 1;
      const { session, principal, subject, request } = intent;
      this.#parts.store.ledger.append({ kind, session, principal, subject, request, facts: { intent: intent.seq } });
    }
    this.#parts.store.ledger.append({
      ...this.#own("start"),
      facts: { policy: this.#parts.policy().digest, ...counts },
    });
    await this.#parts.store.durable();
    return counts;
  }

  carryOutHeld(): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#answers.carryOut("held");
  }

  connect({ principal, purpose, host, port }: Parameters<OwnersDoor["connect"]>[0]): boolean {
    const facts = { purpose, allowed: !this.#stopped };
    const entry = { kind: "connection", session: null, principal, subject: `${host}:${port}`, request: null } as const;
    this.#parts.store.ledger.append({ ...entry, facts });
    return !this.#stopped;
  }

  noteMasked(server: string, secrets: readonly string[]): void {
    const body = { kind: "masked", session: null, principal: `server:${server}`, subject: server } as const;
    this.#parts.store.ledger.append({ ...body, request: null, facts: { secrets } });
  }

  isStopped(): boolean {
    return this.#stopped;
  }
}
