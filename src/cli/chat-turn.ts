// One turn of a conversation on a terminal: text as it comes, what is called, questions to answer, and what it took.

import { isObject, oneLine, reasonOf, revealJson, type JsonObject } from "../kernel/index.ts";
import { answerKeys } from "./answer.ts";
import { callAsOwner } from "./owner.ts";
import { flagIn, lineIn, maybeNumberIn, maybeTextIn, numberIn, objectIn, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import { flow, grouped, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface Turn {
  readonly session: string;
  readonly op: "chat.say" | "chat.goOn";
  readonly text: string;
}

/** Shown until something comes. */
const MARK = "… ";
const UNMARK = "\r  \r";

/** Answers the daemon's reply. Control-C cancels the turn, and nothing else. */
export async function takeTurn(shell: Shell, terminal: Terminal | null, turn: Turn): Promise<JsonObject> {
  const { session, op, text } = turn;
  const control = await shell.control();
  let answering: Promise<unknown> = Promise.resolve();
  let isMidLine = false;
  let isMarked = false;
  const write = (part: string): void => {
    if (shell.json || part === "") return;
    process.stdout.write(isMarked ? UNMARK + part : part);
    isMarked = false;
    isMidLine = !part.endsWith("\n");
  };
  const line = (said: string): void => write(`${isMidLine ? "\n" : ""}${said}\n`);
  const cancel = (): void => {
    control.call("chat.cancel", { session }).catch(() => undefined); // The turn's own end says what became of it.
  };
  const onEvent = (event: JsonObject): void => {
    switch (event["kind"]) {
      case "text":
        return write(shownText(maybeTextIn(event, "text") ?? ""));
      case "calling":
        return line(shell.paint("dim", `· ${lineIn(event, "tool", 80)} ${lineIn(event, "args", 200)}`));
      case "called":
        return line(shell.paint("dim", `  ${lineIn(event, "how", 300)}`));
      case "note":
        return line(shell.paint("yellow", `! ${lineIn(event, "text", 300)}`));
      case "question": {
        const id = textIn(event, "question");
        line(shell.paint("yellow", `? Waits for you: question ${id}`));
        // The turn goes on, and the question stays in the inbox.
        const onFault = (error: unknown): void => line(`! ${oneLine(reasonOf(error), 300)}`);
        if (terminal !== null) answering = answering.then(() => askNow(shell, terminal, id)).catch(onFault);
        return;
      }
      default:
    }
  };
  process.on("SIGINT", cancel);
  if (shell.isTty && !shell.json) {
    process.stdout.write(MARK);
    isMarked = true;
  }
  try {
    const input = { session, ...(op === "chat.say" ? { text } : {}) };
    const reply = await callAsOwner(shell, { op, input, onEvent });
    await answering;
    if (isMidLine) write("\n");
    for (const status of endLines(reply, shell.width)) line(shell.paint("dim", status));
    return reply;
  } finally {
    process.off("SIGINT", cancel);
  }
}

/** Whoever looks at it elsewhere may have answered first. */
async function askNow(shell: Shell, terminal: Terminal, id: string): Promise<void> {
  const question = await callAsOwner(shell, { op: "question.show", input: { id } });
  await answerKeys(shell, terminal, question);
}

/** A model's text may hold what moves a terminal's cursor or hides; line breaks and tabs stay. */
export function shownText(text: string): string {
  const parts = text.replaceAll("\r\n", "\n").split(/([\n\t])/);
  return parts.map((part) => (part === "\n" || part === "\t" ? part : revealJson(part))).join("");
}

/** Why a turn ended where that is worth a word, and what it took. */
export function endLines(reply: JsonObject, width: number): readonly string[] {
  const receipt = isObject(reply["receipt"]) ? reply["receipt"] : null;
  const state = objectIn(reply, "state");
  if (receipt === null) return [];
  const why = lineIn(receipt, "why", 20);
  const model = maybeTextIn(receipt, "model");
  const reason = lineIn(receipt, "reason", 300);
  const said = why === "done" ? reason : `ended: ${reason === "" ? why : reason}`;
  const [read, written] = [numberIn(receipt, "inputTokens"), numberIn(receipt, "outputTokens")];
  const took = [
    ...(model === null ? [] : [`${lineIn(receipt, "model", 40)} (${placeWords(lineIn(receipt, "place", 20))})`]),
    `${grouped(read)} + ${grouped(written)} tokens`,
    costText(state),
    `it has read ${lineIn(state, "label", 200)}`,
  ];
  return [
    ...(said === "" ? [] : wrap(said, width)),
    // Where no model was asked, nothing was taken.
    ...(model === null && read + written === 0 ? [] : flow(took, { between: " · ", width })),
  ];
}

function costText(state: JsonObject): string {
  const cost = maybeNumberIn(state, "costToday") ?? 0;
  return `${cost === 0 ? "0" : cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2)} ${lineIn(state, "currency", 8)} today`;
}

function placeWords(place: string): string {
  switch (place) {
    case "this-machine":
      return "on this machine";
    case "my-network":
      return "in my network";
    case "cloud":
      return "in the cloud";
    default:
      return place;
  }
}

/** What a conversation begins with. */
export function headLines(state: JsonObject): readonly string[] {
  const unread = numberIn(state, "skillsUnread");
  return [
    `Conversation ${lineIn(state, "session", 40)} in ${lineIn(state, "compartment", 40)}. /help lists the commands.`,
    ...(flagIn(state, "hasModel")
      ? []
      : ["No model is declared, so nobody answers; the commands work without one: /find /call /recall /remember."]),
    ...(unread === 0 ? [] : [`${unread} of your skills are left out until you have read them: freehold skill list`]),
    ...(flagIn(state, "isUnfinished") ? ["The last turn was cut off. An empty line goes on with it."] : []),
  ];
}
