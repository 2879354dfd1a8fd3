// rules.yaml: the owner's standing permissions and bans.
// Invariants: an allow rule names one tool; a matcher has exactly one meaning; a rule with a word that is not
// understood is refused with its whole file, so no ban is lost and no permission is wider than written.

import { PRINCIPAL_KINDS, type ArgumentMatch, type Rule } from "../kernel/index.ts";
import { FULL_TOOL, NAME, PLAIN_TEXT } from "./names.ts";
import * as read from "./reading.ts";
import type { SourceNode } from "./reading.ts";
import { readYaml } from "./yaml.ts";

const DAY_MS = 86_400_000;
const ARGUMENT = { pattern: /^(?!__proto__$)[^]{1,256}$/, expected: "the name of an argument" } as const;
const ALONE = ["owner", "agent", "freehold"];
const NAMED = PRINCIPAL_KINDS.filter((kind) => !ALONE.includes(kind));
const DOMAIN = {
  pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/,
  expected: "a domain in lower case such as example.org",
  lengthMax: 253,
} as const;
const PRINCIPAL = {
  pattern: new RegExp(`^(?:${ALONE.join("|")}|(?:${NAMED.join("|")}):[a-z0-9][a-z0-9-]{0,30})$`),
  expected: "agent, client:claude-code, automation:weekly or the like",
} as const;

export function parseRules(text: string, file: string): readonly Rule[] {
  return readYaml({ text, file }, (root) => {
    const seen = new Set<string>();
    return read.listOf(read.fields(root, { required: ["rules"], optional: [] }).need("rules"), (node) => {
      const rule = ruleOf(node);
      if (seen.has(rule.id)) read.report(node, { code: "duplicate", message: `two rules have the id '${rule.id}'.` });
      seen.add(rule.id);
      return rule;
    });
  });
}

function ruleOf(node: SourceNode): Rule {
  const rule = read.fields(node, {
    required: ["id", "answer", "tool", "reason"],
    optional: ["principals", "args", "expires", "per-day"],
  });
  const answer = read.oneOf(rule.need("answer"), ["deny", "allow"]);
  return read.remember(node, {
    id: read.textOf(rule.need("id"), NAME),
    answer,
    principals: read.maybe(rule.get("principals"), [], (list) => principalsOf(list)),
    tool: toolOf(rule.need("tool"), answer),
    args: read.maybe(rule.get("args"), {}, (args) => read.mapOf(args, ARGUMENT, matchOf)),
    reason: read.textOf(rule.need("reason"), { ...PLAIN_TEXT, lengthMax: 300 }),
    expiresAtMs: read.maybe(rule.get("expires"), null, endOfDay),
    perDayMax: read.maybe(rule.get("per-day"), null, (count) =>
      read.numberOf(count, { min: 1, max: 1_000_000, whole: true }),
    ),
  });
}

/** An empty list would read as "nobody" and mean "everybody". */
function principalsOf(node: SourceNode): readonly string[] {
  const principals = read.setOf(node, PRINCIPAL);
  if (read.isList(node.content) && principals.length === 0) {
    refuse(node, "'principals' is empty. Leave it out for everybody, or name somebody.");
  }
  return principals;
}

function toolOf(node: SourceNode, answer: Rule["answer"]): string {
  const isWide = typeof node.content === "string" && /^(?:[a-z0-9][a-z0-9-]{0,30}\.)?\*$/.test(node.content);
  if (!isWide) return read.textOf(node, FULL_TOOL);
  if (answer === "allow") refuse(node, "an allow rule names one tool, such as files.write_file; '*' is for deny.");
  return read.textOf(node);
}

const MATCHERS = new Map<string, (node: SourceNode) => ArgumentMatch>([
  ["under", (node) => ({ kind: "under", folder: folderOf(node) })],
  ["equals", (node) => ({ kind: "equals", values: [read.valueOf(node)] })],
  ["one-of", (node) => ({ kind: "equals", values: read.listOf(node, read.valueOf) })],
  ["domain", (node) => ({ kind: "domain", domain: read.textOf(node, DOMAIN) })],
  ["at-most", (node) => ({ kind: "at-most", limit: read.numberOf(node, { min: -1e15, max: 1e15, whole: false }) })],
]);
/** In place of what was reported; it is never used. */
const NOTHING: ArgumentMatch = { kind: "equals", values: [] };

function matchOf(node: SourceNode): ArgumentMatch {
  if (node.content === "any") return { kind: "any" };
  if (!read.isMap(node.content)) {
    const message = `${read.nameOf(node)} must be any, or one of {under: /folder}, {equals: a}, {one-of: [a, b]},`;
    read.report(node, { code: "wrong-type", message: `${message} {domain: example.org}, {at-most: 5}.` });
    return NOTHING;
  }
  const names = [...MATCHERS.keys()];
  const given = read.fields(node, { required: [], optional: names });
  const [first = "", second] = [...node.content.keys()];
  const matcher = given.get(first);
  if (matcher !== undefined && second === undefined) return MATCHERS.get(first)?.(matcher) ?? NOTHING;
  refuse(node, `${read.nameOf(node)} must have exactly one of ${names.join(", ")}.`);
  return NOTHING;
}

function folderOf(node: SourceNode): string {
  const folder = read.textOf(node, { pattern: /^\/[^\0\\]*$/, expected: "an absolute folder such as /home/ada/notes" });
  if (folder.split("/").some((part) => part === ".." || part === ".")) {
    refuse(node, `${read.nameOf(node)} must not hold '.' or '..'.`);
  }
  return folder;
}

/** The first moment at which the rule holds no more: midnight UTC after the day that is written. */
function endOfDay(node: SourceNode): number | null {
  const text = read.textOf(node, { pattern: /^\d{4}-\d{2}-\d{2}$/, expected: "a date such as 2027-02-20" });
  const startMs = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== text) {
    refuse(node, `${read.nameOf(node)} must be a date that exists, such as 2027-02-20.`);
    return null;
  }
  return startMs + DAY_MS;
}

function refuse(node: SourceNode, message: string): void {
  read.report(node, { code: "bad-value", message });
}
