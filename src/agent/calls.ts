// One call that a model made: what is done about it, and what the model reads of it. Whatever a model writes, it gets a
// plain answer with which it can go on.

import { isObject, oneLine, textAt, type DoorAnswer, type JsonObject, type ModelCall } from "../kernel/index.ts";
import { lookIn, objectIn, readApart, resultText } from "./look.ts";
import type { AgentParts, Asked, KnownTool } from "./parts.ts";
import { CALL, FIND, RECALL, REMEMBER, SKILL_PREFIX } from "./prompt.ts";

export interface Done {
  readonly text: string;
  /** What it waits for. */
  readonly question: string | null;
  /** A helper's request to a model. */
  readonly modelRequest: string | null;
}

/** What a call comes to, before anything is done. */
export type Meant =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "call"; readonly known: KnownTool; readonly args: JsonObject; readonly written: JsonObject };

const NAME_MAX = 80;
const SHOWN_MAX = 200;

export function meantBy({ toolbox, skills }: AgentParts, { name, args: text }: ModelCall): Meant {
  const written = objectIn(text);
  if (written === null) return say(`The arguments of ${oneLine(name, NAME_MAX)} are no JSON object. Write one.`);
  switch (name) {
    case FIND: {
      const query = textAt(written, "query");
      return say(query === null ? "find needs a query." : toolbox.find(query));
    }
    case RECALL:
      return fitting(toolbox.recall, written, written);
    case REMEMBER:
      return fitting(toolbox.remember, written, written);
    case CALL: {
      const wanted = textAt(written, "tool") ?? "";
      if (wanted.startsWith(SKILL_PREFIX)) {
        const skill = skills.text(wanted.slice(SKILL_PREFIX.length));
        return say(skill ?? `There is no guide ${oneLine(wanted, NAME_MAX)} that the owner has read.`);
      }
      return called(toolbox, wanted, written);
    }
    default:
      // Some models call what they found by its own name.
      return called(toolbox, name, { args: written });
  }
}

function called(toolbox: AgentParts["toolbox"], name: string, written: JsonObject): Meant {
  const known = toolbox.tool(name);
  if (known === null) return say(`There is no tool ${oneLine(name, NAME_MAX)}.${toolbox.nearest(name)} Use find.`);
  const given = written["args"] ?? {};
  const args = typeof given === "string" ? objectIn(given) : isObject(given) ? given : null;
  return args === null ? say(`args must be an object.\n${known.says}`) : fitting(known, args, written);
}

function fitting(known: KnownTool, args: JsonObject, written: JsonObject): Meant {
  const misfit = known.misfit(args);
  return misfit === null ? { kind: "call", known, args, written } : say(`It does not fit: ${misfit}\n${known.says}`);
}

function say(text: string): Meant {
  return { kind: "say", text };
}

export async function perform(parts: AgentParts, meant: Meant, asked: Asked): Promise<Done> {
  if (meant.kind === "say") return { text: meant.text, question: null, modelRequest: null };
  const { known, args, written } = meant;
  const { tool } = known;
  asked.onEvent({ kind: "calling", tool, args: JSON.stringify(args).slice(0, SHOWN_MAX) });
  const { door, session, principal } = parts;
  const look = lookIn(written);
  const reader = look === null ? session : door.openChild({ session, principal });
  const onWaiting = (question: string): boolean => {
    asked.onEvent({ kind: "question", question });
    return true;
  };
  const answer = await door.call({ session: reader, principal, tool, args, signal: asked.signal, onWaiting });
  asked.onEvent({ kind: "called", tool, how: howOf(answer) });
  if (look !== null && answer.kind === "result") {
    const text = bounded({ ...parts, session: reader }, resultText(answer.result));
    return { question: null, ...(await readApart(parts, { ...look, session: reader, text }, asked)) };
  }
  // What a server says of its failure is a stranger's text too, and only the child has read it.
  const shown = look !== null && answer.kind === "failed" ? { ...answer, reason: "it could not be read" } : answer;
  const question = answer.kind === "waiting" ? answer.question : null;
  return { text: answerText(parts, shown), question, modelRequest: null };
}

function howOf(answer: DoorAnswer): string {
  switch (answer.kind) {
    case "result":
      return answer.result["isError"] === true ? "answered with an error" : "done";
    case "waiting":
      return `waits for you, question ${answer.question}`;
    case "withheld":
      return `kept apart as ${answer.handle}`;
    case "denied":
      return `denied (${answer.because}): ${oneLine(answer.reason, SHOWN_MAX)}`;
    case "failed":
      return `failed: ${oneLine(answer.reason, SHOWN_MAX)}`;
  }
}

/** What the model reads. */
export function answerText(parts: AgentParts, answer: DoorAnswer): string {
  switch (answer.kind) {
    case "result":
      return bounded(parts, resultText(answer.result));
    case "waiting": {
      const what = answer.heldUntilMs === undefined ? "Waiting for the owner" : "Held for a while";
      return `${what}, question ${answer.question}. Do not call it again; you will be told. Go on or end.`;
    }
    case "withheld":
      return `Kept from you as ${answer.handle}: ${answer.reason}. As an argument that name passes it on.`;
    case "denied":
      return `Denied (${answer.because}): ${answer.reason}`;
    case "failed":
      return `Failed: ${bounded(parts, answer.reason)}`;
  }
}

/** Cut, and said so; the whole stays behind a handle. */
function bounded({ door, session, principal, limits }: AgentParts, text: string): string {
  if (text === "") return "(an empty result)";
  if (text.length <= limits.resultCharsMax) return text;
  const handle = door.keep({ session, principal }, text);
  const shown = text.slice(0, limits.resultCharsMax).toWellFormed();
  return `${shown}\n[Cut: ${limits.resultCharsMax} of ${text.length} characters. The whole is ${handle}.]`;
}
