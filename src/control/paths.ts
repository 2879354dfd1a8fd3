// Every way in which private data, a stranger's text and a way out can meet in one session, over the accepted policy.
// Assumed is the worst: what is read is read at the owner's word; what leaves is a stranger's in every argument.

import { setImmediate as breathe } from "node:timers/promises";
import {
  beginRequest,
  CLEAN,
  decide,
  endorse,
  indexRules,
  isObject,
  join,
  NO_CAPS,
  noProvenance,
  pinState,
  principalText,
  underServer,
  type Answer,
  type ArgumentMatch,
  type ClauseId,
  type Decision,
  type Digest,
  type JsonObject,
  type JsonValue,
  type Label,
  type Principal,
  type Provenance,
  type Rule,
  type RuleIndex,
  type ToolCard,
} from "../kernel/index.ts";
import { pinsOf, type Policy, type StackServer } from "../manifest/index.ts";

export interface PathRequest {
  readonly policy: Policy;
  readonly principals: readonly Principal[];
  readonly nowMs: number;
}

export interface PathStep {
  readonly tool: string;
  readonly decision: Answer;
  readonly because: ClauseId;
  readonly reason: string;
  /** Further tools of the same server that would do as well. */
  readonly alike: number;
}

export type WayOut = "sends" | "spends" | "connects" | "has network";

export interface MeetingPath {
  readonly principal: string;
  readonly private: PathStep & { readonly compartments: readonly string[]; readonly secret: boolean };
  readonly untrusted: PathStep;
  readonly out: PathStep & { readonly way: WayOut };
  /** The strictest answer on the way: what it takes to stop it. `allow` means that nothing does. */
  readonly decision: Answer;
}

export interface MeetingPaths {
  /** Those that nothing stops come first; at most PATHS_MAX. */
  readonly paths: readonly MeetingPath[];
  readonly counts: Readonly<Record<Answer, number>>;
}

const PATHS_MAX = 200;
const STRANGERS = "a stranger's value";
const STRENGTH: Readonly<Record<Answer, number>> = { allow: 0, ask: 1, deny: 2 };

interface KnownTool {
  readonly card: ToolCard;
  readonly server: string;
  readonly declared: StackServer;
  readonly hasNetwork: boolean;
  readonly argumentNames: readonly string[];
  readonly pin: Digest | null;
}

interface World {
  readonly request: PathRequest;
  readonly tools: readonly KnownTool[];
  readonly rules: RuleIndex;
}

/** Lets the daemon go on with other work as it counts: a stack of 1,000 tools takes seconds. */
export async function meetingPaths(request: PathRequest): Promise<MeetingPaths> {
  const world = { request, tools: toolsOf(request.policy), rules: indexRules(request.policy.rules) };
  const found: Found = { allow: [], ask: [], deny: [], counts: { allow: 0, ask: 0, deny: 0 } };
  for (const principal of request.principals) await findPaths(world, principal, found);
  const sorted = (paths: readonly MeetingPath[]): readonly MeetingPath[] =>
    paths.toSorted((a, b) => textOf(a).localeCompare(textOf(b), "en"));
  const paths = [...sorted(found.allow), ...sorted(found.ask), ...sorted(found.deny)];
  return { paths: paths.slice(0, PATHS_MAX), counts: found.counts };
}

/** All are counted; of each answer at most PATHS_MAX are kept. */
type Found = Record<Answer, MeetingPath[]> & { readonly counts: Record<Answer, number> };

function textOf({ principal, private: source, untrusted, out }: MeetingPath): string {
  return [principal, source.tool, untrusted.tool, out.tool].join(" ");
}

function toolsOf({ cards, stack, lock }: Policy): readonly KnownTool[] {
  const pins = new Map<string, Digest>();
  const schemas = new Map<string, JsonValue | undefined>();
  for (const [server, { surface }] of Object.entries(lock.servers)) {
    for (const [tool, pin] of pinsOf(server, surface)) pins.set(tool, pin);
    for (const tool of surface.tools) {
      if (typeof tool["name"] === "string") schemas.set(`${server}.${tool["name"]}`, tool["inputSchema"]);
    }
  }
  return [...cards.values()].flatMap((card) => {
    const server = card.tool.slice(0, card.tool.indexOf("."));
    const declared = Object.hasOwn(stack.servers, server) ? stack.servers[server] : undefined;
    if (declared === undefined) return [];
    const schema = schemas.get(card.tool);
    const properties = isObject(schema) && isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
    const argumentNames = [...new Set([...properties, ...Object.keys(card.roles)])];
    const hasNetwork = isElsewhere(declared) || declared.sandbox === "none" || declared.sandbox.network !== "none";
    const known = underServer(card, declared.compartment);
    return [{ card: known, server, declared, hasNetwork, argumentNames, pin: pins.get(card.tool) ?? null }];
  });
}

function isElsewhere(server: StackServer): boolean {
  return /^https?:/.test(server.source ?? "");
}

interface Choice {
  readonly tool: KnownTool;
  readonly alike: number;
}

async function findPaths(world: World, principal: Principal, found: Found): Promise<void> {
  const asked = asker(world, principal);
  const answering = world.tools.filter(({ card }) => card.effect !== "send" && card.effect !== "spend");
  const sources = grouped(answering.filter(isPrivate), asked);
  const strangers = grouped(
    answering.filter(({ card }) => card.result.trust === "third-party"),
    asked,
  );
  const outs = exits(world.tools, asked);
  for (const source of sources) {
    await breathe();
    for (const stranger of strangers) {
      const reads = readBoth({ source, stranger, asked });
      for (const out of outs(join(labelOf(source.tool), labelOf(stranger.tool)))) {
        const decision = strictest([reads.strength, out.decision]);
        found.counts[decision] += 1;
        if (found[decision].length >= PATHS_MAX) continue;
        const { compartments, secret } = source.tool.card.result;
        found[decision].push({
          principal: principalText(principal),
          private: { ...stepOf(source, reads.first), compartments, secret },
          untrusted: stepOf(stranger, reads.second),
          out,
          decision,
        });
      }
    }
  }
}

function isPrivate({ card }: KnownTool): boolean {
  return card.result.compartments.length > 0 || card.result.secret;
}

/** One for each server and compartments: the one that is given most freely, with how many more are given as freely. */
function grouped(tools: readonly KnownTool[], asked: Asked): readonly Choice[] {
  const groups = Map.groupBy(tools, ({ server, card: { result } }) =>
    JSON.stringify([server, result.compartments, result.secret]),
  );
  return [...groups.values()].flatMap((its) => {
    const ranked = its
      .map((tool) => ({ tool, rank: STRENGTH[asked(tool, CLEAN).kind] * 2 + (tool.card.effect === "read" ? 0 : 1) }))
      .toSorted((a, b) => a.rank - b.rank);
    const [first] = ranked;
    if (first === undefined) return [];
    return [{ tool: first.tool, alike: ranked.filter(({ rank }) => rank === first.rank).length - 1 }];
  });
}

interface Way {
  readonly tool: KnownTool;
  readonly way: WayOut;
}

/** Bringing nothing along, a call carries nothing out. */
function waysOut(tools: readonly KnownTool[]): readonly Way[] {
  return tools.flatMap((tool): readonly Way[] => {
    const { card, hasNetwork, argumentNames } = tool;
    if (argumentNames.length === 0) return [];
    if (card.effect === "send") return [{ tool, way: "sends" }];
    if (card.effect === "spend") return [{ tool, way: "spends" }];
    const isConnecting = Object.values(card.roles).includes("egress");
    const connects: readonly Way[] = isConnecting ? [{ tool, way: "connects" }] : [];
    return hasNetwork ? [...connects, { tool, way: "has network" }] : connects;
  });
}

/** For a label, the mildest way out of each server and kind; few labels differ, so each is worked out once. */
function exits(tools: readonly KnownTool[], asked: Asked): (label: Label) => readonly MeetingPath["out"][] {
  const ways = [...Map.groupBy(waysOut(tools), ({ tool, way }) => `${tool.server} ${way}`).values()];
  const known = new Map<string, readonly MeetingPath["out"][]>();
  return (label) => {
    const key = labelKey(label);
    const outs = known.get(key) ?? ways.flatMap((its) => exitOf(its, label, asked));
    known.set(key, outs);
    return outs;
  };
}

function exitOf(its: readonly Way[], label: Label, asked: Asked): readonly MeetingPath["out"][] {
  const ranked = its
    .map(({ tool, way }) => ({ tool, way, decision: asked(tool, label, way) }))
    .toSorted((one, other) => STRENGTH[one.decision.kind] - STRENGTH[other.decision.kind]);
  const [first] = ranked;
  if (first === undefined) return [];
  const alike = ranked.filter(({ decision }) => decision.kind === first.decision.kind).length - 1;
  return [{ ...stepOf({ tool: first.tool, alike }, first.decision), way: first.way }];
}

interface Reading {
  readonly source: Choice;
  readonly stranger: Choice;
  readonly asked: Asked;
}

/** Private data first or the stranger first, whichever is stopped less. */
function readBoth({ source, stranger, asked }: Reading) {
  const orderOf = (first: Decision, second: Decision) => ({
    first,
    second,
    strength: strictest([first.kind, second.kind]),
  });
  const dataFirst = orderOf(asked(source.tool, CLEAN), asked(stranger.tool, labelOf(source.tool)));
  const textFirst = orderOf(asked(source.tool, labelOf(stranger.tool)), asked(stranger.tool, CLEAN));
  return STRENGTH[textFirst.strength] < STRENGTH[dataFirst.strength] ? textFirst : dataFirst;
}

function strictest(answers: readonly Answer[]): Answer {
  return answers.reduce((most, kind) => (STRENGTH[kind] > STRENGTH[most] ? kind : most), "allow");
}

function stepOf({ tool, alike }: Choice, { kind, because, clauses }: Decision): PathStep {
  const reason = clauses.find((given) => given.clause === because && given.answer === kind)?.reason ?? "";
  return { tool: tool.card.tool, decision: kind, because, reason, alike };
}

function labelOf({ card: { result } }: KnownTool): Label {
  return { compartments: result.compartments, integrity: result.trust, secret: result.secret };
}

/** Compartments have plain names. */
function labelKey({ compartments, integrity, secret }: Label): string {
  return `${integrity} ${secret} ${compartments.join(" ")}`;
}

/** The mildest answer that a call of this tool gets in a session with this label; without a way out, a reading. */
type Asked = (tool: KnownTool, label: Label, way?: WayOut) => Decision;

function asker(world: World, principal: Principal): Asked {
  const answers = new Map<string, Decision>();
  return (tool, label, way) => {
    const key = `${tool.card.tool} ${way ?? ""} ${labelKey(label)}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    const calls = callsOf(world, tool, way).map((args) =>
      decisionOf(world, { principal, tool, label, args, isOwners: way === undefined }),
    );
    const mildest = calls.reduce((best, next) => (STRENGTH[next.kind] < STRENGTH[best.kind] ? next : best));
    answers.set(key, mildest);
    return mildest;
  };
}

/** With every argument; without addresses, where the way out is not one; and just so as each rule would have it. */
function callsOf({ rules }: World, tool: KnownTool, way: WayOut | undefined): readonly [JsonObject, ...JsonObject[]] {
  const { card, argumentNames } = tool;
  const egress = argumentNames.filter((name) => card.roles[name] === "egress");
  const content = argumentNames.filter((name) => card.roles[name] === "content");
  const plain = argumentNames.filter((name) => !egress.includes(name));
  const byRule = rules
    .for(card.tool)
    .filter((rule) => rule.answer === "allow")
    .map((rule) => ({ ...strangers(content), ...fitting(rule) }))
    .filter((args) => way !== "connects" || egress.some((name) => Object.hasOwn(args, name)));
  const others = way === "connects" || egress.length === 0 ? [] : [strangers(plain)];
  return [strangers(argumentNames), ...others, ...byRule];
}

function strangers(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, STRANGERS]));
}

function fitting(rule: Rule): JsonObject {
  return Object.fromEntries(Object.entries(rule.args).map(([name, match]) => [name, valueFor(match)]));
}

function valueFor(match: ArgumentMatch): JsonValue {
  switch (match.kind) {
    case "any":
      return STRANGERS;
    case "equals":
      return match.values[0] ?? STRANGERS;
    case "under":
      return `${match.folder.replace(/\/$/, "")}/stranger`;
    case "domain":
      return `stranger@${match.domain}`;
    case "at-most":
      return match.limit;
  }
}

interface Call {
  readonly principal: Principal;
  readonly tool: KnownTool;
  readonly label: Label;
  readonly args: JsonObject;
  readonly isOwners: boolean;
}

/** The owner asked for just this, before anything was read. */
function ownersRequest(tool: string): Provenance {
  const provenance = noProvenance();
  beginRequest(provenance, STRANGERS, new Map([[tool, 1]]));
  endorse(provenance, STRANGERS);
  return provenance;
}

function decisionOf({ request, rules }: World, { principal, tool, label, args, isOwners }: Call): Decision {
  const { stack } = request.policy;
  const isClient = principal.kind === "client";
  const client = Object.hasOwn(stack.clients, principal.name) ? stack.clients[principal.name] : undefined;
  return decide({
    nowMs: request.nowMs,
    stopped: false,
    principal,
    tool: tool.card.tool,
    args,
    card: tool.card,
    pin: pinState({ card: tool.card.pin, locked: tool.pin, running: null }),
    schemaFault: null,
    overBudget: null,
    caps: NO_CAPS,
    usedOf: () => 0,
    session: { label, ...(isOwners ? ownersRequest(tool.card.tool) : noProvenance()) },
    handles: CLEAN,
    sink: { compartments: [tool.declared.compartment], network: tool.hasNetwork },
    receiver: isClient ? (client?.compartments ?? []) : Object.keys(stack.compartments),
    rules,
    usesToday: () => 0,
  });
}
