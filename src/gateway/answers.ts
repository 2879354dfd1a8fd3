// The door's questions: put, answered, decided again, carried out once, kept for who asked.
// Invariants: an answer acts only for the digest it was given to; a reason that was not shown asks anew;
// only a live owner answers; an outcome is handed only to the principal that asked, label first.

import {
  assert,
  bindingDigest,
  canonical,
  CLEAN,
  isExpired,
  isObject,
  oneLine,
  parseStrict,
  principalFrom,
  principalText,
  questionId,
  type Answered,
  type Digest,
  type DoorAnswer,
  type DoorRequest,
  type JsonObject,
  type OwnerAnswer,
  type OwnerPresence,
  type OwnersDoor,
  type Question,
} from "../kernel/index.ts";
import { alikeKey, type AnswerRow } from "../store/index.ts";
import { argsText, decisionFacts, entryOf, type Case } from "./case.ts";
import type { DoorParts } from "./door.ts";
import { receiverClearance } from "./policy.ts";
import { questionSentence } from "./sentence.ts";

interface AnswersParts extends DoorParts {
  judged(request: DoorRequest, id: string): Promise<Case | DoorAnswer>;
  execute(one: Case, question: Question): Promise<DoorAnswer>;
  newRequestId(): string;
}

export interface Answers extends Pick<OwnersDoor, "answer" | "result"> {
  ask(one: Case): Promise<DoorAnswer>;
  /** After a crash: answers that were given but not yet carried out. */
  carryOutAnswered(): Promise<void>;
}

const QUESTION_LIVES_MS = 24 * 3_600_000;

export function openAnswers(parts: AnswersParts): Answers {
  const { store, clock, sessions } = parts;
  const waiting = new Map<string, Set<(answer: DoorAnswer) => void>>();

  function ask(one: Case): Promise<DoorAnswer> {
    const { signal, onProgress } = one.request;
    const question = store.questions.openAlike(keyOf(one)) ?? put(one);
    onProgress?.({ progress: 0, message: `Waiting for the owner, question ${question.id}` });
    return new Promise((resolve) => {
      const listeners = waiting.get(question.id) ?? new Set();
      waiting.set(question.id, listeners);
      const finish = (outcome: DoorAnswer): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", leave);
        listeners.delete(finish);
        resolve(outcome);
      };
      const leave = (): void => finish({ kind: "waiting", request: question.request, question: question.id });
      const timer = setTimeout(leave, parts.waitMs).unref();
      signal?.addEventListener("abort", leave, { once: true });
      listeners.add(finish);
    });
  }

  /** Identical calls of one conversation join one question. */
  function keyOf(one: Case): Digest {
    const { session, principal, tool } = one.request;
    const pin = one.card?.pin ?? "";
    return alikeKey({ session, principal: principalText(principal), tool, args: argsText(one), pin });
  }

  function put(one: Case): Question {
    const { card, request, session, policy, decision } = one;
    assert(card !== null, "a question without a card");
    const principal = principalText(request.principal);
    const nowMs = clock.nowMs();
    const binding = {
      session: request.session,
      principal,
      tool: request.tool,
      args: argsText(one),
      pin: card.pin,
      policy: policy.digest,
      label: session.label,
      expiresAtMs: nowMs + QUESTION_LIVES_MS,
    };
    const question: Question = {
      id: freeId(),
      request: one.id,
      binding,
      digest: bindingDigest(binding),
      state: "open",
      because: decision.because,
      clauses: decision.clauses,
      sentence: questionSentence(principal, card, request.args),
      askedAtMs: nowMs,
      laterUntilMs: null,
      answeredAtMs: null,
      note: null,
    };
    store.transaction(() => {
      store.questions.insert(question);
      const facts = { ...decisionFacts(one), question: question.id, digest: question.digest };
      store.ledger.append({ ...entryOf(one, "question"), facts, text: binding.args });
    });
    return question;
  }

  function freeId(): string {
    for (let length = 3; length < 12; length += 1) {
      const id = questionId(parts.random.bytes(length));
      if (store.questions.get(id) === null) return id;
    }
    throw new Error("Bug: no free question name");
  }

  async function answer(id: string, given: OwnerAnswer, owner: OwnerPresence): Promise<Answered> {
    if (!owner.isLive(clock.nowMs())) return { kind: "refused", reason: "the owner session has ended" };
    const asked = store.questions.get(id);
    if (asked === null) return { kind: "refused", reason: `there is no question ${oneLine(id, 20)}` };
    const edit = given.kind === "yes" ? given.args : undefined;
    const step = edit === undefined ? plain(asked, given) : edited(asked, edit);
    if (step.kind === "refused") return step;
    const question = step.question;
    await store.durable();
    if (given.kind === "later") return { kind: "done", question, outcome: null };
    const outcome = given.kind === "yes" ? await carryOut(question) : saidNo(question);
    deliver(question, outcome);
    if (question.id !== asked.id) deliver(asked, outcome);
    return { kind: "done", question: store.questions.get(question.id) ?? question, outcome };
  }

  function plain(asked: Question, given: OwnerAnswer): ReturnType<typeof store.questions.apply> {
    return store.transaction(() => {
      const moved = store.questions.apply(asked.id, given.kind === "yes" ? { kind: "yes" } : given);
      if (moved.kind === "moved") appendAnswer(moved.question, given.kind);
      return moved;
    });
  }

  /** The owner's own version: another binding, so another question, answered in the same breath. */
  function edited(asked: Question, args: JsonObject): ReturnType<typeof store.questions.apply> {
    const nowMs = clock.nowMs();
    const binding = { ...asked.binding, args: canonical(args), expiresAtMs: nowMs + QUESTION_LIVES_MS };
    const digest = bindingDigest(binding);
    const fresh: Question = { ...asked, id: freeId(), request: parts.newRequestId(), binding, digest, askedAtMs: nowMs };
    return store.transaction(() => {
      const voided = store.questions.apply(asked.id, { kind: "void", note: `edited into ${fresh.id}` });
      if (voided.kind === "refused") return voided;
      store.questions.insert(fresh);
      const moved = store.questions.apply(fresh.id, { kind: "yes" });
      if (moved.kind === "moved") appendAnswer(moved.question, "edit-and-yes");
      return moved;
    });
  }

  function appendAnswer(question: Question, given: string): void {
    const { session, tool } = question.binding;
    const facts = { question: question.id, digest: question.digest, answer: given };
    const { request } = question;
    const note = question.note === null ? {} : { text: question.note };
    store.ledger.append({ kind: "answer", session, principal: "owner", subject: tool, request, facts, ...note });
  }

  /** Decides again with what is true now, and acts only for reasons the owner has seen. */
  async function carryOut(question: Question): Promise<DoorAnswer> {
    const { binding } = question;
    assert(bindingDigest(binding) === question.digest, "a question changed after it was asked");
    const parsed = parseStrict(binding.args);
    assert(parsed.kind === "value" && isObject(parsed.value), "a question holds no arguments");
    const principal = principalFrom(binding.principal);
    const request = { session: binding.session, principal, tool: binding.tool, args: parsed.value };
    const one = await parts.judged(request, question.request);
    if (!("decision" in one)) {
      store.questions.apply(question.id, { kind: "void", note: "reason" in one ? oneLine(one.reason, 300) : "denied" });
      return one;
    }
    const news = newReason(question, one);
    return news === null ? parts.execute(one, question) : askAnew(question, { ...one, id: parts.newRequestId() }, news);
  }

  function newReason(question: Question, one: Case): string | null {
    const { binding, clauses } = question;
    if (binding.policy !== one.policy.digest || binding.pin !== one.card?.pin) return "the policy changed since it was asked";
    const shown = new Set(clauses.map((given) => `${given.clause} ${given.answer} ${given.reason}`));
    const fresh = one.decision.clauses.find(
      (given) => given.answer !== "allow" && !shown.has(`${given.clause} ${given.answer} ${given.reason}`),
    );
    return fresh?.reason ?? null;
  }

  function askAnew(question: Question, one: Case, why: string): DoorAnswer {
    return store.transaction((): DoorAnswer => {
      if (one.decision.kind !== "ask") {
        store.questions.apply(question.id, { kind: "void", note: why });
        const { because, clauses } = one.decision;
        return { kind: "denied", request: one.id, because, reason: `${why}; call again`, clauses };
      }
      const fresh = put(one);
      store.questions.apply(question.id, { kind: "void", note: `${why}; asked anew as ${fresh.id}` });
      return { kind: "waiting", request: one.id, question: fresh.id };
    });
  }

  function saidNo(question: Question): DoorAnswer {
    const note = question.note === null || question.note === "" ? "" : `: ${oneLine(question.note, 300)}`;
    const { request, because, clauses } = question;
    return { kind: "denied", request, because, reason: `the owner said no${note}`, clauses };
  }

  /** Keeps the outcome for freehold_result and wakes whoever still waits. */
  function deliver(question: Question, outcome: DoorAnswer): void {
    const { principal, session } = question.binding;
    const label = "label" in outcome ? outcome.label : CLEAN;
    store.answers.put({ question: question.id, principal, session, answer: objectOf(outcome), label });
    const listeners = [...(waiting.get(question.id) ?? [])];
    waiting.delete(question.id);
    for (const listener of listeners) listener(outcome);
  }

  async function carryOutAnswered(): Promise<void> {
    for (const question of store.questions.list(["yes"])) {
      if (!isExpired(question, clock.nowMs())) deliver(question, await carryOut(question));
    }
  }

  function result(id: string, asker: Pick<DoorRequest, "session" | "principal">): Promise<DoorAnswer> {
    return Promise.resolve(outcomeOf(id, asker));
  }

  function outcomeOf(id: string, asker: Pick<DoorRequest, "session" | "principal">): DoorAnswer {
    const question = store.questions.get(id);
    const request = question?.request ?? parts.newRequestId();
    const nothing = (reason: string): DoorAnswer => ({ kind: "denied", request, because: "C0", reason, clauses: [] });
    if (question === null || question.binding.principal !== principalText(asker.principal)) {
      return nothing("there is no such question of yours");
    }
    const kept = store.answers.get(id);
    if (kept !== null) return handOver(kept, asker);
    if (question.state === "open" && isExpired(question, clock.nowMs())) {
      store.questions.apply(id, { kind: "expire" });
      return nothing("the question expired without an answer; expiry means no");
    }
    if (question.state === "open" || question.state === "yes") return { kind: "waiting", request, question: id };
    return nothing(`the question is ${question.state}${question.note === null ? "" : `: ${oneLine(question.note, 300)}`}`);
  }

  /** The stored outcome keeps its label; the session that fetches it takes the label on first. */
  function handOver(row: AnswerRow, asker: Pick<DoorRequest, "session" | "principal">): DoorAnswer {
    const kept = row.answer as unknown as DoorAnswer;
    if (kept.kind !== "result" && kept.kind !== "failed") return kept;
    const receiver = receiverClearance(parts.policy().stack, asker.principal.kind, asker.principal.name);
    if (row.label.compartments.some((name) => !receiver.includes(name))) {
      const reason = "you are no longer cleared for it";
      return { kind: "denied", request: kept.request, because: "C1", reason, clauses: [] };
    }
    sessions.taint(sessions.open(asker.session, asker.principal), row.label);
    return kept;
  }

  return { ask, answer, result, carryOutAnswered };
}

/** A door answer is plain data; the round trip drops what is undefined. */
function objectOf(outcome: DoorAnswer): JsonObject {
  return JSON.parse(JSON.stringify(outcome)) as JsonObject;
}
