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
  const byTool = new Map<string, Rule[]>();
  for (const rule of rules) {
    const list = byTool.get(rule.tool) ?? [];
    list.push(rule);
    byTool.set(rule.tool, list);
  }
  const none: readonly Rule[] = [];
  return {
    size: rules.length,
    for(tool) {
      const exact = byTool.get(tool) ?? none;
      const server = byTool.get(`${tool.slice(0, tool.indexOf("."))}.*`) ?? none;
      const every = byTool.get("*") ?? none;
      if (server.length === 0 && every.length === 0) return exact;
      return [...exact, ...server, ...every];
    },
  };
}

export function matchesArgument(match: ArgumentMatch, value: JsonValue): boolean {
  switch (match.kind) {
    case "any":
      return true;
    case "equals":
      return match.values.some((wanted) => canonical(wanted) === canonical(value));
    case "at-most":
      return typeof value === "number" && value <= match.limit;
    case "under":
      return typeof value === "string" && isUnder(match.folder, value);
    case "domain":
      return typeof value === "string" && isInDomain(match.domain, value);
  }
}

/** Plain absolute paths only: anything that would need resolving is not under the folder. */
function isUnder(folder: string, path: string): boolean {
  if (!path.startsWith("/") || path.includes("\0") || path.includes("\\")) return false;
  if (path.split("/").some((part) => part === ".." || part === ".")) return false;
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  return path.startsWith(base) && path.length > base.length;
}

/** One bare address `name@domain` or a bare host; display names, lists and comments do not match. */
function isInDomain(domain: string, value: string): boolean {
  const bare = /^(?:[A-Za-z0-9._%+-]{1,64}@)?([A-Za-z0-9.-]{1,253})$/.exec(value);
  const host = bare?.[1]?.toLowerCase();
  return host !== undefined && host === domain.toLowerCase();
}

export interface RuleCall {
  readonly principal: string;
  readonly card: ToolCard;
  readonly args: JsonObject;
  readonly nowMs: number;
  /** How often the rule has allowed since midnight of the owner's day. */
  usesToday(ruleId: string): number;
}

/** A deny rule bites when every matcher it states fits; arguments it does not state do not save the call. */
export function denies(rule: Rule, call: RuleCall): boolean {
  if (rule.answer !== "deny" || !appliesTo(rule, call)) return false;
  return Object.entries(rule.args).every(([name, match]) => {
    const value = Object.hasOwn(call.args, name) ? call.args[name] : undefined;
    return value !== undefined && matchesArgument(match, value);
  });
}

/** An allow rule must name every argument of the call that is not content. */
export function allows(rule: Rule, call: RuleCall): boolean {
  if (rule.answer !== "allow" || !appliesTo(rule, call)) return false;
  if (rule.perDayMax !== null && call.usesToday(rule.id) >= rule.perDayMax) return false;
  for (const [name, value] of Object.entries(call.args)) {
    const match = Object.hasOwn(rule.args, name) ? rule.args[name] : undefined;
    if (match === undefined ? roleOf(call.card, name) !== "content" : !matchesArgument(match, value)) return false;
  }
  return Object.keys(rule.args).every((name) => Object.hasOwn(call.args, name));
}

function appliesTo(rule: Rule, call: RuleCall): boolean {
  if (rule.expiresAtMs !== null && rule.expiresAtMs <= call.nowMs) return false;
  return rule.principals.length === 0 || rule.principals.includes(call.principal);
}
