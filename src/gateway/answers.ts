// The door's questions and held effects: put, answered, decided again, carried out once, kept for who asked.
// Invariants: an answer acts only for the digest it was given to; a reason that was not shown asks anew;
// only a live owner answers, anybody may cancel; an outcome is handed only to the principal that asked, label first.

import {
  assert,
  bindingDigest,
  canonical,
  CLEAN,
  endorse,
  isExpired,
  join,
  objectFrom,
  oneLine,
  principalFrom,
  principalText,
  questionId,
  readJson,
  step,
  taskFrom,
} from "../kernel/index.ts";
import type {
  Answered,
  DoorAnswer,
  DoorRequest,
  JsonObject,
  OwnerAnswer,
  OwnerPresence,
  OwnersDoor,
  Question,
  Step,
} from "../kernel/index.ts";
import { alikeKey, type AnswerRow } from "../store/index.ts";
import { CUT_OFF, noText, pastText, waitingText } from "./answer-words.ts";
import { bearing, callOf, decisionFacts, entryOf, newReason, notDone, waitingFor } from "./case.ts";
import type { Asked, Case, DoorParts } from "./case.ts";
import { receiverClearance } from "./policy.ts";
import { questionSentence } from "./sentence.ts";
import { isTask, Tasks } from "./tasks.ts";

/** What the door does with a case; passed by the door alone. */
interface Steps {
  /** Starts the server; answers why it may or can not. */
  started(request: DoorRequest, asked: Asked): Promise<DoorAnswer | null>;
  judged(request: DoorRequest, asked: Asked): Case | DoorAnswer;
  execute(one: Case, question: Question): Promise<DoorAnswer>;
  newRequestId(): string;
  /** How often all was stopped: what was answered before a stop does not act after it. */
  stopCount(): number;
}

export const STOPPED_MEANWHILE = "everything was stopped meanwhile; call again";

const QUESTION_LIVES_MS = 24 * 3_600_000;

export class Answers implements Pick<OwnersDoor, "answer" | "cancel" | "result"> {
  readonly #parts: DoorParts;
  readonly #steps: Steps;
  /** Answered here and not yet done. */
  readonly #underway = new Set<string>();
  readonly #waiting = new Map<string, Set<(answer: DoorAnswer) => void>>();
  readonly tasks: Tasks;

  constructor(parts: DoorParts, steps: Steps) {
    this.#parts = parts;
    this.#steps = steps;
    this.tasks = new Tasks(parts, {
      asked: (call, why) => this.#asked(steps.newRequestId(), call, { ...why, laterUntilMs: null }),
      wait: (one, question) => this.#wait(one, question),
      ended: (question, reason) => this.#deliver(question, this.#dropped(question, reason)),
    });
  }

  /** The identical call waits or is held: this one joins it. What is allowed now closes its question: it runs once. */
  join(one: Case): Promise<DoorAnswer> | null {
    const question = this.#parts.store.questions.openAlike(alikeKey(callOf(one)));
    if (question?.state === "held" || (question && one.decision.kind !== "allow")) return this.#wait(one, question);
    if (question) this.#deliver(question, this.#dropped(question, "it was allowed meanwhile"));
    return null;
  }

  /** Puts a question or, where a time is given, holds what was allowed until then. */
  ask(one: Case, untilMs: number | null): Promise<DoorAnswer> {
    return this.#wait(one, this.#put(one, untilMs));
  }

  #wait(one: Case, question: Question): Promise<DoorAnswer> {
    const { signal, onProgress } = one.request;
    onProgress?.({ progress: 0, message: waitingText(question) });
    if (one.request.onWaiting?.(question.id) === false) return Promise.resolve(waitingFor(question));
    return new Promise((resolve) => {
      const listeners = this.#waiting.get(question.id) ?? new Set();
      this.#waiting.set(question.id, listeners);
      const finish = (outcome: DoorAnswer): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", leave);
        listeners.delete(finish);
        resolve(outcome);
      };
      const leave = (): void => finish(waitingFor(question));
      const timer = setTimeout(leave, this.#parts.waitMs).unref();
      signal?.addEventListener("abort", leave, { once: true });
      listeners.add(finish);
    });
  }

  #put(one: Case, laterUntilMs: number | null): Question {
    const { card, request, session } = one;
    assert(card !== null, "a question without a card");
    const call = { ...callOf(one), policy: bearing(one), label: join(session.label, one.handles) };
    const sentence = questionSentence(call.principal, card, request.args);
    const question = this.#asked(one.id, call, { ...one.decision, sentence, laterUntilMs });
    this.#parts.store.transaction(() => {
      this.#parts.store.questions.insert(question);
      const [kind, until] =
        laterUntilMs === null ? (["question", {}] as const) : (["hold", { untilMs: laterUntilMs }] as const);
      const facts = { ...decisionFacts(one), question: question.id, ...until };
      this.#parts.store.ledger.append({ ...entryOf(one, kind), facts, text: question.binding.args });
    });
    return question;
  }

  #asked(
    request: string,
    call: Omit<Question["binding"], "expiresAtMs">,
    why: Pick<Question, "because" | "clauses" | "sentence" | "laterUntilMs">,
  ): Question {
    const nowMs = this.#parts.clock.nowMs();
    const { because, clauses, sentence, laterUntilMs } = why;
    const binding = { ...call, expiresAtMs: (laterUntilMs ?? nowMs) + QUESTION_LIVES_MS };
    const state = laterUntilMs === null ? "open" : "held";
    const ends = { laterUntilMs, answeredAtMs: null, note: null } as const;
    const [id, digest] = [this.#freeId(), bindingDigest(binding)];
    return { id, request, binding, digest, state, because, clauses, sentence, askedAtMs: nowMs, ...ends };
  }

  #freeId(): string {
    for (let length = 3; length < 12; length += 1) {
      const id = questionId(this.#parts.random.bytes(length));
      if (this.#parts.store.questions.get(id) === null) return id;
    }
    throw new Error("Bug: no free question name");
  }

  async answer(id: string, given: OwnerAnswer, owner: OwnerPresence): Promise<Answered> {
    if (!owner.isLive(this.#parts.clock.nowMs())) return { kind: "refused", reason: "the owner session has ended" };
    const asked = this.#parts.store.questions.get(id);
    if (asked === null) return { kind: "refused", reason: `there is no question ${oneLine(id, 20)}` };
    const isRunning = asked.state === "held" && this.#underway.has(id) && given.kind !== "no";
    return isRunning ? { kind: "refused", reason: "its hold has just ended" } : this.#settle(asked, given, "owner");
  }

  async cancel(...[id, note, by]: Parameters<OwnersDoor["cancel"]>): Promise<Answered> {
    const asked = this.#parts.store.questions.get(id);
    const asker = by === undefined ? null : principalText(by);
    const isOwn = asker !== null && asked?.binding.principal === asker && asked.state === "open";
    if (asked?.state === "held" || isOwn) return this.#settle(asked, { kind: "no", note }, asker);
    return { kind: "refused", reason: `nothing is held as ${oneLine(id, 20)}` };
  }

  /** `by` is null where nobody proved to be the owner, or the program that takes its own call back. */
  async #settle(asked: Question, given: OwnerAnswer, by: string | null): Promise<Answered> {
    const edit = given.kind === "yes" ? given.args : undefined;
    if (edit !== undefined && isTask(asked) && taskFrom(edit) === null)
      return { kind: "refused", reason: "that is no outline with calls" };
    const step = edit === undefined ? this.#plain(asked, given, by) : this.#edited(asked, edit);
    if (step.kind === "refused") return step;
    if (given.kind === "yes") this.#endorse(step.question, given.endorse ?? []);
    const question = step.question;
    this.#underway.add(asked.id).add(question.id);
    const stopCount = this.#steps.stopCount();
    try {
      await this.#parts.store.durable();
      if (given.kind === "later" || question.state === "held") return { kind: "done", question, outcome: null };
      const outcome = await (given.kind === "no"
        ? this.#saidNo(question, by)
        : isTask(question)
          ? this.#agreed(question, asked.id)
          : this.#carryOut(question, stopCount));
      this.#deliver(question, outcome);
      if (question.id !== asked.id) this.#deliver(asked, outcome);
      return { kind: "done", question: this.#parts.store.questions.get(question.id) ?? question, outcome };
    } finally {
      this.#underway.delete(asked.id);
      this.#underway.delete(question.id);
    }
  }

  /** "This address is fine for this task": later calls of the conversation's present request may use the value. */
  #endorse({ binding, request }: Question, names: readonly string[]): void {
    const args = objectFrom(binding.args) ?? {};
    const known = names.filter((name) => Object.hasOwn(args, name));
    if (known.length === 0) return;
    const { provenance } = this.#parts.sessions.open(binding.session, principalFrom(binding.principal));
    for (const name of known) endorse(provenance, args[name] ?? null);
    const { session } = binding;
    const facts = { arguments: known };
    const entry = { kind: "session", session, principal: "owner", subject: "endorsed", request, facts } as const;
    this.#parts.store.ledger.append(entry);
  }

  #plain(asked: Question, given: OwnerAnswer, by: string | null): Step {
    const untilMs = given.kind === "yes" ? given.untilMs : undefined;
    const yes = untilMs === undefined ? ({ kind: "yes" } as const) : ({ kind: "hold", untilMs } as const);
    return this.#parts.store.transaction(() => {
      const moved = this.#parts.store.questions.apply(asked.id, given.kind === "yes" ? yes : given);
      if (moved.kind === "moved") this.#appendAnswer(moved.question, given.kind, by);
      return moved;
    });
  }

  /** The owner's own version: another binding, so another question, answered in the same breath. */
  #edited(asked: Question, args: JsonObject): Step {
    const nowMs = this.#parts.clock.nowMs();
    // Only an open question: a yes may be voided too, and would be inherited by what it was edited into.
    const may = step(asked, { kind: "yes" }, nowMs);
    if (may.kind === "refused") return may;
    const binding = { ...asked.binding, args: canonical(args), expiresAtMs: nowMs + QUESTION_LIVES_MS };
    const digest = bindingDigest(binding);
    const [id, request] = [this.#freeId(), this.#steps.newRequestId()];
    const fresh: Question = { ...asked, id, request, binding, digest, askedAtMs: nowMs };
    return this.#parts.store.transaction(() => {
      const voided = this.#parts.store.questions.apply(asked.id, { kind: "void", note: `edited into ${fresh.id}` });
      if (voided.kind === "refused") return voided;
      this.#parts.store.questions.insert(fresh);
      const moved = this.#parts.store.questions.apply(fresh.id, { kind: "yes" });
      if (moved.kind === "moved") this.#appendAnswer(moved.question, "edit-and-yes", "owner");
      return moved;
    });
  }

  #appendAnswer(question: Question, given: string, by: string | null): void {
    const { session, tool } = question.binding;
    const facts = { question: question.id, answer: given };
    const { request } = question;
    const note = question.note === null ? {} : { text: question.note };
    const entry = { kind: "answer", session, principal: by, subject: tool, request, facts, ...note } as const;
    this.#parts.store.ledger.append(entry);
  }

  /** Decides again with what is true now, and acts only for reasons the owner has seen. */
  async #carryOut(question: Question, stopCount: number): Promise<DoorAnswer> {
    const { binding } = question;
    assert(bindingDigest(binding) === question.digest, "a question changed after it was asked");
    const args = objectFrom(binding.args);
    assert(args !== null, "a question holds no arguments");
    const principal = principalFrom(binding.principal);
    const request = { session: binding.session, principal, tool: binding.tool, args };
    const asked = { id: question.request, handles: binding.label };
    const fault = await this.#steps.started(request, asked);
    // A stop freezes what is held, and voids an answer.
    if (stopCount !== this.#steps.stopCount()) {
      const isHeld = question.state === "held";
      return isHeld ? waitingFor(question) : this.#dropped(question, STOPPED_MEANWHILE);
    }
    if (fault !== null) return this.#voided(question, fault);
    const one = this.#steps.judged(request, asked);
    if (!("decision" in one)) return this.#voided(question, one);
    const news = newReason(question, one);
    return news === null
      ? this.#steps.execute(one, question)
      : this.#askAnew(question, { ...one, id: this.#steps.newRequestId() }, news);
  }

  #voided(question: Question, outcome: DoorAnswer): DoorAnswer {
    const note = "reason" in outcome ? oneLine(outcome.reason, 300) : "denied";
    this.#parts.store.questions.apply(question.id, { kind: "void", note });
    return outcome;
  }

  #dropped(question: Question, reason: string): DoorAnswer {
    return this.#voided(question, notDone(question.request, reason, question.clauses));
  }

  #agreed(question: Question, askedAs: string): DoorAnswer {
    const refusal = this.tasks.agree(question, askedAs);
    if (refusal !== null) return this.#dropped(question, refusal);
    const content = [{ type: "text", text: "The owner said yes to the task. Go on, and make its calls now." }];
    return { kind: "result", request: question.request, result: { content }, label: CLEAN };
  }

  #askAnew(question: Question, one: Case, why: string): DoorAnswer {
    return this.#parts.store.transaction((): DoorAnswer => {
      if (one.decision.kind !== "ask") {
        this.#parts.store.questions.apply(question.id, { kind: "void", note: why });
        const { because, clauses } = one.decision;
        return { kind: "denied", request: one.id, because, reason: `${why}; call again`, clauses };
      }
      const fresh = this.#put(one, null);
      this.#parts.store.questions.apply(question.id, { kind: "void", note: `${why}; asked anew as ${fresh.id}` });
      return { kind: "waiting", request: one.id, question: fresh.id };
    });
  }

  #saidNo(question: Question, by: string | null): DoorAnswer {
    const { request, because, clauses } = question;
    return { kind: "denied", request, because, reason: noText(question, by), clauses };
  }

  /** Keeps the outcome for freehold_result and wakes whoever still waits. */
  #deliver(question: Question, outcome: DoorAnswer): void {
    const { principal, session } = question.binding;
    const label = "label" in outcome ? outcome.label : CLEAN;
    this.#parts.store.answers.put({ question: question.id, principal, session, answer: objectOf(outcome), label });
    const listeners = [...(this.#waiting.get(question.id) ?? [])];
    this.#waiting.delete(question.id);
    for (const listener of listeners) listener(outcome);
  }

  /** What was answered and not done, or held to its end. */
  async carryOut(state: "yes" | "held"): Promise<void> {
    const { clock, store } = this.#parts;
    const [nowMs, stopCount] = [clock.nowMs(), this.#steps.stopCount()];
    const isDue = ({ id, laterUntilMs }: Question): boolean =>
      state === "yes" || ((laterUntilMs ?? Infinity) <= nowMs && !this.#underway.has(id));
    const due = store.questions.list([state]).filter((question) => !isExpired(question, nowMs) && isDue(question));
    // Each by itself: one that hangs or fails does not hold up the others.
    await Promise.allSettled(
      due.map(async (question) => {
        this.#underway.add(question.id);
        const acted = isTask(question) ? this.#agreed(question, question.id) : this.#carryOut(question, stopCount);
        const outcome = await Promise.resolve(acted).finally(() => this.#underway.delete(question.id));
        // Cancelled meanwhile, or frozen by a stop: nothing has come of it here.
        if (!["held", "no"].includes(store.questions.get(question.id)?.state ?? "")) this.#deliver(question, outcome);
      }),
    );
  }

  async result(id: string, asker: Pick<DoorRequest, "session" | "principal">): Promise<DoorAnswer> {
    const question = this.#parts.store.questions.get(id);
    const request = question?.request ?? this.#steps.newRequestId();
    if (question === null || question.binding.principal !== principalText(asker.principal)) {
      return notDone(request, "there is no such question of yours");
    }
    const kept = this.#parts.store.answers.get(id);
    if (kept !== null) return this.#handOver(kept, asker);
    const isPending = question.state === "open" || question.state === "held";
    if (isPending && isExpired(question, this.#parts.clock.nowMs())) {
      this.#parts.store.questions.apply(id, { kind: "expire" });
      return notDone(request, "the question expired without an answer; expiry means no");
    }
    const isExpiredYes = question.state === "yes" && isExpired(question, this.#parts.clock.nowMs());
    if (this.#underway.has(id) || isPending || (question.state === "yes" && !isExpiredYes)) return waitingFor(question);
    if (question.state === "spent") {
      return { kind: "failed", request, code: -32_603, reason: CUT_OFF, label: CLEAN };
    }
    return notDone(request, pastText(question));
  }

  /** The stored outcome keeps its label; the session that fetches it takes the label on first. */
  #handOver(row: AnswerRow, asker: Pick<DoorRequest, "session" | "principal">): DoorAnswer {
    const kept = row.answer as unknown as DoorAnswer;
    if (kept.kind !== "result" && kept.kind !== "failed") return kept;
    const receiver = receiverClearance(this.#parts.policy().stack, asker.principal.kind, asker.principal.name);
    if (row.label.compartments.some((name) => !receiver.includes(name))) {
      const reason = "you are no longer cleared for it";
      return { kind: "denied", request: kept.request, because: "C1", reason, clauses: [] };
    }
    this.#parts.sessions.taint(this.#parts.sessions.open(asker.session, asker.principal), row.label);
    return kept;
  }
}

/** A door answer is plain data; the round trip drops what is undefined. */
function objectOf(outcome: DoorAnswer): JsonObject {
  return readJson(JSON.stringify(outcome)) as JsonObject;
}
