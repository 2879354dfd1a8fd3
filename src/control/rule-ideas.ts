// Rules that would have answered a question, from narrow to wide. Nothing holds before the owner applies it.
// No idea names a content argument, so the check for strangers' links and addresses stays in force.

import {
  canonical,
  Fault,
  fitOf,
  isObject,
  parseStrict,
  roleOf,
  type ArgumentMatch,
  type ArgumentRole,
  type JsonObject,
  type JsonValue,
  type Question,
  type Rule,
  type ToolCard,
} from "../kernel/index.ts";
import { editRules } from "../manifest/index.ts";
import { busiestDay, fittingOf } from "./back-test.ts";
import type { Past } from "./past-requests.ts";
import { dayWords, ruleSentence } from "./rule-words.ts";

export const WIDTHS = ["exact", "near", "any"] as const;
export type Width = (typeof WIDTHS)[number];

export interface Idea {
  readonly width: Width;
  readonly rule: Rule;
  /** A whole rules.yaml with this rule alone. */
  readonly yaml: string;
  readonly sentence: string;
}

export interface Ideas {
  readonly ideas: readonly Idea[];
  /** Why there are none, or fewer; and what a rule will not change. */
  readonly notes: readonly string[];
}

export interface IdeaParts {
  readonly question: Question;
  readonly card: ToolCard;
  readonly past: Past;
  /** Names that a new rule may not have. */
  readonly taken: ReadonlySet<string>;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;
const LIVES_DAYS = 90;
const PER_DAY_MIN = 3;
const PER_DAY_MAX = 200;
/** A longer value is no standing permission that anybody reads again. */
const VALUE_CHARS_MAX = 2_000;

export function ideasFor(parts: IdeaParts): Ideas {
  const { question, card } = parts;
  if (card.effect === "exec") {
    return nothing(`${card.tool} runs a program, and what a program does is not in its arguments: look each time.`);
  }
  if (card.effect === "credential") {
    return nothing(`${card.tool} handles a credential, and no rule ever answers for that: you are always asked.`);
  }
  const args = argumentsOf(question);
  if (args === null) return nothing("The arguments of this question do not read, so no rule can be made of them.");
  const ideas: Idea[] = [];
  const widths = card.effect === "spend" ? WIDTHS.slice(0, 1) : WIDTHS;
  for (const width of widths) {
    const idea = ideaOf(parts, width, args);
    if (idea === null || ideas.some((other) => canonical({ ...other.rule.args }) === canonical({ ...idea.rule.args })))
      continue;
    ideas.push(idea);
  }
  // Without the narrow one only wide ones would be left to choose from.
  if (ideas[0]?.width !== "exact") return nothing("Its deciding values are too long to stand in a rule.");
  return { ideas, notes: notesOn(parts, args) };
}

function nothing(why: string): Ideas {
  return { ideas: [], notes: [why] };
}

function argumentsOf({ binding }: Question): JsonObject | null {
  const parsed = parseStrict(binding.args);
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : null;
}

function notesOn({ question, card }: IdeaParts, args: JsonObject): readonly string[] {
  const asks = (clause: string): boolean =>
    question.clauses.some((given) => given.clause === clause && given.answer === "ask");
  const hasOut = Object.keys(args).some((name) => roleOf(card, name) === "egress");
  return [
    ...(card.effect === "spend" ? ["It spends money, so only a rule for exactly this is offered."] : []),
    ...(hasOut ? ["Where something leaves to is never left open."] : []),
    ...(asks("C1") ? ["No rule lets data leave its compartment: calls like this one are still asked about."] : []),
    ...(asks("C5") ? ["You are still asked when its content brings a stranger's link, address or number."] : []),
  ];
}

function ideaOf(parts: IdeaParts, width: Width, args: JsonObject): Idea | null {
  const { question, card, past, nowMs } = parts;
  const matches: [string, ArgumentMatch][] = [];
  const content: string[] = [];
  for (const [name, value] of Object.entries(args)) {
    const role = roleOf(card, name);
    if (role === "content") content.push(name);
    else matches.push([name, matchFor(width, { name, value, role })]);
  }
  const draft: Rule = {
    id: freeId(card.tool, parts.taken),
    answer: "allow",
    principals: [question.binding.principal],
    tool: card.tool,
    args: Object.fromEntries(matches),
    reason: `always, after question ${question.id} on ${dayWords(nowMs)}`,
    expiresAtMs: (Math.floor(nowMs / DAY_MS) + LIVES_DAYS + 1) * DAY_MS,
    perDayMax: null,
  };
  const busiest = busiestDay(
    fittingOf(
      draft,
      card,
      past.requests.filter(({ principal }) => principal === question.binding.principal),
    ),
  );
  const rule = { ...draft, perDayMax: perDay(card, busiest) };
  const yaml = matches.some(([, match]) => isTooLong(match)) ? null : yamlOf(rule);
  return yaml === null ? null : { width, rule, yaml, sentence: ruleSentence(rule, content) };
}

/** Money is not doubled on a guess. */
function perDay(card: ToolCard, busiest: number): number {
  if (card.effect === "spend") return Math.min(PER_DAY_MAX, Math.max(1, busiest));
  return Math.min(PER_DAY_MAX, Math.max(PER_DAY_MIN, 2 * busiest));
}

function isTooLong(match: ArgumentMatch): boolean {
  return match.kind === "equals" && canonical(match.values).length > VALUE_CHARS_MAX;
}

/** Null when a name or value cannot stand in rules.yaml. */
function yamlOf(rule: Rule): string | null {
  try {
    return editRules("rules: []\n", [{ kind: "add-rule", rule }]);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

function freeId(tool: string, taken: ReadonlySet<string>): string {
  const base = tool
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 26)
    .replaceAll(/^-+|-+$/g, "");
  for (let count = 1; ; count += 1) {
    const id = `${base}-${count}`;
    if (!taken.has(id)) return id;
  }
}

interface Argument {
  readonly name: string;
  readonly value: JsonValue;
  readonly role: ArgumentRole;
}

function matchFor(width: Width, argument: Argument): ArgumentMatch {
  const exact: ArgumentMatch = { kind: "equals", values: [argument.value] };
  if (width === "exact") return exact;
  if (width === "any" && argument.role !== "egress") return { kind: "any" };
  const near = nearMatch(argument);
  // Only what fits the very call that was asked about is an idea for it.
  return near !== null && fitOf(near, argument.value) === "yes" ? near : exact;
}

function nearMatch({ name, value, role }: Argument): ArgumentMatch | null {
  if (typeof value === "number") return AMOUNT.test(name) && value > 0 ? atMost(value) : null;
  const texts = Array.isArray(value) ? value.filter((item) => typeof item === "string") : [value];
  if (texts.length === 0 || (Array.isArray(value) && texts.length !== value.length)) return null;
  const folder = commonFolder(texts);
  if (folder !== null) return { kind: "under", folder };
  const domain = commonDomain(texts, role === "egress" || HOST.test(name));
  return domain === null ? null : { kind: "domain", domain };
}

const AMOUNT = /amount|sum|price|total|cost|quantity|count|limit|size|max/i;
const HOST = /host|domain|server|site/i;

/** Up to the next 1, 2 or 5 of its size: 37 becomes 50. */
function atMost(value: number): ArgumentMatch {
  const size = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((times) => times * size >= value) ?? 10;
  return { kind: "at-most", limit: Number((step * size).toPrecision(12)) };
}

/** The deepest folder that holds all of them; never the system's own, nor somebody's whole home. */
function commonFolder(values: readonly JsonValue[]): string | null {
  const folders = values.map((value) =>
    typeof value === "string" && value.startsWith("/") ? value.split("/").slice(1, -1) : null,
  );
  const [first] = folders;
  if (first === undefined || first === null) return null;
  let depth = first.length;
  for (const folder of folders) {
    if (folder === null) return null;
    while (depth > 0 && !first.slice(0, depth).every((part, at) => part === folder[at])) depth -= 1;
  }
  const folder = `/${first.slice(0, depth).join("/")}`;
  return depth === 0 || WIDE_FOLDER.test(folder) ? null : folder;
}

const WIDE_FOLDER = /^\/(?:[^/]+|(?:home|Users)\/[^/]+)$/;

/** A file's name looks like a host, so a bare host counts only where a host is expected. */
function commonDomain(values: readonly JsonValue[], mayBeHost: boolean): string | null {
  const domains = values.map((value) => {
    if (typeof value !== "string") return null;
    const at = value.lastIndexOf("@");
    return at > 0 || mayBeHost ? value.slice(at + 1).toLowerCase() : null;
  });
  const [first] = domains;
  if (first === undefined || first === null || !domains.every((domain) => domain === first)) return null;
  return first.length <= DOMAIN_LENGTH_MAX && DOMAIN.test(first) && !ANYBODYS.has(first) ? first : null;
}

const DOMAIN_LENGTH_MAX = 253;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z][a-z0-9-]*[a-z0-9]$/;
/** Anybody can have an address there, so the domain says nothing about who it is. */
const ANYBODYS: ReadonlySet<string> = new Set(
  (
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com me.com gmx.de gmx.net web.de " +
    "t-online.de proton.me protonmail.com aol.com mail.com posteo.de mailbox.org fastmail.com yandex.ru mail.ru qq.com"
  ).split(" "),
);
