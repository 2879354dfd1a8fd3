// A standing permission or ban of the owner's. Parsed in manifest/rules.ts, indexed once per accepted policy.
// Invariants: a deny rule that cannot be evaluated denies; an allow rule that cannot be evaluated allows nothing.

import { roleOf, type ToolCard } from "./cards.ts";
import { canonical, type JsonObject, type JsonValue } from "./json.ts";

export type ArgumentMatch =
  | { readonly kind: "equals"; readonly values: readonly JsonValue[] }
  | { readonly kind: "under"; readonly folder: string }
  | { readonly kind: "domain"; readonly domain: string }
  | { readonly kind: "at-most"; readonly limit: number }
  | { readonly kind: "any" };

export interface Rule {
  readonly id: string;
  readonly answer: "allow" | "deny";
  /** `client:claude-code`, `agent`, `automation:weekly`; empty means every principal. */
  readonly principals: readonly string[];
  /** `server.tool`; a deny rule may also say `server.*` or `*`. */
  readonly tool: string;
  readonly args: Readonly<Record<string, ArgumentMatch>>;
  readonly reason: string;
  readonly expiresAtMs: number | null;
  readonly perDayMax: number | null;
}

export interface RuleIndex {
  readonly size: number;
  for(tool: string): readonly Rule[];
}

export function indexRules(rules: readonly Rule[]): RuleIndex {
  const byTool = Map.groupBy(rules, (rule) => rule.tool);
  const own = (name: string): readonly Rule[] => byTool.get(name) ?? [];
  // Joined once, since every call asks.
  const joined = new Map<string, readonly Rule[]>();
  for (const name of byTool.keys()) {
    joined.set(name, [...new Set([...own(name), ...own(wholeServer(name)), ...own("*")])]);
  }
  return {
    size: rules.length,
    for: (tool) => joined.get(tool) ?? joined.get(wholeServer(tool)) ?? own("*"),
  };
}

function wholeServer(tool: string): string {
  return `${tool.slice(0, tool.indexOf("."))}.*`;
}

/** `unclear` is what cannot be told without resolving: it allows nothing, and a ban bites. */
export type Fit = "yes" | "no" | "unclear";

export function fitOf(match: ArgumentMatch, value: JsonValue): Fit {
  if (match.kind === "any") return "yes";
  if (match.kind === "equals" && match.values.some((wanted) => isSame(wanted, value))) return "yes";
  if (Array.isArray(value)) {
    const fits = new Set(value.map((item: JsonValue) => fitOf(match, item)));
    const [only = "unclear"] = fits;
    // A list as a whole is none of the values that "equals" names, even if each of its items is.
    return fits.size === 1 && (only === "no" || match.kind !== "equals") ? only : "unclear";
  }
  switch (match.kind) {
    case "equals":
      return "no";
    case "at-most":
      if (typeof value !== "number") return "unclear";
      return value <= match.limit ? "yes" : "no";
    case "under":
      return typeof value === "string" ? fitUnder(match.folder, value) : "unclear";
    case "domain":
      return typeof value === "string" ? fitDomain(match.domain, value) : "unclear";
  }
}

function isSame(wanted: JsonValue, value: JsonValue): boolean {
  if (typeof wanted !== "object" || typeof value !== "object") return wanted === value;
  return canonical(wanted) === canonical(value);
}

/** Plain absolute paths only; the folder itself is unclear, since what is done to it reaches what is under it. */
function fitUnder(folder: string, path: string): Fit {
  const [, ...parts] = path.split("/");
  if (!path.startsWith("/") || path.includes("\0") || path.includes("\\")) return "unclear";
  if (parts.slice(0, -1).includes("") || parts.includes("..") || parts.includes(".")) return "unclear";
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  if (path === base || `${path}/` === base) return "unclear";
  return path.startsWith(base) ? "yes" : "no";
}

/** One bare address `name@domain` or a bare host; display names, lists, comments and subdomains are unclear. */
function fitDomain(domain: string, value: string): Fit {
  const bare = /^(?:[A-Za-z0-9._%+-]{1,64}@)?([A-Za-z0-9.-]{1,253}[A-Za-z0-9-])$/.exec(value);
  const host = bare?.[1]?.toLowerCase();
  if (host === undefined || host.endsWith(`.${domain.toLowerCase()}`)) return "unclear";
  return host === domain.toLowerCase() ? "yes" : "no";
}

export interface RuleCall {
  readonly principal: string;
  readonly card: ToolCard;
  readonly args: JsonObject;
  readonly nowMs: number;
  /** How often the rule has allowed since midnight of the owner's day. */
  usesToday(ruleId: string): number;
}

/** A deny rule bites when no matcher it states is sure to miss; arguments it does not state do not save the call. */
export function denies(rule: Rule, call: RuleCall): boolean {
  if (rule.answer !== "deny" || !appliesTo(rule, call)) return false;
  return Object.entries(rule.args).every(([name, match]) => {
    const value = Object.hasOwn(call.args, name) ? call.args[name] : undefined;
    return value !== undefined && fitOf(match, value) !== "no";
  });
}

/** An allow rule must name every argument of the call that is not content. */
export function allows(rule: Rule, call: RuleCall): boolean {
  if (rule.answer !== "allow" || !appliesTo(rule, call)) return false;
  // What the rule names comes first: most rules that do not fit, do not fit there.
  for (const name of Object.keys(rule.args)) {
    const [match, value] = [rule.args[name], Object.hasOwn(call.args, name) ? call.args[name] : undefined];
    if (match === undefined || value === undefined || fitOf(match, value) !== "yes") return false;
  }
  for (const name of Object.keys(call.args)) {
    if (!Object.hasOwn(rule.args, name) && roleOf(call.card, name) !== "content") return false;
  }
  return rule.perDayMax === null || call.usesToday(rule.id) < rule.perDayMax;
}

function appliesTo(rule: Rule, call: RuleCall): boolean {
  if (rule.expiresAtMs !== null && rule.expiresAtMs <= call.nowMs) return false;
  return rule.principals.length === 0 || rule.principals.includes(call.principal);
}
