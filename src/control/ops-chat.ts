// Conversations with the agent. All of it takes the owner: words count as theirs, and reads need no further yes.

import { Fault, type JsonObject, type OwnerPresence } from "../kernel/index.ts";
import { maybeText, text } from "./input.ts";
import { requireOwner, type Operation, type OperationContext } from "./operation.ts";

/** The owner at a terminal or page, and how they hear of what happens. */
export interface ChatVisit {
  readonly owner: OwnerPresence;
  readonly signal: AbortSignal;
  readonly onEvent: (event: JsonObject) => void;
}

export interface ChatCommand {
  readonly name: "find" | "call" | "recall" | "remember";
  /** What the owner typed. */
  readonly line: string;
  readonly args: JsonObject;
}

/** The daemon's. Faults: `chat.unknown`, `chat.busy`, `chat.compartment`. */
export interface Chats {
  open(compartment: string | null): JsonObject;
  state(session: string): JsonObject;
  say(session: string, words: string, visit: ChatVisit): Promise<JsonObject>;
  /** Goes on with what was cut off. */
  goOn(session: string, visit: ChatVisit): Promise<JsonObject>;
  command(session: string, command: ChatCommand, visit: ChatVisit): Promise<JsonObject>;
  /** Ends what is under way in it; anybody may, it only narrows. */
  cancel(session: string): boolean;
  compartments(): readonly string[];
  list(): readonly JsonObject[];
  history(session: string): readonly JsonObject[];
}

export interface ChatParts {
  readonly chats: Chats;
}

const WORDS_MAX = 100_000;

export function chatOperations({ chats }: ChatParts): readonly Operation[] {
  const operation = (name: string, run: (input: JsonObject, visit: ChatVisit) => Promise<JsonObject>): Operation => ({
    name,
    needsOwner: true,
    run: (input, context) => run(input, visitOf(context)),
  });
  return [
    operation("chat.open", async (input) => chats.open(maybeText(input, "compartment"))),
    operation("chat.state", async (input) => chats.state(text(input, "session"))),
    operation("chat.say", (input, visit) => chats.say(text(input, "session"), wordsIn(input), visit)),
    operation("chat.goOn", (input, visit) => chats.goOn(text(input, "session"), visit)),
    operation("chat.command", (input, visit) => chats.command(text(input, "session"), commandIn(input), visit)),
    operation("chat.list", async () => ({ chats: chats.list(), compartments: chats.compartments() })),
    operation("chat.history", async (input) => ({ turns: chats.history(text(input, "session")) })),
    {
      name: "chat.cancel",
      needsOwner: false,
      run: async (input) => ({ cancelled: chats.cancel(text(input, "session")) }),
    },
  ];
}

function visitOf({ owner, emit, signal }: OperationContext): ChatVisit {
  return { owner: requireOwner(owner), signal, onEvent: emit };
}

function wordsIn(input: JsonObject): string {
  const words = text(input, "text").trim();
  if (words !== "" && words.length <= WORDS_MAX) return words;
  throw new Fault("control.input", { message: `a message has 1 to ${WORDS_MAX} characters.` });
}

function commandIn(input: JsonObject): ChatCommand {
  const name = text(input, "name");
  const known = (["find", "call", "recall", "remember"] as const).find((one) => one === name);
  const args = input["args"];
  if (known === undefined || typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new Fault("control.input", { message: "a command is find, call, recall or remember, with its arguments." });
  }
  return { name: known, line: text(input, "line").slice(0, WORDS_MAX), args: args as JsonObject };
}
