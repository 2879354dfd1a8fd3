// The door: the only place where effects happen. Every call, whoever asks, runs these steps in this order.
// Invariants: no send without a permit, no permit without an allow or an answer spent in the same transaction as
// the intent; the intent of an effect is on disk before it acts; a label is saved before the byte that brings it leaves.

import {
  assert,
  canonical,
  Fault,
  hasEgress,
  issuePermit,
  join,
  reasonOf,
  type DoorAnswer,
  type DoorRequest,
  type OwnerPresence,
  type OwnersDoor,
  type Permit,
  type Question,
  type Random,
} from "../kernel/index.ts";
import type { RpcReply } from "../mcp/index.ts";
import { openAnswers } from "./answers.ts";
import { argsText, decisionFacts, entryOf, look, resultLabel, serverLabel, type Case, type CaseParts } from "./case.ts";
import { send } from "./send.ts";
import type { Upstream } from "./upstreams.ts";

export interface DoorParts extends CaseParts {
  readonly random: Random;
  /** How long a client is kept waiting for the owner before it is told to come back. */
  readonly waitMs: number;
}

const CALL_TIMEOUT_MS = 10 * 60_000;
const STOPPED = "door.stopped";

export function openDoor(parts: DoorParts): OwnersDoor {
  const { store, clock, sessions, upstreams } = parts;
  const { ledger } = store;
  let stopped = (store.settings.get(STOPPED) ?? "") !== "";
  let requestCount = 0;
  const epoch = Buffer.from(parts.random.bytes(6)).toString("hex");

  const answers = openAnswers({ ...parts, judged, execute, newRequestId });

  function newRequestId(): string {
    requestCount += 1;
    return `r-${epoch}-${requestCount}`;
  }

  async function call(request: DoorRequest): Promise<DoorAnswer> {
    const one = await judged(request, newRequestId());
    if (!("decision" in one)) return one;
    return one.decision.kind === "allow" ? execute(one, null) : answers.ask(one);
  }

  /** A server is started before anything is asked or allowed, so that its real surface has been judged. */
  async function judged(request: DoorRequest, id: string): Promise<Case | DoorAnswer> {
    const first = look(parts, request, id, stopped);
    if (first.decision.kind === "deny") return deny(first);
    if (upstreams.running(first.server) !== null) return first;
    try {
      await upstreams.start(first.server);
    } catch (error) {
      const label = serverLabel(first);
      sessions.taint(first.session, label);
      return { kind: "failed", request: id, code: -32_603, reason: reasonOf(error), label };
    }
    const second = look(parts, request, id, stopped);
    return second.decision.kind === "deny" ? deny(second) : second;
  }

  function deny(one: Case): DoorAnswer {
    const { because, clauses } = one.decision;
    const reason = clauses.find((given) => given.clause === because && given.answer === "deny")?.reason ?? "denied";
    ledger.append({ ...entryOf(one, "denied"), facts: decisionFacts(one), text: argsText(one) });
    return { kind: "denied", request: one.id, because, reason, clauses };
  }

  async function execute(one: Case, question: Question | null): Promise<DoorAnswer> {
    const { card, wire } = one;
    assert(card !== null && wire !== null, "acting without a card");
    const paramsText = canonical(wire.params);
    const permit = issuePermit({
      id: `p-${one.id}`,
      request: one.id,
      server: one.server,
      method: wire.method,
      canonicalParams: paramsText,
    });
    const isEffect = card.effect !== "read" || hasEgress(card, one.request.args);
    const refusal = record(one, { permit, isEffect, question });
    if (refusal !== null) {
      return { kind: "denied", request: one.id, because: "C0", reason: refusal, clauses: one.decision.clauses };
    }
    sessions.taint(one.session, join(serverLabel(one), resultLabel(one)));
    if (isEffect) await store.durable();
    const upstream = stopped ? null : upstreams.running(one.server);
    if (upstream === null) {
      return close(one, "not-sent", { kind: "broken", reason: stopped ? "everything is stopped" : "the server ended" });
    }
    return act(one, { permit, paramsText, upstream, isEffect });
  }

  /** The intent, the spent answer and the spent permit stand or fall together. Returns why not. */
  function record(one: Case, terms: { permit: Permit; isEffect: boolean; question: Question | null }): string | null {
    const { permit, isEffect, question } = terms;
    return store.transaction(() => {
      if (question !== null) {
        const spent = store.questions.apply(question.id, { kind: "spend" });
        if (spent.kind === "refused") return spent.reason;
      }
      if (isEffect && !store.permits.spend(permit)) return "this request was already carried out";
      const named = question === null ? {} : { question: question.id };
      const facts = { ...decisionFacts(one), ...named, effect: isEffect, permit: permit.digest };
      ledger.append({ ...entryOf(one, "intent"), facts, text: argsText(one) });
      return null;
    });
  }

  async function act(
    one: Case,
    terms: { permit: Permit; paramsText: string; upstream: Upstream; isEffect: boolean },
  ): Promise<DoorAnswer> {
    const { permit, paramsText, upstream, isEffect } = terms;
    const { signal, onProgress } = one.request;
    upstream.usedAtMs = clock.nowMs();
    const reply = await send({
      permit,
      peer: upstream.peer,
      paramsText,
      timeoutMs: CALL_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    return close(one, reply.kind !== "broken" ? "outcome" : isEffect ? "unknown" : "lost", reply);
  }

  function close(one: Case, how: "outcome" | "unknown" | "lost" | "not-sent", reply: RpcReply): DoorAnswer {
    const label = reply.kind === "result" ? resultLabel(one) : serverLabel(one);
    const facts = { reply: how === "not-sent" ? how : reply.kind, label: { ...label } };
    ledger.append({ ...entryOf(one, how === "not-sent" ? "outcome" : how), facts });
    if (reply.kind === "result") return { kind: "result", request: one.id, result: reply.result, label };
    const code = reply.kind === "error" ? reply.code : -32_603;
    const said = reply.kind === "error" ? reply.message : reply.reason;
    const reason = how === "unknown" ? `${said}. It may or may not have happened; the owner was told.` : said;
    return { kind: "failed", request: one.id, code, reason, label };
  }

  async function stop(reason: string): Promise<void> {
    stopped = true;
    store.transaction(() => {
      store.settings.set(STOPPED, String(clock.nowMs()));
      ledger.append({ ...own("stop"), facts: {}, text: reason.slice(0, 1_000) });
    });
    await Promise.all([upstreams.stopAll(), store.durable()]);
  }

  function resume(owner: OwnerPresence): void {
    if (!owner.isLive(clock.nowMs())) throw new Fault("owner.needed", { message: "only the owner can resume." });
    store.transaction(() => {
      store.settings.set(STOPPED, "");
      ledger.append({ ...own("resume"), facts: {} });
    });
    stopped = false;
  }

  function own(kind: "stop" | "resume"): Parameters<typeof ledger.append>[0] {
    return { kind, session: null, principal: kind === "resume" ? "owner" : null, subject: kind, request: null, facts: {} };
  }

  async function recover(): Promise<{ lost: number; unknown: number }> {
    let [lost, unknown] = [0, 0];
    for (const intent of ledger.unfinished()) {
      const isEffect = intent.facts["effect"] !== false;
      const { session, principal, subject, request } = intent;
      const facts = { intent: intent.seq };
      ledger.append({ kind: isEffect ? "unknown" : "lost", session, principal, subject, request, facts });
      if (isEffect) unknown += 1;
      else lost += 1;
    }
    await store.durable();
    await answers.carryOutAnswered();
    return { lost, unknown };
  }

  const connect: OwnersDoor["connect"] = ({ principal, purpose, host, port }) => {
    const facts = { purpose, allowed: !stopped };
    ledger.append({ kind: "connection", session: null, principal, subject: `${host}:${port}`, request: null, facts });
    return !stopped;
  };

  const { answer, result } = answers;
  return { call, result, answer, stop, resume, isStopped: () => stopped, connect, recover };
}
