// The one plain sentence of a question. What runs is shown beside it in full; this only says what it is about.

import {
  isLookalike,
  oneLine,
  roleOf,
  type Effect,
  type JsonObject,
  type JsonValue,
  type Task,
  type ToolCard,
} from "../kernel/index.ts";

/** From the card, which the owner accepted; a tool's own name may say anything. */
const DOES: Readonly<Record<Effect, string>> = {
  read: "It reads from outside.",
  "write-reversible": "It changes something that can be undone.",
  write: "It changes something.",
  send: "It sends something.",
  spend: "It spends money.",
  credential: "It handles a credential.",
  exec: "It runs a program.",
};

const VALUE_LENGTH_MAX = 80;
const VALUES_MAX = 6;

/** "claude-code wants to write file “/home/ada/notes/list.md”, 49 characters of content. It changes something." */
export function questionSentence(principal: string, card: ToolCard, args: JsonObject): string {
  const who = oneLine(principal.replace(/^client:/, ""), 40);
  const given = Object.entries(args);
  const deciding = given.filter(([name]) => roleOf(card, name) !== "content").slice(0, VALUES_MAX);
  const values = deciding.map(([name, value]) =>
    deciding.length === 1 ? shortValue(value) : `${oneLine(name, 40)} ${shortValue(value)}`,
  );
  const content = given
    .filter(([name]) => roleOf(card, name) === "content")
    .slice(0, VALUES_MAX)
    .map(([name, value]) => `${size(value)} of ${oneLine(name, 40)}`);
  const what = [...values, ...content].join(", ");
  return `${who} wants to ${inWords(card.tool)}${what === "" ? "" : ` ${what}`}. ${DOES[card.effect]}`;
}

/** `files.write_file` and `mail.sendMail` as people would say them; the full name stands beside the sentence. */
function inWords(tool: string): string {
  const name = tool.slice(tool.indexOf(".") + 1).replace(/^@/, "");
  return oneLine(
    name
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .replace(/[_-]+/g, " ")
      .trim()
      .toLowerCase(),
    60,
  );
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

/** "agent wants to do a task: send email at most 2 times; 3 calls exactly as shown, 1 still to be completed." */
export function taskSentence(principal: string, { outline, calls }: Task): string {
  const who = oneLine(principal.replace(/^client:/, ""), 40);
  const often = Object.entries(outline ?? {}).map(
    ([tool, count]) => `${inWords(tool)} at most ${count === 1 ? "once" : `${count} times`}`,
  );
  const exact = calls.filter(({ open }) => open.length === 0).length;
  const open = calls.length - exact;
  const parts = [
    ...often.slice(0, VALUES_MAX),
    ...(often.length > VALUES_MAX ? [`${often.length - VALUES_MAX} more tools`] : []),
    ...(exact === 0 ? [] : [`${exact === 1 ? "one call" : `${exact} calls`} exactly as shown`]),
    ...(open === 0 ? [] : [`${open === 1 ? "one call" : `${open} calls`} still to be completed`]),
  ];
  return `${who} asks for a whole task: ${parts.join(", ")}. Nothing runs before it is called.`;
}
