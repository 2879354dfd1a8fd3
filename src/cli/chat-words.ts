// What a person types into a conversation: words for the agent, or a command with a slash.

import { isObject, parseStrict, type JsonObject, type JsonValue } from "../kernel/index.ts";

export const COMMANDS = {
  find: "/find WORDS            tools that do it",
  call: "/call TOOL name=value  call one; also {json}, and name:=3 for what is no text",
  remember: "/remember TEXT         keep a note",
  recall: "/recall WORDS          search the notes",
  inbox: "/inbox                 what waits for you",
  why: "/why ID                why something was allowed, asked or denied",
  stop: "/stop                  freeze every effect at once",
  new: "/new [COMPARTMENT]     begin another conversation",
  help: "/help                  these lines",
  quit: "/quit                  end",
} as const;

export type CommandName = keyof typeof COMMANDS;

export type Typed =
  | { readonly kind: "nothing" }
  | { readonly kind: "words"; readonly text: string }
  | { readonly kind: "command"; readonly name: CommandName; readonly rest: string; readonly line: string }
  | { readonly kind: "wrong"; readonly reason: string };

export function typedIn(raw: string): Typed {
  const line = raw.trim();
  if (line === "") return { kind: "nothing" };
  // Two slashes: words that begin with one.
  if (!line.startsWith("/") || line.startsWith("//")) return { kind: "words", text: line.replace(/^\/\//, "/") };
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const name = isCommand(word) ? word : null;
  return name === null
    ? { kind: "wrong", reason: `there is no /${word}; /help lists the commands` }
    : { kind: "command", name, rest, line };
}

function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

export type CallTyped =
  | { readonly kind: "call"; readonly tool: string; readonly args: JsonObject }
  | { readonly kind: "wrong"; readonly reason: string };

/** `mail.send to=bob@example.org body="See you" count:=3`, or the arguments as a JSON object. */
export function callTyped(rest: string): CallTyped {
  const [, tool = "", text = ""] = /^(\S*)\s*(.*)$/s.exec(rest.trim()) ?? [];
  if (tool === "") return { kind: "wrong", reason: "name a tool: /call TOOL name=value" };
  if (text.startsWith("{")) {
    const value = valueIn(text);
    return value !== undefined && isObject(value)
      ? { kind: "call", tool, args: value }
      : { kind: "wrong", reason: "that is no JSON object" };
  }
  const args: Record<string, JsonValue> = {};
  const part = /([A-Za-z_][\w.-]*)(:?=)("(?:[^"\\]|\\.)*"|\S+)\s*/gy;
  let at = 0;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    const [, name = "", sign, written = ""] = match;
    const value = sign === ":=" || written.startsWith('"') ? valueIn(written) : written;
    if (value === undefined) return { kind: "wrong", reason: `the value of ${name} is no JSON` };
    args[name] = value;
    at = part.lastIndex;
  }
  if (at < text.length) return { kind: "wrong", reason: 'write arguments as name=value, with "…" around spaces' };
  return { kind: "call", tool, args };
}

function valueIn(text: string): JsonValue | undefined {
  const parsed = parseStrict(text);
  return parsed.kind === "value" ? parsed.value : undefined;
}
