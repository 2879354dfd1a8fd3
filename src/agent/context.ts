// The context of one request to a model, built anew each time from what was kept, within a budget. What does not fit is
// left out from the oldest on, results first, and that is said; the owner's present words are never left out.

import { parseStrict, isObject, type JsonObject, type ModelCall, type Sources } from "../kernel/index.ts";
import { RECALL, TOOLS } from "./prompt.ts";
import type { Turn } from "./turns.ts";

export interface Context {
  readonly body: JsonObject;
  readonly sources: Sources;
  /** What was left out, in plain words; null where all is there. */
  readonly leftOut: string | null;
}

/** One message with what it weighs; those of one group stand or fall together. */
interface Item {
  readonly message: JsonObject;
  readonly source: "history" | "tools" | "memory" | "owner";
  readonly chars: number;
  readonly group: number;
}

const STUB_CHARS = 120;
/** Of the body around its messages, and of what says that something was left out. */
const FRAME_CHARS = 300;

/** Null where the owner's present words alone are too long. */
export function contextOf(system: string, turns: readonly Turn[], charsMax: number): Context | null {
  const room = charsMax - system.length - JSON.stringify(TOOLS).length - FRAME_CHARS;
  const { items, results, messages } = fitted(itemsOf(turns), room);
  if (sizeOf(items) > room) return null;
  const leftOut = leftOutText(results, messages);
  const said = leftOut === null ? [] : [{ role: "user", content: `[Freehold] Left out to fit: ${leftOut}.` }];
  const all = [{ role: "system", content: system }, ...said, ...items.map(({ message }) => message)];
  return {
    body: { messages: all, tools: TOOLS, stream: true, stream_options: { include_usage: true } },
    sources: sourcesOf(system, items),
    leftOut,
  };
}

function itemsOf(turns: readonly Turn[]): readonly Item[] {
  const items: Item[] = [];
  const lastSaid = turns.findLastIndex((turn) => turn.kind === "said");
  let group = 0;
  const push = (message: JsonObject, source: Item["source"]): void =>
    void items.push({ message, source, chars: JSON.stringify(message).length, group });
  let waiting: readonly ModelCall[] = [];
  const close = (): void => {
    // A call without a result is refused by most models.
    for (const call of waiting) push(resultMessage(call.id, "No result."), "tools");
    waiting = [];
  };
  for (const [at, turn] of turns.entries()) {
    if (turn.kind !== "result") close();
    if (turn.kind !== "result" && turn.kind !== "ended") group += 1;
    switch (turn.kind) {
      case "said":
        push({ role: "user", content: turn.text }, at === lastSaid ? "owner" : "history");
        break;
      case "news":
        push({ role: "user", content: `[Freehold] ${turn.text}` }, "history");
        break;
      case "answered":
        waiting = turn.calls;
        push(assistantMessage(turn.text, turn.calls), "history");
        break;
      case "result":
        if (!waiting.some(({ id }) => id === turn.call)) break;
        push(resultMessage(turn.call, turn.text), nameOf(waiting, turn.call) === RECALL ? "memory" : "tools");
        waiting = waiting.filter(({ id }) => id !== turn.call);
        break;
      case "ended":
        break;
    }
  }
  close();
  return items;
}

function nameOf(calls: readonly ModelCall[], id: string): string {
  return calls.find((call) => call.id === id)?.name ?? "";
}

function assistantMessage(text: string, calls: readonly ModelCall[]): JsonObject {
  if (calls.length === 0) return { role: "assistant", content: text };
  const made = calls.map(({ id, name, args }) => ({
    id,
    type: "function",
    // What is no JSON would make the whole request one that no model takes.
    function: { name, arguments: isJsonObject(args) ? args : "{}" },
  }));
  return { role: "assistant", content: text === "" ? null : text, tool_calls: made };
}

function resultMessage(call: string, text: string): JsonObject {
  return { role: "tool", tool_call_id: call, content: text };
}

function isJsonObject(text: string): boolean {
  const parsed = parseStrict(text);
  return parsed.kind === "value" && isObject(parsed.value);
}

interface Fitted {
  readonly items: readonly Item[];
  /** How many results and whole messages were left out. */
  readonly results: number;
  readonly messages: number;
}

/** Oldest results first, but for those of the last group; then oldest groups, but for the owner's present words. */
function fitted(all: readonly Item[], room: number): Fitted {
  const lastGroup = all.at(-1)?.group ?? 0;
  let items = all;
  let results = 0;
  for (const [at, item] of all.entries()) {
    if (sizeOf(items) <= room) return { items, results, messages: 0 };
    if (item.message["role"] !== "tool" || item.chars <= STUB_CHARS || item.group === lastGroup) continue;
    items = items.with(at, stubOf(item));
    results += 1;
  }
  let messages = 0;
  for (let group = 0; group <= lastGroup && sizeOf(items) > room; group += 1) {
    const kept = items.filter((item) => item.group !== group || item.source === "owner");
    messages += items.length - kept.length;
    items = kept;
  }
  return { items, results, messages };
}

function stubOf(item: Item): Item {
  const message = { ...item.message, content: `[Left out to fit: ${item.chars} characters. Call again if needed.]` };
  return { ...item, message, chars: JSON.stringify(message).length };
}

function leftOutText(results: number, messages: number): string | null {
  const parts = [
    ...(results === 0 ? [] : [`${results} older result${results === 1 ? "" : "s"}`]),
    ...(messages === 0 ? [] : [`${messages} earlier message${messages === 1 ? "" : "s"}`]),
  ];
  return parts.length === 0 ? null : parts.join(" and ");
}

function sizeOf(items: readonly Item[]): number {
  return items.reduce((sum, { chars }) => sum + chars, 0);
}

function sourcesOf(system: string, items: readonly Item[]): Sources {
  const bytesOf = (source: Item["source"]): number =>
    items.filter((item) => item.source === source).reduce((sum, { message }) => sum + bytes(message), 0);
  return {
    system: Buffer.byteLength(system),
    tools: bytes(TOOLS) + bytesOf("tools"),
    history: bytesOf("history"),
    owner: bytesOf("owner"),
    memory: bytesOf("memory"),
  };
}

function bytes(value: JsonObject | readonly JsonObject[]): number {
  return Buffer.byteLength(JSON.stringify(value));
}
