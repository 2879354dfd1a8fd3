// The door for models: who may ask which, at what price, with what record. Every call of a model runs these steps.
// Invariants: nothing is sent to a model that is not cleared for all that the session has read, also not as a stand-in;
// a bound is held before anything is sent, and settled once; the intent is recorded before, the receipt after.

import { hasFewRights, issuePermit, join, modelFault, principalText } from "../kernel/index.ts";
import type { Label, ModelAnswer, ModelRequest, ModelUsage, Reservation } from "../kernel/index.ts";
import type { ModelReply, Models, Wire } from "../models/index.ts";
import type { NewEntry } from "../store/index.ts";
import type { DoorParts } from "./case.ts";
import { accountsOf } from "./model-accounts.ts";
import { receiptOf, type Asked, type Settled } from "./model-receipt.ts";
import { postToModel } from "./send.ts";

export interface ModelDoorParts extends DoorParts {
  readonly models: Models;
}

/** What the whole door lends to this part of it. */
export interface DoorState {
  newRequestId(): string;
  stopCount(): number;
  isStopped(): boolean;
  deny(entry: NewEntry): void;
}

/** One way to one model, judged. */
interface Try extends Asked {
  readonly id: string;
  readonly stopCount: number;
}

type Refused = Extract<ModelAnswer, { kind: "refused" }>;

/** Why one model did not answer. With `isLast`, no other is asked instead. */
type Refusal = Pick<Refused, "why" | "reason"> &
  Partial<Omit<Refused, "kind" | "request" | "why" | "reason">> & { readonly kind?: never; readonly isLast?: boolean };
type Sent = Pick<Settled, "reply" | "startedAtMs"> & { readonly held: readonly Reservation[] };
type Answered = Extract<ModelAnswer, { kind: "answered" }>;

const ROUTES_MAX = 8;
const STOPPED: Refusal = { why: "stopped", reason: "everything is stopped", isLast: true };
const NO_MODEL: Refusal = { why: "no-model", reason: "no such model is declared" };
const NOTHING = { status: null, body: null, retryAfterMs: null, began: false } as const;
const NOT_SENT: ModelReply = { kind: "failed", reason: "not sent", isUnsent: true, usage: null, ...NOTHING };

export class ModelDoor {
  readonly #parts: ModelDoorParts;
  readonly #state: DoorState;
  readonly #underway = new Set<AbortController>();

  constructor(parts: ModelDoorParts, state: DoorState) {
    this.#parts = parts;
    this.#state = state;
  }

  async think(request: ModelRequest): Promise<ModelAnswer> {
    const asked = { request, id: this.#state.newRequestId(), stopCount: this.#state.stopCount() };
    const secret = this.#parts.secretFault(request.body);
    if (secret !== null) return this.#refuse(asked, { why: "malformed", reason: secret });
    const reasons: string[] = [];
    let said = NO_MODEL;
    for (const name of this.#parts.models.routes(request.model).slice(0, ROUTES_MAX)) {
      const one = await this.#judged(asked, name);
      const answer = "why" in one ? one : await this.#ask(one);
      if (answer.kind === "answered") return answer;
      // What speaks against the first is what is said, unless a later one was really asked.
      if (said === NO_MODEL || answer.why === "failed" || answer.isLast === true) said = answer;
      reasons.push(answer.reason);
      if (answer.isLast === true) break;
    }
    return this.#refuse(asked, { ...said, reason: reasons.join("; ") || said.reason });
  }

  /** Ends what is under way. */
  stop(): void {
    for (const one of this.#underway) one.abort();
  }

  async #judged(asked: Pick<Try, "request" | "id" | "stopCount">, name: string): Promise<Try | Refusal> {
    const { request, stopCount } = asked;
    const peer = this.#parts.models.peer(name);
    if (peer === null) return NO_MODEL;
    const proof = await peer.place();
    if (proof.kind === "false") return { why: proof.isDown === true ? "failed" : "flow", reason: proof.why };
    const place = proof.kind === "proven" ? proof.place : "cloud";
    const wire = await peer.wire(request);
    if ("kind" in wire) return { why: wire.kind, reason: wire.reason };
    // From here to the record is one turn of the event loop: what is decided holds.
    if (this.#state.isStopped() || this.#state.stopCount() !== stopCount) return STOPPED;
    const { compartments, clients } = this.#parts.policy().stack;
    const { kind, name: program } = request.principal;
    const own = kind === "client" && Object.hasOwn(clients, program) ? clients[program] : undefined;
    const mayAsk = kind === "client" ? own?.models.includes(name) === true : !hasFewRights(request.principal);
    if (!mayAsk) return { why: "flow", reason: `${principalText(request.principal)} may not ask ${name}` };
    const label = this.#labelOf(request);
    const fault = modelFault(label, { name, place }, compartments);
    if (fault === null) return { ...asked, label, peer, place, wire };
    return { why: "flow", reason: proof.kind === "unproven" ? `${fault}: ${proof.why}` : fault };
  }

  /** All that the asker may have read: a program is not trusted to keep its conversations apart. */
  #labelOf({ session, principal }: ModelRequest): Label {
    const own = this.#parts.sessions.open(session, principal).label;
    if (principal.kind !== "client") return own;
    const { compartments = [] } = this.#parts.policy().stack.clients[principal.name] ?? {};
    const secret = this.#parts.sessions.hasSecret(principal);
    return join(own, { compartments: compartments.toSorted(), integrity: "third-party", secret });
  }

  async #ask(one: Try): Promise<Answered | Refusal> {
    const { peer, wire, id, request } = one;
    const server = `model:${peer.name}`;
    const permit = issuePermit({ id: `p-${id}`, request: id, server, method: "POST", canonicalParams: wire.text });
    const { digest } = this.#parts.policy();
    const held = this.#hold(one);
    if ("why" in held) return held;
    // A free call may lose its record with the power; money may not.
    if (held.some(({ account, amount }) => isMoney(account) && amount > 0)) await this.#parts.store.durable();
    const { signal: asker, onEvent = () => undefined } = request;
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, ...(asker === undefined ? [] : [asker])]);
    const startedAtMs = this.#parts.clock.nowMs();
    this.#underway.add(ending);
    try {
      const isStopped = this.#state.isStopped() || this.#state.stopCount() !== one.stopCount;
      const isLate = isStopped || this.#parts.policy().digest !== digest;
      const reply = isLate ? NOT_SENT : await postToModel({ permit, peer, wire, signal, onEvent });
      return this.#settled(one, { reply, held, startedAtMs });
    } finally {
      this.#underway.delete(ending);
    }
  }

  /** The bound and the intent stand or fall together. */
  #hold(one: Try): readonly Reservation[] | Refusal {
    const { peer, wire, place, label, request } = one;
    const { store, clock } = this.#parts;
    const bound = peer.price?.bound(wire) ?? (place === "cloud" ? null : 0);
    if (bound === null) return { why: "budget", reason: `nobody knows the price of ${peer.name}` };
    const { stack, digest } = this.#parts.policy();
    if (bound > 0 && stack.budgets.day === null && stack.budgets.month === null) {
      return { why: "budget", reason: `${peer.name} costs money, and stack.yaml has no budget for a day or month` };
    }
    const tokens = wire.inputTokensMax + wire.outputTokensMax;
    const claims = accountsOf({ clock, stack }, request, { nanoUsd: bound, tokens });
    return store.transaction(() => {
      const held = store.budgets.reserve(claims);
      if ("refused" in held) return { why: "budget", reason: `${peer.name}: over the budget ${held.refused}` };
      const facts = { address: peer.address, holdNanoUsd: bound, label: { ...label }, place, policy: digest };
      store.ledger.append({ ...entryOf(one, "intent"), facts: { ...facts, decision: "allow", effect: false } });
      return held;
    });
  }

  #settled(one: Try, { reply, held, startedAtMs }: Sent): Answered | Refusal {
    const { peer, wire, request, id } = one;
    const { store, clock } = this.#parts;
    const isFree = reply.kind === "failed" && (reply.isUnsent || reply.isUnbilled === true);
    const usage = believed(reply.usage, wire);
    const cost = isFree ? 0 : usage === null ? null : (peer.price?.cost(usage) ?? 0);
    const tokens = isFree ? 0 : usage === null ? null : usage.input + usage.output;
    store.transaction(() => {
      let costNanoUsd = 0;
      for (const reservation of held) {
        const isCost = isMoney(reservation.account);
        const spent = (isCost ? cost : tokens) ?? reservation.amount;
        if (isCost) costNanoUsd = spent;
        store.budgets.settle(reservation, spent);
      }
      const facts = receiptOf(one, { reply, usage, costNanoUsd, startedAtMs, atMs: clock.nowMs() });
      store.ledger.append({ ...entryOf(one, "outcome"), facts });
    });
    if (reply.kind === "answered") {
      const { body, text, calls, end } = reply;
      const { name: model, dialect } = peer;
      return { kind: "answered", request: id, model, dialect, body, text, calls, end, usage };
    }
    const { status, retryAfterMs, began, body } = reply;
    if (request.signal?.aborted === true) return { why: "gone", reason: "whoever asked is gone", began, isLast: true };
    if (this.#state.stopCount() !== one.stopCount) return { ...STOPPED, began };
    // A request that is wrong is wrong for the next model too, and half an answer cannot be begun again.
    const isLast = began || (status !== null && status < 500 && ![408, 425, 429].includes(status));
    return { why: "failed", reason: `${peer.name}: ${reply.reason}`, status, retryAfterMs, began, body, isLast };
  }

  #refuse({ request: { session, principal, model }, id }: Pick<Try, "request" | "id">, refusal: Refusal): ModelAnswer {
    const { why, reason: text } = refusal;
    // What a provider says may quote what it was sent, and facts cannot be forgotten.
    const facts = why === "failed" ? { why } : { reason: text, why };
    const entry = { kind: "denied", session, principal: principalText(principal), request: id, text } as const;
    this.#state.deny({ ...entry, subject: `model:${model ?? "any"}`, facts });
    return { ...NOTHING, ...refusal, kind: "refused", request: id };
  }
}

function isMoney(account: string): boolean {
  return !account.startsWith("tokens:");
}

/** What says nothing of its input, or more than can be, is charged at the bound. */
function believed(usage: ModelUsage | null, { inputTokensMax, outputTokensMax }: Wire): ModelUsage | null {
  if (usage === null || usage.input <= 0 || usage.input > inputTokensMax || usage.output > outputTokensMax) return null;
  const isWhole = Object.values(usage).every((count) => Number.isSafeInteger(count) && count >= 0);
  return isWhole && usage.cacheRead + usage.cacheWrite <= usage.input ? usage : null;
}

function entryOf({ request, id, peer }: Try, kind: "intent" | "outcome"): Omit<NewEntry, "facts"> {
  const { session, principal } = request;
  return { kind, session, principal: principalText(principal), subject: `model:${peer.name}`, request: id };
}
