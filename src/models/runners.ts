// What a local engine says of itself: which program it is, where its models run, how much fits into them.
// It is the engine's own word. It tells a model that runs elsewhere by mistake; a program made to lie it does not.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { at, listAt, numberAt, objectAt, objectsAt, stringAt } from "./shapes.ts";

/** Answers null for whatever is no JSON object, or no text where a text was asked for. */
export interface RunnerLine {
  json(path: string, body?: JsonObject): Promise<JsonObject | null>;
  text(path: string): Promise<string | null>;
}

export type RunnerName = "llama.cpp" | "Ollama" | "LM Studio";

export interface RunnerModel {
  readonly name: string;
  /** Null where the engine does not say. */
  readonly contextTokens: number | null;
  /** Why it does not run in this engine. */
  readonly elsewhere: string | null;
}

export interface RunnerSaid {
  readonly engine: RunnerName;
  readonly models: readonly RunnerModel[];
}

const MODELS_MAX = 200;
/** What Ollama gives a model on a small machine when nothing else is said. */
const OLLAMA_CONTEXT_DEFAULT = 4_096;

/** Null: it is none of those that are known. With a name, that model is looked at closely. */
export async function runnerBehind(line: RunnerLine, model: string | null): Promise<RunnerSaid | null> {
  return (await llamaServer(line, model)) ?? (await ollama(line, model)) ?? lmStudio(line);
}

/** A llama.cpp server has one model, whatever name it is asked by. */
async function llamaServer(line: RunnerLine, model: string | null): Promise<RunnerSaid | null> {
  const props = await line.json("/props");
  const settings = props === null ? null : objectAt(props, "default_generation_settings");
  if (props === null || settings === null) return null;
  const path = stringAt(props, "model_path");
  if (path === null && stringAt(props, "build_info") === null) return null;
  const alias = stringAt(props, "model_alias") ?? path?.split(/[/\\]/).at(-1) ?? "model";
  const contextTokens = positive(numberAt(settings, "n_ctx"));
  return { engine: "llama.cpp", models: [{ name: model ?? alias, contextTokens, elsewhere: null }] };
}

async function ollama(line: RunnerLine, model: string | null): Promise<RunnerSaid | null> {
  if ((await line.text("/"))?.trim() !== "Ollama is running") return null;
  const tags = await line.json("/api/tags");
  if (tags === null) return null;
  const here = objectsAt(tags, "models").slice(0, MODELS_MAX);
  if (model === null) {
    const models = here.map((tag) => ({
      name: stringAt(tag, "name") ?? "",
      contextTokens: null,
      elsewhere: elsewhereOf(tag),
    }));
    return { engine: "Ollama", models: models.filter(({ name }) => name !== "") };
  }
  const tag = here.find((one) => isNamed(one, model));
  if (tag === undefined) return { engine: "Ollama", models: [] };
  const show = await line.json("/api/show", { model });
  const isWhole = show !== null && objectAt(show, "model_info") !== null;
  const elsewhere =
    elsewhereOf({ ...tag, name: model }) ??
    (show === null ? null : elsewhereOf(show)) ??
    (isWhole ? null : "Ollama does not show what it is made of");
  const contextTokens = await ollamaContext(line, model, show);
  return { engine: "Ollama", models: [{ name: model, contextTokens, elsewhere }] };
}

/** Models of Ollama's own cloud are listed beside the others, and answered at the same address. */
function elsewhereOf(said: JsonObject): string | null {
  const remote = stringAt(said, "remote_host") ?? stringAt(said, "remote_model") ?? "";
  if (remote !== "") return `Ollama passes it on to ${remote}`;
  const names = [stringAt(said, "name"), stringAt(said, "model")];
  return names.some((name) => name !== null && /[:-]cloud$/i.test(name)) ? "Ollama runs it in its cloud" : null;
}

/** It cuts off, without a word, what does not fit; so what it was really loaded with counts. */
async function ollamaContext(line: RunnerLine, model: string, show: JsonObject | null): Promise<number> {
  const loaded = await line.json("/api/ps");
  const running = loaded === null ? undefined : objectsAt(loaded, "models").find((one) => isNamed(one, model));
  const said = running === undefined ? null : positive(numberAt(running, "context_length"));
  if (said !== null) return said;
  const parameters = show === null ? "" : (stringAt(show, "parameters") ?? "");
  const own = /^num_ctx\s+(\d{1,9})\s*$/m.exec(parameters.slice(0, 10_000))?.[1];
  return positive(own === undefined ? null : Number(own)) ?? OLLAMA_CONTEXT_DEFAULT;
}

function isNamed(one: JsonObject, model: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/:latest$/, "");
  return [stringAt(one, "name"), stringAt(one, "model")].some((name) => name !== null && plain(name) === plain(model));
}

async function lmStudio(line: RunnerLine): Promise<RunnerSaid | null> {
  const list = await line.json("/api/v0/models");
  if (list === null || !Array.isArray(at(list, "data"))) return null;
  const known = listAt(list, "data")
    .slice(0, MODELS_MAX)
    .flatMap((one) => (isObject(one) && stringAt(one, "compatibility_type") !== null ? [one] : []));
  const models = known.map((one) => ({
    name: stringAt(one, "id") ?? "",
    contextTokens: positive(numberAt(one, "loaded_context_length")),
    elsewhere: null,
  }));
  return { engine: "LM Studio", models: models.filter(({ name }) => name !== "") };
}

function positive(count: number | null): number | null {
  return count !== null && Number.isSafeInteger(count) && count > 0 ? count : null;
}
