// One request with everything that its decision looks at: card, pin, schema, labels, sinks, rules.
// Invariants: every upstream byte is labelled with its server's compartment at least; what cannot be found denies.

import {
  assert,
  canonical,
  capAccount,
  capsOn,
  digestOf,
  objectFrom,
  pinState,
  principalText,
  underServer,
} from "../kernel/index.ts";
import type {
  Binding,
  Clock,
  Decide,
  Decision,
  Digest,
  DoorAnswer,
  DoorRequest,
  EntryBody,
  EntryKind,
  Facts,
  JsonObject,
  Label,
  Question,
  Random,
  ToolCard,
} from "../kernel/index.ts";
import type { StackServer } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { receiverClearance, type ActivePolicy } from "./policy.ts";
import { wireCall, type WireCall } from "./pseudo.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { Upstreams } from "./upstreams.ts";

export interface Case extends Asked {
  readonly request: DoorRequest;
  readonly session: Session;
  readonly policy: ActivePolicy;
  readonly server: string;
  readonly card: ToolCard | null;
  readonly wire: WireCall | null;
  readonly decision: Decision;
}

export interface CaseParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly upstreams: Upstreams;
  policy(): ActivePolicy;
  /** The value of a secret goes to no tool: servers are handed theirs at their start. */
  secretFault(args: JsonObject): string | null;
  /** The kernel's. Passed so that a drill can show what happens without a clause. */
  readonly decide: Decide;
}

export interface DoorParts extends CaseParts {
  readonly random: Random;
  /** How long a client is kept waiting for the owner before it is told to come back. */
  readonly waitMs: number;
}

/** A request on its way through the door. */
export interface Asked {
  readonly id: string;
  /** Of what stands in the arguments in place of handles. */
  readonly handles: Label;
}

const NOT_OF_KIND = "not the arguments of this kind";
const OPEN_PER_PRINCIPAL_MAX = 20;
/** As canonical JSON. */
const ARGS_CHARS_MAX = 4 * 1024 * 1024;
const DAY_MS = 24 * 3_600_000;

export function look(
  parts: CaseParts,
  request: DoorRequest,
  { id, stopped, handles }: Asked & { readonly stopped: boolean },
): Case {
  const { store, clock, sessions } = parts;
  const policy = parts.policy();
  const session = sessions.open(request.session, request.principal);
  if (session.task !== null && (session.task.policy !== policy.digest || clock.nowMs() >= session.task.untilMs)) {
    session.provenance.agreed.clear();
  }
  const dot = request.tool.indexOf(".");
  const server = request.tool.slice(0, Math.max(0, dot));
  const name = request.tool.slice(dot + 1);
  const declared = Object.hasOwn(policy.stack.servers, server) ? policy.stack.servers[server] : undefined;
  const written = policy.cards.get(request.tool);
  const card = written === undefined || declared === undefined ? null : underServer(written, declared.compartment);
  const wire = wireCall(name, request.args);
  const facts: Facts = {
    nowMs: clock.nowMs(),
    stopped,
    principal: request.principal,
    tool: request.tool,
    args: request.args,
    card,
    pin: pinOfCase(parts, { policy, server, card, request }),
    schemaFault: parts.secretFault(request.args) ?? (wire === null ? NOT_OF_KIND : schemaFault(policy, request)),
    overBudget: null,
    caps: policy.stack.caps,
    session: sessions.facts(session),
    handles,
    sink: {
      compartments: declared === undefined ? [] : [declared.compartment],
      network: declared !== undefined && hasNetwork(declared),
    },
    receiver: receiverClearance(policy.stack, request.principal.kind, request.principal.name),
    rules: policy.rules,
    reversibleFree: policy.stack.compartments[declared?.compartment ?? ""]?.reversible === "free",
    usesToday: (rule) => store.ledger.usesOf(rule, clock.nowMs() - DAY_MS),
    usedOf: (cap) => store.budgets.spent(capAccount(request.session, request.tool, cap)).spent,
  };
  return { request, id, session, policy, server, card, wire, handles, decision: parts.decide(facts) };
}

/** A client cannot bury the owner in questions; what needs none is not held up by those that wait. */
export function withinQuestions({ store }: CaseParts, one: Case): Case {
  const { clauses } = one.decision;
  if (store.questions.countOpen(principalText(one.request.principal)) < OPEN_PER_PRINCIPAL_MAX) return one;
  const reason = `${OPEN_PER_PRINCIPAL_MAX} calls of this program already wait for the owner or are held`;
  const own = { clause: "C0", answer: "deny", reason } as const;
  return { ...one, decision: { kind: "deny", because: "C0", clauses: [own, ...clauses] } };
}

function pinOfCase(
  { upstreams }: CaseParts,
  { policy, server, card, request: { tool } }: Pick<Case, "policy" | "server" | "card" | "request">,
): Facts["pin"] {
  const running = upstreams.running(server);
  return pinState({
    card: card?.pin ?? null,
    locked: policy.pins.get(tool) ?? null,
    running: running === null ? null : running.quarantine === null ? (running.pinOf(tool) ?? "gone") : "held back",
  });
}

function schemaFault(policy: ActivePolicy, request: DoorRequest): string | null {
  // Numbers can be longer as we write them than as they came.
  if (canonical(request.args).length > ARGS_CHARS_MAX) return `its arguments are over ${ARGS_CHARS_MAX} characters`;
  return policy.tools.get(request.tool)?.check(request.args) ?? null;
}

/**
 * What a yes is bound to beside the call: the tool's card, its server as declared, and what was locked for it. Rules,
 * clearances and caps need no part in it, since every clause is decided again and a new reason asks anew.
 */
export function bearing({ policy, server, card }: Case): Digest {
  const [declared, locked] = [policy.stack.servers[server], policy.lock.servers[server]];
  return digestOf([card, declared, locked].map((part) => JSON.stringify(part ?? null)));
}

/** A reason not to act that was not there when the owner was asked, or when the hold began. */
export function newReason({ binding, clauses }: Question, one: Case): string | null {
  if (binding.policy !== bearing(one) || binding.pin !== one.card?.pin)
    return "the tool's card or server changed since it was asked";
  const shown = new Set(clauses.map((given) => `${given.clause} ${given.answer} ${given.reason}`));
  const fresh = one.decision.clauses.find(
    (given) => given.answer !== "allow" && !shown.has(`${given.clause} ${given.answer} ${given.reason}`),
  );
  return fresh?.reason ?? null;
}

/** What is not done for a reason beside what the clauses say. */
export function notDone(request: string, reason: string, clauses: Decision["clauses"] = []): DoorAnswer {
  return { kind: "denied", request, because: "C0", reason, clauses };
}

export function waitingFor({ id, request, state, laterUntilMs }: Question): DoorAnswer {
  const held = state === "held" && laterUntilMs !== null ? { heldUntilMs: laterUntilMs } : {};
  return { kind: "waiting", request, question: id, ...held };
}

/** Every call to such a server may leave the machine, reads too. A connector's own limits come with connectors. */
export function hasNetwork({ source, sandbox }: StackServer): boolean {
  return /^https?:/.test(source ?? "") || sandbox === "none" || sandbox.network !== "none";
}

/** What comes from a server when no card speaks for it: errors, progress, logs. */
export function serverLabel(one: Case): Label {
  const compartment = one.policy.stack.servers[one.server]?.compartment;
  const own = compartment === undefined ? [] : [compartment];
  return { compartments: own, integrity: "third-party", secret: one.card?.result.secret ?? false };
}

export function resultLabel(one: Case): Label {
  const result = one.card?.result;
  if (result === undefined) return serverLabel(one);
  return { compartments: result.compartments, integrity: result.trust, secret: result.secret };
}

/** What an effect adds to the counts of its run. */
export function countRun({ store }: CaseParts, { request, card, policy }: Case): void {
  for (const cap of card === null ? [] : capsOn(card)) {
    if (policy.stack.caps[cap] !== null) store.budgets.count(capAccount(request.session, request.tool, cap));
  }
}

type Entry = Omit<EntryBody, "atMs" | "commitment" | "facts">;

export function entryOf(one: Case, kind: EntryKind): Entry {
  const { session, principal, tool } = one.request;
  return { kind, session, principal: principalText(principal), subject: tool, request: one.id };
}

/** No digest of the arguments: facts stay for ever and are not salted, so it would let them be guessed. */
export function decisionFacts(
  one: Case,
  { effect, question }: { effect?: boolean; question?: string } = {},
): JsonObject {
  const { kind, because, clauses } = one.decision;
  const rule = kind === "allow" ? clauses.find((given) => given.rule !== undefined)?.rule : undefined;
  // In canonical order, which makes hashing quick.
  return {
    because,
    clauses: clauses.map((given) => `${given.clause} ${given.answer}: ${given.reason}`),
    decision: kind,
    ...(effect === undefined ? {} : { effect }),
    label: { ...one.session.label },
    policy: one.policy.digest,
    ...(question === undefined ? {} : { question }),
    ...(rule === undefined ? {} : { rule }),
  };
}

/** As they are kept and read back: what is decided twice must not differ by the order in which a client wrote. */
export function inOrder(args: JsonObject): JsonObject {
  const kept = objectFrom(canonical(args));
  assert(kept !== null, "arguments that were not parsed strictly");
  return kept;
}

export function argsText(one: Case): string {
  return canonical(one.request.args);
}

/** What makes two calls the same call. */
export function callOf(one: Case): Pick<Binding, "session" | "principal" | "tool" | "args" | "pin"> {
  const { session, principal, tool } = one.request;
  return { session, principal: principalText(principal), tool, args: argsText(one), pin: one.card?.pin ?? "" };
}
