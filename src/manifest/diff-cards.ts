// Changes in cards and rules.

import {
  EFFECTS,
  oneLine,
  type ArgumentMatch,
  type Integrity,
  type Rule,
  type ToolCard,
  type Undo,
} from "../kernel/index.ts";
import { minus, pairs, same, type Change } from "./diff-parts.ts";
import { holdText } from "./holds.ts";
import { cardsFile, RULES_FILE } from "./policy.ts";

const TRUST: Readonly<Record<Integrity, number>> = { owner: 0, system: 1, "third-party": 2 };

export function diffCards(
  before: ReadonlyMap<string, ToolCard>,
  after: ReadonlyMap<string, ToolCard>,
): readonly Change[] {
  return pairs(Object.fromEntries(before), Object.fromEntries(after)).flatMap(([tool, was, is]): readonly Change[] => {
    const file = cardsFile(tool.slice(0, tool.indexOf(".")));
    if (is === undefined) return [{ kind: "removed", file, what: `${tool} may no longer be called`, wider: false }];
    if (was === undefined) {
      return [{ kind: "added", file, what: `${tool} may be called: ${cardText(is)}`, wider: true }];
    }
    if (same(was, is)) return [];
    const text = was.pin === is.pin ? "" : ", for another definition of it";
    const what = `${tool} is now: ${cardText(is)}${text}`;
    return [{ kind: "changed", file, what, wider: !isStricter(was, is) }];
  });
}

function cardText(card: ToolCard): string {
  const { result } = card;
  const from = result.compartments.length === 0 ? "no compartment" : result.compartments.join(", ");
  const secret = result.secret ? ", secret" : "";
  const roles = Object.entries(card.roles)
    .filter(([, role]) => role !== "critical")
    .map(([name, role]) => `${name} is ${role}`);
  const ids = card.ids.length === 0 ? [] : [`${card.ids.join(", ")} name objects`];
  const rest = [...roles, ...ids].map((text) => `, ${text}`).join("");
  const hold = card.holdMs === undefined ? "" : `, held ${holdText(card.holdMs)}`;
  const undo = card.undo === undefined ? "" : `, undone by ${undoText(card.undo)}`;
  return `effect ${card.effect}, results from ${from} (${result.trust}${secret}, ${result.mode})${rest}${hold}${undo}`;
}

function undoText({ tool, args }: Undo): string {
  const given = Object.entries(args).map(([name, from]) => `${oneLine(name, 60)} from ${oneLine(from, 100)}`);
  return `${tool} (${given.join(", ")})`;
}

/** Only what can be shown to allow no more than before counts as stricter. */
function isStricter(was: ToolCard, is: ToolCard): boolean {
  const roles = new Set([...Object.keys(was.roles), ...Object.keys(is.roles)]);
  const roleRank = (card: ToolCard, name: string): number => {
    const role = Object.hasOwn(card.roles, name) ? card.roles[name] : "critical";
    return role === "content" ? 0 : role === "critical" ? 1 : 2;
  };
  return (
    was.pin === is.pin &&
    EFFECTS.indexOf(is.effect) >= EFFECTS.indexOf(was.effect) &&
    TRUST[is.result.trust] >= TRUST[was.result.trust] &&
    minus(was.result.compartments, is.result.compartments).length === 0 &&
    (is.result.secret || !was.result.secret) &&
    (is.result.mode === "handle" || was.result.mode === "inline") &&
    minus(is.ids, was.ids).length === 0 &&
    // Without one of its own a card takes its compartment's, which is not known here.
    (is.holdMs === was.holdMs || (was.holdMs !== undefined && is.holdMs !== undefined && is.holdMs > was.holdMs)) &&
    (is.undo === undefined || same(is.undo, was.undo)) &&
    [...roles].every((name) => roleRank(is, name) >= roleRank(was, name))
  );
}

export function diffRules(before: readonly Rule[], after: readonly Rule[]): readonly Change[] {
  const byId = (rules: readonly Rule[]): Readonly<Record<string, Rule>> =>
    Object.fromEntries(rules.map((rule) => [rule.id, rule]));
  const file = RULES_FILE;
  return pairs(byId(before), byId(after)).flatMap(([id, was, is]): readonly Change[] => {
    if (is === undefined) {
      const what = `rule ${id} is gone: ${was === undefined ? "" : ruleText(was)}`;
      return [{ kind: "removed", file, what, wider: was?.answer === "deny" }];
    }
    if (was === undefined) {
      return [{ kind: "added", file, what: `rule ${id} is new: ${ruleText(is)}`, wider: is.answer === "allow" }];
    }
    if (same(was, is)) return [];
    const isText = same({ ...was, reason: "" }, { ...is, reason: "" });
    return [{ kind: "changed", file, what: `rule ${id} is now: ${ruleText(is)}`, wider: !isText }];
  });
}

/** `client:claude-code may call files.write_file where path is under /notes, until 2027-02-20`. */
export function ruleText(rule: Rule): string {
  const who = rule.principals.length === 0 ? "everybody" : rule.principals.join(", ");
  const may = rule.answer === "allow" ? "may call" : "may never call";
  const args = Object.entries(rule.args).map(([name, match]) => `${oneLine(name, 60)} ${matchText(match)}`);
  const where = args.length === 0 ? "" : ` where ${args.join(" and ")}`;
  const often = rule.perDayMax === null ? "" : `, ${rule.perDayMax} times a day`;
  const until = rule.expiresAtMs === null ? "" : `, until ${new Date(rule.expiresAtMs - 1).toISOString().slice(0, 10)}`;
  return `${who} ${may} ${rule.tool}${where}${often}${until}`;
}

function matchText(match: ArgumentMatch): string {
  switch (match.kind) {
    case "any":
      return "is anything";
    case "equals":
      return `is ${match.values.map((value) => oneLine(JSON.stringify(value), 80)).join(" or ")}`;
    case "under":
      return `is under ${oneLine(match.folder, 200)}`;
    case "domain":
      return `is at ${match.domain}`;
    case "at-most":
      return `is at most ${match.limit}`;
  }
}
