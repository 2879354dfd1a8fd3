// Rules in plain sentences, for the owner. What a rule quotes may come from strangers and is spelled out.

import { canonical, oneLine, revealJson, type ArgumentMatch, type JsonValue, type Rule } from "../kernel/index.ts";

const VALUE_LENGTH_MAX = 120;
const VALUES_MAX = 6;

/** `content` names arguments that the rule leaves free. */
export function ruleSentence(rule: Rule, content: readonly string[] = []): string {
  const who = rule.principals.length === 0 ? "everybody" : listed(rule.principals.map((name) => shortPrincipal(name)));
  const named = Object.entries(rule.args).map(([name, match]) => matchWords(oneLine(name, 60), match));
  const where = listed([...named, ...content.map((name) => `any ${oneLine(name, 60)}`)]);
  const may = rule.answer === "allow" ? "may use" : "may never use";
  const often = rule.perDayMax === null ? "" : `, at most ${times(rule.perDayMax)} a day`;
  const until = rule.expiresAtMs === null ? "" : `, until ${dayWords(rule.expiresAtMs - 1)}`;
  return `${who} ${may} ${toolWords(rule.tool)}${where === "" ? "" : ` with ${where}`}${often}${until}`;
}

function toolWords(tool: string): string {
  if (tool === "*") return "any tool";
  return tool.endsWith(".*") ? `any tool of ${tool.slice(0, -2)}` : oneLine(tool, 160);
}

export function matchWords(name: string, match: ArgumentMatch): string {
  switch (match.kind) {
    case "any":
      return `any ${name}`;
    case "under":
      return `${name} below ${oneLine(match.folder, 200)}`;
    case "domain":
      return `${name} at ${match.domain}`;
    case "at-most":
      return `${name} of at most ${match.limit}`;
    case "equals": {
      const values = match.values.slice(0, VALUES_MAX).map((value) => valueWords(value));
      const more = match.values.length - values.length;
      return `${name} exactly ${values.join(" or ")}${more === 0 ? "" : ` or one of ${more} others`}`;
    }
  }
}

function valueWords(value: JsonValue): string {
  return typeof value === "string" ? `“${oneLine(value, VALUE_LENGTH_MAX)}”` : jsonLine(value, VALUE_LENGTH_MAX);
}

/** Canonical JSON on one line, hidden characters spelled out, cut with its length said. */
export function jsonLine(value: JsonValue, lengthMax: number): string {
  const text = canonical(value);
  if (text.length <= lengthMax) return revealJson(text);
  return `${revealJson(text.slice(0, lengthMax).toWellFormed())}… (${text.length} characters)`;
}

export function shortPrincipal(principal: string): string {
  return oneLine(principal.replace(/^client:/, ""), 60);
}

/** "20 February 2027", in UTC as rules count. */
export function dayWords(atMs: number): string {
  return new Date(atMs).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
}
