// Models that could be used here: engines that answer on this machine, and keys in the environment. Only looked for.

import type { JsonObject } from "../kernel/index.ts";
import { flagIn, lineIn, maybeTextIn, objectsIn, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";

export interface KnownMaker {
  readonly title: string;
  /** Of the environment. */
  readonly variable: string;
  /** How the secret and the model are called where the owner says nothing. */
  readonly name: string;
  readonly speaks: "openai-chat" | "anthropic-messages";
  /** Null for the address of the protocol's own maker. */
  readonly url: string | null;
  /** An example of an exact name. */
  readonly such: string;
}

const MAKERS: readonly KnownMaker[] = [
  {
    title: "Anthropic",
    variable: "ANTHROPIC_API_KEY",
    name: "anthropic",
    speaks: "anthropic-messages",
    url: null,
    such: "claude-haiku-4-5-20251001",
  },
  {
    title: "OpenAI",
    variable: "OPENAI_API_KEY",
    name: "openai",
    speaks: "openai-chat",
    url: null,
    such: "gpt-4.1-2025-04-14",
  },
  {
    title: "Mistral",
    variable: "MISTRAL_API_KEY",
    name: "mistral",
    speaks: "openai-chat",
    url: "https://api.mistral.ai/v1",
    such: "mistral-large-2512",
  },
  {
    title: "Groq",
    variable: "GROQ_API_KEY",
    name: "groq",
    speaks: "openai-chat",
    url: "https://api.groq.com/openai/v1",
    such: "openai/gpt-oss-120b",
  },
];

export interface LocalChoice {
  readonly engine: string;
  readonly url: string;
  readonly model: string;
}

export interface Found {
  readonly local: readonly LocalChoice[];
  readonly makers: readonly KnownMaker[];
  /** Names that are taken. */
  readonly declared: readonly string[];
  readonly hasBudget: boolean;
}

/** What runs elsewhere, or is declared already, is no choice. */
export async function lookForModels(shell: Shell, url: string | null): Promise<Found> {
  const reply = await (await shell.control()).call("model.find", url === null ? {} : { url });
  const local = objectsIn(reply, "engines").flatMap((engine) =>
    objectsIn(engine, "models")
      .filter((model) => maybeTextIn(model, "elsewhere") === null && !flagIn(model, "isDeclared"))
      .map((model) => ({
        engine: lineIn(engine, "engine", 40),
        url: textIn(engine, "url"),
        model: textIn(model, "name"),
      })),
  );
  const makers = MAKERS.filter(({ variable }) => (shell.env[variable] ?? "") !== "");
  return { local, makers, declared: namesIn(reply), hasBudget: flagIn(reply, "hasBudget") };
}

function namesIn(reply: JsonObject): readonly string[] {
  const { declared } = reply;
  return Array.isArray(declared) ? declared.filter((name) => typeof name === "string") : [];
}

/** One line, or empty: `Ollama here (qwen3:4b and 2 more), a key of Anthropic in ANTHROPIC_API_KEY`. */
export function foundText({ local, makers }: Found): string {
  const here = [...new Set(local.map(({ engine }) => engine))].map((engine) => {
    const [first, ...more] = local.filter((choice) => choice.engine === engine);
    return `${engine} here (${first?.model ?? ""}${more.length === 0 ? "" : ` and ${more.length} more`})`;
  });
  return [...here, ...makers.map(({ title, variable }) => `a key of ${title} in ${variable}`)].join(", ");
}
