// A conversation as the library behind a model file takes it: its history, functions and grammar.

import type { JsonObject, JsonValue } from "../kernel/index.ts";
import type { Conversation, ImagePart, Part, TextPart, Turn } from "./conversation.ts";
import type { LlamaOrder } from "./llama-lines.ts";
import { answerSchema, argumentSchema } from "./llama-schema.ts";
import { untranslatable } from "./shapes.ts";

const TEMPERATURE_DEFAULT = 0.8;
const FUNCTION_NAME = /^[A-Za-z_][\w-]{0,127}$/;

/** What cannot be kept is refused by name: images, a forced choice of tool, a format beside tools. */
export function orderFor(asked: Conversation, maxTokens: number): LlamaOrder {
  const { choice, format, tools, temperature, topP, topK, stops } = asked;
  if (choice?.kind === "any" || choice?.kind === "one") untranslatable("this model cannot be made to call a tool");
  const functions = choice?.kind === "none" ? [] : tools;
  if (format !== null && functions.length > 0) untranslatable("this model takes tools or a format, not both");
  const unfit = functions.find(({ name }) => !FUNCTION_NAME.test(name));
  if (unfit !== undefined) untranslatable(`this model cannot call a tool named '${unfit.name}'`);
  return {
    history: historyOf(asked),
    functions: functions.length === 0 ? null : Object.fromEntries(functions.map((tool) => [tool.name, shown(tool)])),
    isParallel: asked.isParallel ?? true,
    grammar: grammarOf(format),
    maxTokens,
    temperature: temperature ?? TEMPERATURE_DEFAULT,
    topP,
    topK,
    stops: stops.filter((stop) => stop !== ""),
  };
}

function shown({ description, schema }: Conversation["tools"][number]): JsonObject {
  return { ...(description === null ? {} : { description }), params: argumentSchema(schema) };
}

function grammarOf(format: Conversation["format"]): LlamaOrder["grammar"] {
  return format?.kind === "schema" ? { kind: "schema", schema: answerSchema(format.schema) } : format;
}

/** A mutable model's turn: results come after it, and what it says after them is still the same turn. */
interface ModelItem {
  readonly type: "model";
  readonly response: JsonValue[];
}

function historyOf({ system, turns }: Conversation): readonly JsonObject[] {
  const history: (JsonObject | ModelItem)[] = [];
  if (system.length > 0) history.push({ type: "system", text: system.join("\n\n") });
  let model: ModelItem | null = null;
  for (const turn of turns) {
    if (turn.role === "assistant") {
      if (model === null) history.push((model = { type: "model", response: [] }));
      model.response.push(...turn.parts.flatMap(responseOf(turns)));
      continue;
    }
    const text = textOf(turn.parts.filter((part) => part.kind !== "result"));
    if (text === "" && model !== null) continue;
    history.push({ type: "user", text });
    model = null;
  }
  if (model === null) history.push({ type: "model", response: [] });
  return history.map((item): JsonObject => ({ ...item }));
}

function responseOf(turns: readonly Turn[]): (part: Part) => readonly JsonValue[] {
  return (part) => {
    if (part.kind === "text") return [part.text];
    if (part.kind !== "call") return untranslatable("an assistant's turn holds what this model cannot have said");
    const { name, args, id } = part;
    return [{ type: "functionCall", name, params: args, result: resultOf(turns, id) }];
  };
}

function resultOf(turns: readonly Turn[], id: string): string {
  for (const { parts } of turns) {
    const found = parts.find((part) => part.kind === "result" && part.id === id);
    if (found?.kind === "result") return `${found.isError ? "Error: " : ""}${textOf(found.parts)}`;
  }
  return "Error: there was no result";
}

function textOf(parts: readonly (Part | TextPart | ImagePart)[]): string {
  const texts = parts.map((part) => (part.kind === "text" ? part.text : untranslatable("this model reads text alone")));
  return texts.join("\n");
}
