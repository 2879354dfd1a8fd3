// Asking the owner about one question on the terminal, and saying what became of the answer.

import { canonical, Fault, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { outcomeText } from "./outcome-text.ts";
import { callAsOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { lineIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

export type Answering =
  | { readonly kind: "answered"; readonly reply: JsonObject }
  | { readonly kind: "skipped" }
  | { readonly kind: "quit" };

const KEYS = "[y]es  [n]o  [l]ater  [e]dit, then yes  [a]lways  [s]kip  [q]uit ";
const RETRIES_MAX = 20;

/** Shows the question whole and waits for a key. A question that was closed meanwhile is skipped with its reason. */
export async function answerKeys(shell: Shell, terminal: Terminal, question: JsonObject): Promise<Answering> {
  const id = textIn(question, "id");
  terminal.write(`\n${questionText(shell, question).join("\n")}\n`);
  for (let round = 0; round < RETRIES_MAX; round += 1) {
    const key = await terminal.key(KEYS, "ynleasq");
    if (key === "q") return { kind: "quit" };
    if (key === "s") return { kind: "skipped" };
    if (key === "a") {
      const reply = await viaRule(shell, terminal, question);
      if (reply !== null) return { kind: "answered", reply };
      continue;
    }
    const input = await inputFor(terminal, key, question);
    if (input === null) continue;
    try {
      const reply = await callAsOwner(shell, { op: "question.answer", input: { id, ...input } });
      terminal.write(`${outcomeText(reply)}\n`);
      return { kind: "answered", reply };
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "question.closed") throw error;
      terminal.write(`${error.line()}\n`);
      return { kind: "skipped" };
    }
  }
  return { kind: "skipped" };
}

/** The yes that was given beside a new rule; null where the question still waits for one. */
async function viaRule(shell: Shell, terminal: Terminal, question: JsonObject): Promise<JsonObject | null> {
  const { always } = await import("./always.ts");
  const { json, text } = await always(shell, terminal, question);
  if (text !== "") terminal.write(`${String(text)}\n`);
  const answered = isObject(json) ? (json["answered"] ?? null) : null;
  return isObject(answered) ? answered : null;
}

/** Null when the owner thought better of it. */
async function inputFor(terminal: Terminal, key: string, question: JsonObject): Promise<JsonObject | null> {
  switch (key) {
    case "y":
      return { answer: "yes" };
    case "n":
      return { answer: "no", note: await terminal.ask("Reason (the asking program is told; may be empty): ") };
    case "l": {
      const minutes = Number((await terminal.ask("In how many minutes? [60] ")).trim() || "60");
      if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 1_440) return { answer: "later", minutes };
      terminal.write("A number of minutes from 1 to 1440.\n");
      return null;
    }
    default: {
      const args = await edited(terminal, textIn(question, "args"));
      return args === null ? null : { answer: "yes", args };
    }
  }
}

/** The arguments in the owner's editor; null when nothing changed, the text is no object, or the owner says no. */
async function edited(terminal: Terminal, args: string): Promise<JsonObject | null> {
  const { editText } = await import("./editor.ts");
  const before = parseStrict(args);
  if (before.kind === "refused")
    throw new Fault("cli.reply", { message: `the question's arguments are ${before.reason}.` });
  const parsed = parseStrict(editText(JSON.stringify(before.value, null, 2)));
  if (parsed.kind === "refused" || !isObject(parsed.value)) {
    terminal.write(`Not sent: ${parsed.kind === "refused" ? parsed.reason : "arguments are an object"}.\n`);
    return null;
  }
  if (canonical(parsed.value) === canonical(before.value)) {
    terminal.write("Nothing was changed.\n");
    return null;
  }
  terminal.write(
    `Your version, exactly: ${lineIn({ text: canonical(parsed.value) }, "text", Number.MAX_SAFE_INTEGER)}\n`,
  );
  return (await terminal.confirm("Run this instead?")) ? parsed.value : null;
}

export function answered(reply: JsonObject): Outcome {
  return { json: reply, text: outcomeText(reply) };
}
