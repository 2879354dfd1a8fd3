// What became of an answer, in one line.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { lineIn, maybeTextIn, textIn } from "./reply.ts";

export function outcomeText(reply: JsonObject): string {
  const id = lineIn(reply, "id", 20);
  const outcome = reply["outcome"];
  const state = lineIn(reply, "state", 20);
  if (state === "held") return `${id} is held: freehold inbox tells until when, freehold cancel ${id} stops it.`;
  if (state === "no") return `Question ${id}: no. It was not done, and who asked is told so.`;
  if (!isObject(outcome)) {
    return state === "open" ? `Question ${id} comes back later.` : `Question ${id}: ${state}.`;
  }
  const reason = maybeTextIn(outcome, "reason") === null ? "" : `: ${lineIn(outcome, "reason", 500)}`;
  switch (textIn(outcome, "kind")) {
    case "result":
      return `Question ${id}: yes. It was done.${reply["canUndo"] === true ? ` Undo: freehold undo ${id}` : ""}`;
    case "agreed":
      return `Question ${id}: yes. Its calls run when they are made.`;
    case "waiting":
      return `Question ${id} is asked anew as ${lineIn(outcome, "question", 20)}, because things have changed.`;
    case "withheld":
      return `Question ${id}: yes. It was done; the result is kept back${reason}.`;
    case "denied":
      return `Question ${id}: it may no longer be done${reason}.`;
    default:
      return `Question ${id}: yes, but it failed${reason}.`;
  }
}
