// freehold chat: a conversation with the agent, and the same door by hand. Words and commands count as the owner's.

import { Fault, type JsonObject } from "../kernel/index.ts";
import { hasFlag, textOption, type Given } from "./given.ts";
import { oneLineOnly, pipedLines, typedLines, type Lines } from "./chat-lines.ts";
import { headLines, shownText, takeTurn } from "./chat-turn.ts";
import { callTyped, COMMANDS, typedIn, type Typed } from "./chat-words.ts";
import { callAsOwner } from "./owner.ts";
import { flagIn, lineIn, maybeTextIn, numberIn, objectIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { clockTime, count, table, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** What goes on while it goes on. */
interface Chat {
  readonly shell: Shell;
  readonly terminal: Terminal | null;
  session: string;
  /** The last turn has no end yet. */
  isUnfinished: boolean;
  readonly replies: JsonObject[];
}

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  if (hasFlag(given, "list")) return list(shell);
  const terminal = await shell.terminal();
  if (terminal === null) return withoutOwner(shell, given);
  const state = await opened(shell, given);
  const chat: Chat = { shell, terminal, session: "", isUnfinished: false, replies: [] };
  begin(chat, state, given.args.length === 0);
  const lines = linesOf(terminal, given);
  try {
    await converse(chat, lines);
  } finally {
    lines.close();
  }
  return { json: { session: chat.session, replies: chat.replies }, text: "" };
}

function linesOf(terminal: Terminal, given: Given): Lines {
  if (given.args.length > 0) return oneLineOnly(given.args.join(" "));
  return process.stdin.isTTY ? typedLines(terminal) : pipedLines(process.stdin);
}

/** A new one, or the one that was spoken in last, or the one that is named. */
async function opened(shell: Shell, given: Given): Promise<JsonObject> {
  const resume = given.options["resume"];
  if (resume === undefined || resume === false) {
    return callAsOwner(shell, { op: "chat.open", input: { compartment: textOption(given, "in") } });
  }
  const named = typeof resume === "string" ? resume : await lastChat(shell, textOption(given, "in"));
  return callAsOwner(shell, { op: "chat.state", input: { session: named } });
}

async function lastChat(shell: Shell, compartment: string | null): Promise<string> {
  const chats = objectsIn(await callAsOwner(shell, { op: "chat.list" }), "chats");
  const last = chats.find((one) => compartment === null || textIn(one, "compartment") === compartment);
  if (last !== undefined) return textIn(last, "session");
  throw new Fault("cli.no-chat", { message: "there is no conversation to go on with.", next: "freehold chat" });
}

async function list(shell: Shell): Promise<Outcome> {
  const reply = await callAsOwner(shell, { op: "chat.list" });
  const rows = objectsIn(reply, "chats").map((one) => [
    lineIn(one, "session", 40),
    lineIn(one, "compartment", 31),
    clockTime(numberIn(one, "lastAtMs")),
    `${lineIn(one, "title", 80)}${flagIn(one, "isUnfinished") ? " (cut off)" : ""}`,
  ]);
  return { json: reply, text: rows.length === 0 ? "No conversation yet: freehold chat" : table(rows, shell.width) };
}

function begin(chat: Chat, state: JsonObject, isTold: boolean): void {
  chat.session = textIn(state, "session");
  chat.isUnfinished = flagIn(state, "isUnfinished");
  if (!isTold) return;
  const lines = headLines(state).flatMap((line) => wrap(line, chat.shell.width));
  for (const line of lines) chat.shell.say(chat.shell.paint("dim", line));
}

async function converse(chat: Chat, lines: Lines): Promise<void> {
  for (;;) {
    const line = await lines.next("> ");
    if (line === null) return;
    const typed = typedIn(line);
    if (typed.kind === "command" && typed.name === "quit") return;
    await follow(chat, typed);
  }
}

async function follow(chat: Chat, typed: Typed): Promise<void> {
  const { shell, terminal, session } = chat;
  try {
    switch (typed.kind) {
      case "nothing":
        if (!chat.isUnfinished) return;
        return await turn(chat, () => takeTurn(shell, terminal, { session, op: "chat.goOn", text: "" }));
      case "words":
        return await turn(chat, () => takeTurn(shell, terminal, { session, op: "chat.say", text: typed.text }));
      case "wrong":
        return shell.say(`${typed.reason}.`);
      case "command":
        return await command(chat, typed);
    }
  } catch (error) {
    // One line that fails does not end the conversation; a daemon that is gone does.
    if (!(error instanceof Fault) || ["control.lost", "control.closed", "cli.interrupted"].includes(error.code)) {
      throw error;
    }
    shell.say(error.line());
  }
}

async function turn(chat: Chat, take: () => Promise<JsonObject>): Promise<void> {
  const reply = await take();
  chat.isUnfinished = flagIn(objectIn(reply, "state"), "isUnfinished");
  chat.replies.push(reply);
}

async function command(chat: Chat, { name, rest, line }: Extract<Typed, { kind: "command" }>): Promise<void> {
  const { shell } = chat;
  switch (name) {
    case "find":
    case "recall":
      return byHand(chat, { name, line, args: { query: rest } });
    case "remember":
      return byHand(chat, { name, line, args: { text: rest } });
    case "call": {
      const typed = callTyped(rest);
      if (typed.kind === "wrong") return shell.say(`${typed.reason}.`);
      return byHand(chat, { name, line, args: { tool: typed.tool, args: typed.args } });
    }
    case "new": {
      const compartment = rest === "" ? null : rest;
      return begin(chat, await callAsOwner(shell, { op: "chat.open", input: { compartment } }), true);
    }
    case "help":
      return shell.say(Object.values(COMMANDS).join("\n"));
    case "inbox":
    case "why":
    case "stop":
      return open(shell, name, rest);
    case "quit":
      return undefined;
  }
}

/** What needs no owner, and so works where nobody typed a PIN. */
async function open(shell: Shell, name: "inbox" | "why" | "stop", rest: string): Promise<void> {
  const control = await shell.control();
  switch (name) {
    case "stop":
      await control.call("stop", { reason: rest });
      return shell.say("Stopped. No effect passes until: freehold resume");
    case "why": {
      if (rest === "") return shell.say("Name one: /why ID, as the inbox or a receipt says it.");
      const told = await control.call("why", { id: rest });
      return shell.say(
        textsIn(told, "lines")
          .map((line) => `- ${safeLine(line, 2_000)}`)
          .join("\n"),
      );
    }
    case "inbox": {
      const { run: inbox } = await import("./inbox.ts");
      const { text } = await inbox(shell);
      return shell.say(typeof text === "string" ? text : text.join("\n"));
    }
  }
}

interface ByHand {
  readonly name: "find" | "call" | "recall" | "remember";
  readonly line: string;
  readonly args: JsonObject;
}

async function byHand({ shell, session, replies }: Chat, { name, line, args }: ByHand): Promise<void> {
  const onEvent = (event: JsonObject): void => {
    if (event["kind"] === "question") shell.say(`? Waits for you: question ${lineIn(event, "question", 20)}, /inbox`);
  };
  const reply = await callAsOwner(shell, { op: "chat.command", input: { session, name, line, args }, onEvent });
  replies.push(reply);
  shell.say(shownText(maybeTextIn(reply, "text") ?? ""));
}

/** No terminal, no PIN: no word counts as the owner's, and nothing of theirs is read. */
async function withoutOwner(shell: Shell, given: Given): Promise<Outcome> {
  shell.say("There is no terminal to type your PIN on, so nobody here is the owner: only /inbox, /why and /stop work.");
  const lines = given.args.length > 0 ? oneLineOnly(given.args.join(" ")) : pipedLines(process.stdin);
  let refused = 0;
  try {
    for (let line = await lines.next(""); line !== null; line = await lines.next("")) {
      const typed = typedIn(line);
      if (typed.kind === "nothing") continue;
      if (typed.kind === "command" && typed.name === "quit") break;
      const isOpen =
        typed.kind === "command" && (typed.name === "inbox" || typed.name === "why" || typed.name === "stop");
      if (isOpen) await open(shell, typed.name, typed.rest);
      else refused += 1;
    }
  } finally {
    lines.close();
  }
  const text = refused === 0 ? "" : `${count(refused, "line")} needed the owner.`;
  return { json: { refused }, text, exit: refused === 0 ? 0 : 1 };
}
