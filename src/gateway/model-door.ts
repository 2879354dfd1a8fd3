// The door for models: who may ask which, at what price, with what record. Every call of a model runs these steps.
// Invariants: nothing is sent to a model that is not cleared for all that the session has read, also not as a stand-in;
// a bound is held before anything is sent, and settled once; the intent is recorded before, the receipt after.

import {
  issuePermit,
  join,
  modelFault,
  principalText,
  sha256,
  type JsonObject,
  type Label,
  type ModelAnswer,
  type ModelRefusal,
  type ModelRequest,
  type ModelUsage,
  type Place,
  type Reservation,
} from "../kernel/index.ts";
import type { ModelPeer, ModelReply, Models, Wire } from "../models/index.ts";
import type { NewEntry } from "../store/index.ts";
import { accountsOf } from "./model-accounts.ts";
import type { DoorParts } from "./case.ts";
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

export interface ModelDoor {
  think(request: ModelRequest): Promise<ModelAnswer>;
  /** Ends what is under way. */
  stop(): void;
}

/** One way to one model, judged. */
interface Try {
  readonly request: ModelRequest;
  readonly id: string;
  readonly label: Label;
  readonly peer: ModelPeer;
  readonly place: Place;
  readonly wire: Wire;
  readonly stopCount: number;
}

type Answered = Extract<ModelAnswer, { kind: "answered" }>;
type Refused = Extract<ModelAnswer, { kind: "refused" }>;

const ROUTES_MAX = 8;
const STOPPED: Refusal = { why: "stopped", reason: "everything is stopped" };

export function openModelDoor(parts: ModelDoorParts, state: DoorState): ModelDoor {
  const underway = new Set<AbortController>();

  async function think(request: ModelRequest): Promise<ModelAnswer> {
    const id = state.newRequestId();
    const stopCount = state.stopCount();
    const secret = parts.secretFault(request.body);
    if (secret !== null) return refuse(request, id, { why: "malformed", reason: secret });
    const routes = parts.models.routes(request.model).slice(0, ROUTES_MAX);
    const reasons: string[] = [];
    let last: Refusal = { why: "no-model", reason: "no such model is declared, or none at all" };
    for (const name of routes) {
      const found = await judged({ request, id, stopCount }, name);
      const answer = "why" in found ? found : await ask(found);
      if (answer.kind === "answered") return answer;
      // What speaks against the first is what is said, unless a later one was really asked.
      if (reasons.length === 0 || answer.why === "failed" || answer.isLast === true) last = answer;
      reasons.push(answer.reason);
      if (answer.isLast === true) break;
    }
    return refuse(request, id, { ...last, reason: reasons.join("; ") || last.reason });
  }

  /** The labels of everything that the asker may have read: a program is not trusted to keep its conversations apart. */
  function labelOf({ session, principal }: ModelRequest): Label {
    const own = parts.sessions.open(session, principal).label;
    const { clients } = parts.policy().stack;
    if (principal.kind !== "client") return own;
    const compartments = Object.hasOwn(clients, principal.name) ? (clients[principal.name]?.compartments ?? []) : [];
    const secret = parts.sessions.hasSecret(principal);
    return join(own, { compartments: compartments.toSorted(), integrity: "third-party", secret });
  }

  async function judged(asked: Pick<Try, "request" | "id" | "stopCount">, name: string): Promise<Try | Refusal> {
    const { request, stopCount } = asked;
    const peer = parts.models.peer(name);
    if (peer === null) return { why: "no-model", reason: `there is no model ${name}` };
    const { clients } = parts.policy().stack;
    if (request.principal.kind === "client" && clients[request.principal.name]?.models.includes(name) !== true) {
      return { why: "flow", reason: `${request.principal.name} may not use ${name}` };
    }
    const proof = await peer.place();
    if (proof.kind === "false") return { why: "flow", reason: proof.why };
    const place = proof.kind === "proven" ? proof.place : "cloud";
    const wire = await peer.wire(request);
    if ("kind" in wire) return { why: wire.kind, reason: wire.reason };
    // All that follows up to the record is one turn of the event loop: what is decided here holds.
    if (state.isStopped() || state.stopCount() !== stopCount) return STOPPED;
    const label = labelOf(request);
    const { compartments } = parts.policy().stack;
    const named = (one: string): readonly string[] | null | undefined =>
      Object.hasOwn(compartments, one) ? compartments[one]?.models : undefined;
    const fault = modelFault(label, { name, place, named });
    const unproven = proof.kind === "unproven" ? `: ${proof.why}` : "";
    return fault === null ? { ...asked, label, peer, place, wire } : { why: "flow", reason: `${fault}${unproven}` };
  }

  async function ask(one: Try): Promise<Answered | Refusal> {
    const { peer, wire, id } = one;
    const permit = issuePermit({
      id: `p-${id}`,
      request: id,
      server: `model:${peer.name}`,
      method: "POST",
      canonicalParams: wire.text,
    });
    const held = hold(one);
    if ("why" in held) return held;
    if (one.place === "cloud") await parts.store.durable();
    const ending = new AbortController();
    const { signal = ending.signal, onEvent = () => undefined } = one.request;
    const startedAtMs = parts.clock.nowMs();
    underway.add(ending);
    try {
      const isLate = state.isStopped() || state.stopCount() !== one.stopCount;
      const reply = isLate
        ? NOT_SENT
        : await postToModel({ permit, peer, wire, signal: AbortSignal.any([signal, ending.signal]), onEvent });
      return settled(one, { reply, held, startedAtMs });
    } finally {
      underway.delete(ending);
    }
  }

  /** The bound and the intent stand or fall together. */
  function hold(one: Try): readonly Reservation[] | Refusal {
    const { peer, wire, place, label, request } = one;
    const bound = place === "cloud" || peer.price !== null ? (peer.price?.bound(wire) ?? null) : 0;
    if (bound === null) return { why: "budget", reason: `nobody knows the price of ${peer.name}`, isLast: true };
    const claims = accountsOf({ clock: parts.clock, stack: parts.policy().stack }, request, {
      nanoUsd: bound,
      tokens: wire.inputTokensMax + wire.outputTokensMax,
    });
    if (bound > 0 && !claims.some(({ account, limit }) => isMoney(account) && limit < Number.MAX_SAFE_INTEGER)) {
      return { why: "budget", reason: `${peer.name} costs money, and no budget is written`, isLast: true };
    }
    return parts.store.transaction(() => {
      const held = parts.store.budgets.reserve(claims);
      if ("refused" in held) return { why: "budget", reason: `over the budget ${held.refused}` };
      const facts = {
        address: peer.address,
        decision: "allow",
        effect: false,
        holdNanoUsd: bound,
        label: { ...label },
      };
      const policy = parts.policy().digest;
      parts.store.ledger.append({ ...entryOf(one, "intent"), facts: { ...facts, place, policy } });
      return held;
    });
  }

  function settled(one: Try, done: Done): Answered | Refusal {
    const { reply, held } = done;
    const { peer, wire, request, id } = one;
    const isUnsent = reply.kind === "failed" && reply.isUnsent;
    const usage = plausible(reply.usage ?? null, wire);
    const cost = isUnsent ? 0 : usage === null ? null : (peer.price?.cost(usage) ?? 0);
    parts.store.transaction(() => {
      for (const reservation of held) {
        const tokens = isUnsent ? 0 : usage === null ? reservation.amount : usage.input + usage.output;
        parts.store.budgets.settle(reservation, isMoney(reservation.account) ? (cost ?? reservation.amount) : tokens);
      }
      const charged = held.find(({ account }) => isMoney(account))?.amount ?? 0;
      const facts = receiptOf(one, { ...done, usage, cost: cost ?? charged, atMs: parts.clock.nowMs() });
      parts.store.ledger.append({ ...entryOf(one, "outcome"), facts });
    });
    if (reply.kind === "answered") {
      const { body, text, calls, end } = reply;
      const { name: model, dialect } = peer;
      return { kind: "answered", request: id, model, dialect, body, text, calls, end, usage };
    }
    if (request.signal?.aborted === true) return { why: "gone", reason: "whoever asked is gone", isLast: true };
    if (reply === NOT_SENT || state.stopCount() !== one.stopCount) return { ...STOPPED, began: reply.began };
    const { status, reason, retryAfterMs, began, body } = reply;
    // A request that is wrong is wrong for the next model too, and half an answer cannot be begun again.
    const isLast = began || (status !== null && status < 500 && ![408, 425, 429].includes(status));
    return { why: "failed", reason: `${peer.name}: ${reason}`, status, retryAfterMs, began, body, isLast };
  }

  function refuse(request: ModelRequest, id: string, refusal: Refusal): Refused {
    const { why, reason, status = null, retryAfterMs = null, began = false, body = null } = refusal;
    const { session, principal, model } = request;
    const facts = { model, reason, why };
    const subject = `model:${model ?? "*"}`;
    state.deny({ kind: "denied", session, principal: principalText(principal), subject, request: id, facts });
    return { kind: "refused", request: id, why, reason, status, retryAfterMs, began, body };
  }

  return { think, stop: () => underway.forEach((one) => one.abort()) };
}

/** Why one model did not answer. */
interface Refusal {
  readonly kind?: never;
  readonly why: ModelRefusal;
  readonly reason: string;
  readonly status?: number | null;
  readonly retryAfterMs?: number | null;
  readonly began?: boolean;
  readonly body?: JsonObject | null;
  /** No other model is asked instead. */
  readonly isLast?: boolean;
}

interface Done {
  readonly reply: ModelReply;
  readonly held: readonly Reservation[];
  readonly startedAtMs: number;
}

const NOT_SENT: Extract<ModelReply, { kind: "failed" }> = {
  kind: "failed",
  status: null,
  reason: "not sent",
  body: null,
  retryAfterMs: null,
  isUnsent: true,
  began: false,
  usage: null,
};

function isMoney(account: string): boolean {
  return !account.startsWith("tokens:");
}

/** What says nothing of its input, or more than the bound, is not believed: it is charged at the bound. */
function plausible(usage: ModelUsage | null, { inputTokensMax }: Wire): ModelUsage | null {
  if (usage === null || usage.input <= 0) return null;
  const isWhole = Object.values(usage).every((count) => Number.isSafeInteger(count) && count >= 0);
  const fits = usage.cacheRead + usage.cacheWrite <= usage.input && usage.input <= inputTokensMax;
  return isWhole && fits ? usage : null;
}

function entryOf({ request, id, peer }: Try, kind: "intent" | "outcome"): Omit<NewEntry, "facts"> {
  const { session, principal } = request;
  return { kind, session, principal: principalText(principal), subject: `model:${peer.name}`, request: id };
}

interface Settled extends Done {
  readonly usage: ModelUsage | null;
  readonly cost: number;
  readonly atMs: number;
}

/** What stays of an answer: where it went, how much, at what price. Not what it said. */
function receiptOf({ peer, place, wire, label, request }: Try, done: Settled): JsonObject {
  const { reply, usage, cost, startedAtMs, atMs } = done;
  const isUnsent = reply.kind === "failed" && reply.isUnsent;
  return {
    address: peer.address,
    costNanoUsd: cost,
    identity: reply.kind === "answered" ? reply.identity : null,
    label: { ...label },
    latencyMs: atMs - startedAtMs,
    firstMs: reply.kind === "answered" ? reply.firstMs : null,
    place,
    price: peer.price?.source ?? null,
    reply: reply.kind === "answered" ? "result" : isUnsent ? "not-sent" : "broken",
    route: request.model === null ? "first cleared" : request.model === peer.name ? "asked for" : "stands in",
    sentBytes: isUnsent ? 0 : Buffer.byteLength(wire.text),
    sentSha256: isUnsent ? null : sha256(wire.text),
    sources: { ...request.sources },
    usage: usage === null ? null : { ...usage },
  };
}
