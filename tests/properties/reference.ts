// A second interpreter of the clauses, slow and obvious, written from the design and not from the kernel's decide.
// Of the kernel it shares the shapes of data and three leaves, which tables and vectors of their own hold: what stands
// in the owner's words (isInWords), what in a text leads somewhere (pointersIn), whether a rule's matcher fits (fitOf).

import {
  canonical,
  digestOf,
  fitOf,
  isInWords,
  pointersIn,
  type ClauseId,
  type Facts,
  type JsonValue,
  type Rule,
  type ToolCard,
} from "../../src/kernel/index.ts";

type Kind = "deny" | "ask" | "allow";
type Said = readonly [clause: ClauseId, kind: Kind];

export interface ReferenceDecision {
  readonly kind: Kind;
  readonly because: ClauseId;
  readonly said: readonly string[];
}

export function referenceDecision(facts: Facts, rules: readonly Rule[]): ReferenceDecision {
  const said: Said[] = [];
  if (facts.card === null) {
    said.push(["C0", "deny"]);
  } else {
    const call: Call = { facts, card: facts.card, rules };
    for (const clause of [c0, c1, c2, c3, c4, c5]) said.push(...clause(call));
  }
  if (said.length === 0) said.push(["C0", "deny"]);
  let kind: Kind = "allow";
  for (const wanted of ["ask", "deny"] as const) {
    for (const [, each] of said) if (each === wanted) kind = wanted;
  }
  const [because] = said.find(([, each]) => each === kind) ?? ["C0"];
  return { kind, because, said: said.map(([clause, each]) => `${clause} ${each}`) };
}

interface Call {
  readonly facts: Facts;
  readonly card: ToolCard;
  readonly rules: readonly Rule[];
}

/** Stopped, no card, pin differs, arguments fail the schema, a deny rule, a budget or a run's cap exceeded: deny. */
function c0({ facts, card, rules }: Call): readonly Said[] {
  let isBad = facts.stopped;
  if (card.tool !== facts.tool) isBad = true;
  if (facts.pin === "differs" || facts.pin === "absent") isBad = true;
  if (facts.schemaFault !== null) isBad = true;
  if (facts.overBudget !== null) isBad = true;
  if (!isPlainRead({ facts, card, rules })) {
    const { effects, perTool, sends, spends } = facts.caps;
    if (effects !== null && facts.usedOf("effects") >= effects) isBad = true;
    if (perTool !== null && facts.usedOf("perTool") >= perTool) isBad = true;
    if (card.effect === "send" && sends !== null && facts.usedOf("sends") >= sends) isBad = true;
    if (card.effect === "spend" && spends !== null && facts.usedOf("spends") >= spends) isBad = true;
  }
  for (const rule of rules) if (rule.answer === "deny" && isFor(rule, facts) && bites(rule, facts)) isBad = true;
  return isBad ? [["C0", "deny"]] : [];
}

/** Results the receiver may not see: deny. Labels out of the sink's clearance, or anything after a secret: ask. */
function c1({ facts, card }: Call): readonly Said[] {
  for (const compartment of card.result.compartments) {
    if (!facts.receiver.includes(compartment)) return [["C1", "deny"]];
  }
  const isEgress = egressOf(facts, card);
  const leaving = [...facts.handles.compartments];
  if (card.effect !== "read" || facts.sink.network || isEgress) leaving.push(...facts.session.label.compartments);
  for (const compartment of leaving) if (!facts.sink.compartments.includes(compartment)) return [["C1", "ask"]];
  const hasSecret = facts.session.label.secret || facts.handles.secret;
  return hasSecret && (card.effect === "send" || isEgress) ? [["C1", "ask"]] : [];
}

/** A read without egress: allow; principals with few rights need a rule. */
function c2(call: Call): readonly Said[] {
  if (!isPlainRead(call)) return [];
  return [["C2", !hasFew(call.facts) || allowed(call) !== null ? "allow" : "deny"]];
}

/** An effect: by rule, or by the owner's own values. Programs never by words, credentials always ask. */
function c3(call: Call): readonly Said[] {
  if (isPlainRead(call)) return [];
  const { facts, card } = call;
  const rule = allowed(call);
  if (rule === null && hasFew(facts)) return [["C3", "deny"]];
  if (isAgreed(call)) return [["C3", "allow"]];
  if (card.effect === "credential") return [["C3", "ask"]];
  if (rule !== null) return [["C3", "allow"]];
  if (card.effect === "exec") return [["C3", "ask"]];
  const canUndo = card.effect === "write-reversible" && card.undo !== undefined;
  if (facts.reversibleFree === true && canUndo && !egressOf(facts, card)) return [["C3", "allow"]];
  if (facts.session.words === null) return [["C3", "ask"]];
  for (const [name, value] of Object.entries(facts.args)) {
    if (roleIn(card, name) === "content") continue;
    if (!belongsToOwner({ call, name, value })) return [["C3", "ask"]];
  }
  return [["C3", "allow"]];
}

/** After untrusted text an effect without a rule must stand in the outline with a count left. */
function c4(call: Call): readonly Said[] {
  if (isPlainRead(call) || !isTaintedCall(call) || allowed(call) !== null || isAgreed(call)) return [];
  let left = 0;
  for (const [tool, count] of call.facts.session.outline ?? []) if (tool === call.facts.tool) left = count;
  return left > 0 ? [] : [["C4", "ask"]];
}

/** After untrusted text, content that leads somewhere must lead where the owner said; a rule may speak for content. */
function c5(call: Call): readonly Said[] {
  if (isPlainRead(call) || !isTaintedCall(call) || isAgreed(call)) return [];
  const rule = allowed(call);
  const named = rule === null ? [] : Object.keys(rule.args);
  for (const [name, value] of Object.entries(call.facts.args)) {
    if (roleIn(call.card, name) !== "content" || named.includes(name)) continue;
    for (const text of textsOf(value)) {
      for (const pointer of pointersIn(text)) if (!isSaid(call, pointer)) return [["C5", "ask"]];
    }
  }
  return [];
}

/** The owner said yes to this tool with these arguments before, and it has not been run as often as they did. */
function isAgreed({ facts }: Call): boolean {
  const wanted = digestOf({ args: facts.args, tool: facts.tool });
  for (const [key, { left }] of facts.session.agreed) if (key === wanted && left > 0) return true;
  return false;
}

function roleIn(card: ToolCard, name: string): string {
  for (const [listed, role] of Object.entries(card.roles)) if (listed === name) return role;
  return "critical";
}

function egressOf(facts: Facts, card: ToolCard): boolean {
  for (const name of Object.keys(facts.args)) if (roleIn(card, name) === "egress") return true;
  return false;
}

function isPlainRead({ facts, card }: Call): boolean {
  return card.effect === "read" && !egressOf(facts, card);
}

function hasFew(facts: Facts): boolean {
  const { kind } = facts.principal;
  return kind === "child" || kind === "guest" || kind === "device" || kind === "server";
}

function isTaintedCall({ facts }: Call): boolean {
  return facts.session.label.integrity === "third-party" || facts.handles.integrity === "third-party";
}

function isSaid({ facts }: Call, value: JsonValue): boolean {
  for (const text of facts.session.endorsed) if (text === canonical(value)) return true;
  return facts.session.words !== null && isInWords(facts.session.words, value);
}

interface Value {
  readonly call: Call;
  readonly name: string;
  readonly value: JsonValue;
}

/** Said, endorsed, of the one object that was looked up, or, while all is clean, of the owner's own results. */
function belongsToOwner({ call, name, value }: Value): boolean {
  if (isSaid(call, value)) return true;
  if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries<JsonValue>(value)) {
      if (!Array.isArray(value) && !isSaid(call, key)) return false;
      if (!belongsToOwner({ call, name, value: item })) return false;
    }
    return true;
  }
  const { facts, card } = call;
  const text = canonical(value);
  if (roleIn(card, name) === "egress") return false;
  if (!isTaintedCall(call) && facts.session.clean.has(text)) return true;
  if (card.effect === "spend" || card.effect === "credential" || card.effect === "exec") return false;
  if (facts.session.recorded.has(text)) return true;
  const [server = ""] = card.tool.split(".");
  if (typeof value === "string" && (value === "" || value.length > 200 || pointersIn(value).length > 0)) return false;
  if (typeof value === "number" && !Number.isSafeInteger(value)) return false;
  return facts.session.named.get(server)?.has(text) === true;
}

function isFor(rule: Rule, facts: Facts): boolean {
  const [server = ""] = facts.tool.split(".");
  if (rule.tool !== facts.tool && rule.tool !== `${server}.*` && rule.tool !== "*") return false;
  if (rule.expiresAtMs !== null && facts.nowMs >= rule.expiresAtMs) return false;
  if (rule.principals.length === 0) return true;
  const { kind, name } = facts.principal;
  return rule.principals.some((each) => each === (name === "" ? kind : `${kind}:${name}`));
}

/** A ban bites unless an argument that it names is absent or surely another. */
function bites(rule: Rule, facts: Facts): boolean {
  for (const [name, match] of Object.entries(rule.args)) {
    const found = Object.entries(facts.args).find(([given]) => given === name);
    if (found === undefined || fitOf(match, found[1]) === "no") return false;
  }
  return true;
}

/** The first rule for this very tool that names every argument but content, fits, and has uses left. */
function allowed({ facts, card, rules }: Call): Rule | null {
  for (const rule of rules) {
    if (rule.answer !== "allow" || rule.tool !== facts.tool || !isFor(rule, facts)) continue;
    if (rule.perDayMax !== null && facts.usesToday(rule.id) >= rule.perDayMax) continue;
    let fits = true;
    for (const name of Object.keys(rule.args)) if (!Object.keys(facts.args).includes(name)) fits = false;
    for (const [name, value] of Object.entries(facts.args)) {
      const match = Object.entries(rule.args).find(([named]) => named === name);
      if (match === undefined && roleIn(card, name) !== "content") fits = false;
      if (match !== undefined && fitOf(match[1], value) !== "yes") fits = false;
    }
    if (fits) return rule;
  }
  return null;
}

function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number") return [String(value)];
  if (typeof value !== "object" || value === null) return [];
  const texts: string[] = [];
  for (const [key, item] of Object.entries<JsonValue>(value)) {
    if (!Array.isArray(value)) texts.push(key);
    texts.push(...textsOf(item));
  }
  return texts;
}
