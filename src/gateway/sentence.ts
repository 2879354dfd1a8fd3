// The one plain sentence of a question. What runs is shown beside it in full; this only says what it is about.

import {
  isLookalike,
  oneLine,
  roleOf,
  type Effect,
  type JsonObject,
  type JsonValue,
  type ToolCard,
} from "../kernel/index.ts";

const WANTS: Readonly<Record<Effect, string>> = {
  read: "read from outside",
  "write-reversible": "change something that can be undone",
  write: "change something",
  send: "send something",
  spend: "spend money",
  credential: "handle a credential",
  exec: "run a program",
};

const VALUE_LENGTH_MAX = 80;
const VALUES_MAX = 6;

export function questionSentence(principal: string, card: ToolCard, args: JsonObject): string {
  const who = oneLine(principal.replace(/^client:/, ""), 40);
  const values = Object.entries(args)
    .filter(([name]) => roleOf(card, name) !== "content")
    .slice(0, VALUES_MAX)
    .map(([name, value]) => `${oneLine(name, 40)} ${shortValue(value)}`);
  const content = Object.entries(args)
    .filter(([name]) => roleOf(card, name) === "content")
    .slice(0, VALUES_MAX)
    .map(([name, value]) => `${oneLine(name, 40)} of ${size(value)}`);
  const what = [...values, ...content].join(", ");
  return `${who} wants to ${WANTS[card.effect]} with ${oneLine(card.tool, 80)}${what === "" ? "" : `: ${what}`}.`;
}

function shortValue(value: JsonValue): string {
  if (typeof value !== "string") return oneLine(JSON.stringify(value), VALUE_LENGTH_MAX);
  const warning = isLookalike(value) ? " (mixes alphabets)" : "";
  return `“${oneLine(value, VALUE_LENGTH_MAX)}”${warning}`;
}

function size(value: JsonValue): string {
  const length = typeof value === "string" ? value.length : JSON.stringify(value).length;
  return length === 1 ? "1 character" : `${length} characters`;
}
