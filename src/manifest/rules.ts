// rules.yaml: the owner's standing permissions and bans.
// Invariants: an allow rule names one tool; a matcher has exactly one meaning; a rule with a word that is not
// understood is refused with its whole file, so no ban is lost and no permission is wider than written.

import { PRINCIPAL_KINDS, type ArgumentMatch, type Rule } from "../kernel/index.ts";
import { FULL_TOOL, NAME, PLAIN_TEXT } from "./names.ts";
import {
  fields,
  isList,
  isMap,
  listOf,
  mapOf,
  maybe,
  nameOf,
  numberOf,
  oneOf,
  remember,
  report,
  setOf,
  textOf,
  valueOf,
  type SourceNode,
} from "./reading.ts";
import { readYaml } from "./yaml.ts";

const DAY_MS = 86_400_000;
const MATCHERS = ["under", "equals", "one-of", "domain", "at-most"];
const ARGUMENT = { pattern: /^(?!__proto__$)[^]{1,256}$/, expected: "the name of an argument" } as const;
const ALONE = ["owner", "agent", "freehold"];
const NAMED = PRINCIPAL_KINDS.filter((kind) => !ALONE.includes(kind));
const PRINCIPAL = {
  pattern: new RegExp(`^(?:${ALONE.join("|")}|(?:${NAMED.join("|")}):[a-z0-9][a-z0-9-]{0,30})$`),
  expected: "agent, client:claude-code, automation:weekly or the like",
} as const;

export function parseRules(text: string, file: string): readonly Rule[] {
  return readYaml({ text, file }, (root) => {
    const seen = new Set<string>();
    return listOf(fields(root, { required: ["rules"], optional: [] }).need("rules"), (node) => {
      const rule = ruleOf(node);
      if (seen.has(rule.id)) report(node, { code: "duplicate", message: `two rules have the id '${rule.id}'.` });
      seen.add(rule.id);
      return rule;
    });
  });
}

function ruleOf(node: SourceNode): Rule {
  const rule = fields(node, {
    required: ["id", "answer", "tool", "reason"],
    optional: ["principals", "args", "expires", "per-day"],
  });
  const answer = oneOf(rule.need("answer"), ["deny", "allow"]);
  return remember(node, {
    id: textOf(rule.need("id"), NAME),
    answer,
    principals: maybe(rule.get("principals"), [], (list) => principalsOf(list)),
    tool: toolOf(rule.need("tool"), answer),
    args: maybe(rule.get("args"), {}, (args) => mapOf(args, ARGUMENT, matchOf)),
    reason: textOf(rule.need("reason"), { ...PLAIN_TEXT, lengthMax: 300 }),
    expiresAtMs: maybe(rule.get("expires"), null, endOfDay),
    perDayMax: maybe(rule.get("per-day"), null, (count) => numberOf(count, { min: 1, max: 1_000_000, whole: true })),
  });
}

/** An empty list would read as "nobody" and mean "everybody". */
function principalsOf(node: SourceNode): readonly string[] {
  const principals = setOf(node, PRINCIPAL);
  if (isList(node.content) && principals.length === 0) {
    report(node, {
      code: "bad-value",
      message: "'principals' is empty. Leave it out for everybody, or name somebody.",
    });
  }
  return principals;
}

function toolOf(node: SourceNode, answer: Rule["answer"]): string {
  const isWide = typeof node.content === "string" && /^(?:[a-z0-9][a-z0-9-]{0,30}\.)?\*$/.test(node.content);
  if (!isWide) return textOf(node, FULL_TOOL);
  if (answer === "allow") {
    report(node, {
      code: "bad-value",
      message: "an allow rule names one tool, such as files.write_file; '*' is for deny.",
    });
  }
  return textOf(node);
}

function matchOf(node: SourceNode): ArgumentMatch {
  if (node.content === "any") return { kind: "any" };
  if (!isMap(node.content)) {
    const message = `${nameOf(node)} must be any, or one of {under: /folder}, {equals: a}, {one-of: [a, b]},`;
    report(node, { code: "wrong-type", message: `${message} {domain: example.org}, {at-most: 5}.` });
    return { kind: "equals", values: [] };
  }
  const given = fields(node, { required: [], optional: MATCHERS });
  const [first, second] = [...node.content.keys()];
  const matcher = first === undefined ? undefined : given.get(first);
  if (matcher === undefined || second !== undefined) {
    report(node, { code: "bad-value", message: `${nameOf(node)} must have exactly one of ${MATCHERS.join(", ")}.` });
    return { kind: "equals", values: [] };
  }
  switch (first) {
    case "under":
      return { kind: "under", folder: folderOf(matcher) };
    case "equals":
      return { kind: "equals", values: [valueOf(matcher)] };
    case "one-of":
      return { kind: "equals", values: listOf(matcher, valueOf) };
    case "domain":
      return {
        kind: "domain",
        domain: textOf(matcher, {
          pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/,
          expected: "a domain in lower case such as example.org",
          lengthMax: 253,
        }),
      };
    case "at-most":
      return { kind: "at-most", limit: numberOf(matcher, { min: -1e15, max: 1e15, whole: false }) };
    default:
      return { kind: "equals", values: [] };
  }
}

function folderOf(node: SourceNode): string {
  const folder = textOf(node, { pattern: /^\/[^\0\\]*$/, expected: "an absolute folder such as /home/ada/notes" });
  if (folder.split("/").some((part) => part === ".." || part === ".")) {
    report(node, { code: "bad-value", message: `${nameOf(node)} must not hold '.' or '..'.` });
  }
  return folder;
}

/** The first moment at which the rule holds no more: midnight UTC after the day that is written. */
function endOfDay(node: SourceNode): number | null {
  const text = textOf(node, { pattern: /^\d{4}-\d{2}-\d{2}$/, expected: "a date such as 2027-02-20" });
  const startMs = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== text) {
    report(node, { code: "bad-value", message: `${nameOf(node)} must be a date that exists, such as 2027-02-20.` });
    return null;
  }
  return startMs + DAY_MS;
}
