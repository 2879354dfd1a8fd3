// What would take back a call that has just run, as its card says: kept for the owner, who may ask for it once.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { RpcReply } from "../mcp/index.ts";
import type { Store } from "../store/index.ts";
import { resultLabel, type Case } from "./case.ts";

const TEXT_CHARS_MAX = 2_000;

/** Called with the outcome, in its transaction. Nothing is offered where a field that is needed did not come. */
export function noteUndo(store: Store, one: Case, reply: RpcReply): void {
  const undo = one.card?.undo;
  if (undo === undefined || reply.kind !== "result" || reply.result["isError"] === true) return;
  const args: Record<string, JsonValue> = {};
  for (const [name, from] of Object.entries(undo.args)) {
    const value = valueAt(from, one.request.args, reply.result["structuredContent"]);
    if (value === undefined) return;
    args[name] = value;
  }
  store.undos.put({ request: one.id, ran: one.request.tool, tool: undo.tool, args, label: resultLabel(one) });
}

/** Plain values alone: a whole object from a server would say more than the card's field. */
function valueAt(from: string, args: JsonObject, structured: JsonValue | undefined): JsonValue | undefined {
  if (from.startsWith("args.")) {
    const name = from.slice("args.".length);
    return Object.hasOwn(args, name) ? args[name] : undefined;
  }
  let value = structured;
  for (const part of from.split(".").slice(1)) {
    value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  if (typeof value === "string") return value.length <= TEXT_CHARS_MAX && value.isWellFormed() ? value : undefined;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
