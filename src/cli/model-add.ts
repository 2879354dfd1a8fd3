// freehold model add [NAME]: declares a model, as a proposal. Without --url and --model it looks at what is here first.

import { isIP } from "node:net";
import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import { listOption, numberFrom, textOption, type Given } from "./given.ts";
import { nameOfMaterial, offerReply } from "./material.ts";
import { lookForModels, type Found, type KnownMaker } from "./models-found.ts";
import { callAsOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

interface Draft {
  readonly speaks: string;
  readonly url: string | null;
  readonly model: string;
  readonly place: string;
  /** Of the sealed secrets. */
  readonly secret: string | null;
}

const CHOICES_MAX = 40;
const MONEY = /^\d{1,6}(?:\.\d{1,4})?$/;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const terminal = await shell.needTerminal("a model is declared");
  const url = textOption(given, "url");
  const found = await lookForModels(shell, url !== null && placeOf(url) === "this-machine" ? url : null);
  const isWritten = textOption(given, "model") !== null;
  const picked = isWritten || (url !== null && placeOf(url) !== "this-machine") ? null : await pick(terminal, found);
  const draft = picked === null ? draftFrom(given) : "variable" in picked ? await withKey(shell, picked) : picked;
  if (draft === null) return { json: { added: false }, text: "Nothing was changed." };
  const name = given.args[0] ?? freeName(draft.model, found.declared);
  const day = draft.place === "cloud" && !found.hasBudget ? await askBudget(terminal) : null;
  const reply = await callAsOwner(shell, { op: "model.add", input: { name, ...inputOf(draft, given), ...dayOf(day) } });
  const applied = await offerReply(shell, reply, `Declare the model ${name}?`);
  const hint =
    draft.place === "this-machine" ? "" : `No compartment's data goes to it yet: name it under compartments.`;
  const text = [applied.text, hint, `Try it: freehold model test ${name}`].flat().filter((line) => line !== "");
  return { ...applied, json: { name, ...applied.json }, text };
}

function inputOf({ speaks, url, model, place, secret }: Draft, given: Given): JsonObject {
  const fallbackFor = listOption(given, "for");
  const context = textOption(given, "context");
  return {
    speaks,
    model,
    place,
    ...(url === null ? {} : { url }),
    ...(secret === null ? {} : { secret }),
    ...(fallbackFor.length === 0 ? {} : { fallbackFor }),
    ...(context === null ? {} : { context: numberFrom(context, { what: "--context", min: 1, max: 100_000_000 }) }),
    ...priceOf(textOption(given, "price")),
  };
}

/** `3,15`: what a million tokens cost in USD, read and written. */
function priceOf(text: string | null): JsonObject {
  if (text === null) return {};
  const [input = "", output = "", more] = text.split(",").map((part) => part.trim());
  if (more === undefined && MONEY.test(input) && MONEY.test(output)) {
    return { price: { input: Number(input), output: Number(output) } };
  }
  const message = `'${oneLine(text, 40)}' is no price.`;
  throw new Fault("cli.price", { message, next: "--price INPUT,OUTPUT in USD for a million tokens, such as 3,15" });
}

function dayOf(day: number | null): JsonObject {
  return day === null ? {} : { day };
}

function draftFrom(given: Given): Draft {
  const url = withVersion(textOption(given, "url"));
  const model = textOption(given, "model");
  if (model === null) {
    const message =
      url === null
        ? "no engine answers at the usual ports of this machine, and no key of a maker is in the environment."
        : "no engine that is known answers there, so it is to be said which model is asked.";
    const file = url === null ? ", or bring a file: freehold model pull SOURCE" : "";
    throw new Fault("cli.usage", { message, next: `freehold model add NAME --url ADDRESS --model EXACT-NAME${file}` });
  }
  const speaks = textOption(given, "speaks") ?? (isAnthropic(url) ? "anthropic-messages" : "openai-chat");
  const place = textOption(given, "place") ?? (speaks === "gguf" ? "this-machine" : placeOf(url));
  return { speaks, url, model, place, secret: textOption(given, "secret") };
}

/** Where nothing stands after the host, the path that all of them use. */
function withVersion(url: string | null): string | null {
  const parsed = url === null ? null : URL.parse(url);
  return parsed !== null && parsed.pathname === "/" ? new URL("/v1", parsed).href : url;
}

function isAnthropic(url: string | null): boolean {
  return url !== null && URL.parse(url)?.hostname === "api.anthropic.com";
}

/** As it looks: the stack's parser and the daemon's proof have the last word. */
function placeOf(url: string | null): string {
  const host = (url === null ? "" : (URL.parse(url)?.hostname ?? "")).replace(/^\[|\]$/g, "");
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return "this-machine";
  const isNear = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
    host,
  );
  return (isIP(host) !== 0 && (isNear || /^f[cd]/i.test(host))) || /\.(?:local|lan|home\.arpa)$/.test(host)
    ? "my-network"
    : "cloud";
}

/** Null where there is nothing to choose from. */
async function pick(terminal: Terminal, { local, makers }: Found): Promise<Draft | KnownMaker | null> {
  const choices: readonly (Draft | KnownMaker)[] = [
    ...local.map(({ url, model }) => ({
      speaks: "openai-chat",
      url,
      model,
      place: "this-machine",
      secret: null,
    })),
    ...makers,
  ].slice(0, CHOICES_MAX);
  if (choices.length === 0) return null;
  const lines = choices.map((choice, at) => {
    const what =
      "variable" in choice
        ? `${choice.title}, with the key in ${choice.variable} (cloud)`
        : `${oneLine(choice.model, 80)} of ${local[at]?.engine ?? ""} (this machine)`;
    return `${String(at + 1).padStart(3)}  ${what}\n`;
  });
  terminal.write(`Found:\n${lines.join("")}`);
  const typed = (await terminal.ask("Which one? ")).trim();
  return choices[numberFrom(typed, { what: "the choice", min: 1, max: choices.length }) - 1] ?? null;
}

/** A key is moved only after a yes. Null: no. */
async function withKey(shell: Shell, maker: KnownMaker): Promise<Draft | null> {
  const terminal = await shell.needTerminal();
  const { title, variable, name, speaks, url, such } = maker;
  const model = (await terminal.ask(`The exact name of ${title}'s model, such as ${such}: `)).trim();
  if (model === "") return null;
  const question = `Keep the key of ${variable} sealed, as the secret '${name}'?`;
  if (!(await terminal.confirm(question))) return null;
  await callAsOwner(shell, { op: "secret.set", input: { name, value: shell.env[variable] ?? "" } });
  shell.say(`Kept. ${variable} itself is as it was: take it out of your shell's files.`);
  return { speaks, url, model, place: "cloud", secret: name };
}

async function askBudget(terminal: Terminal): Promise<number | null> {
  const typed = (await terminal.ask("Spend at most how much a day on models, in your currency? [1] ")).trim() || "1";
  if (MONEY.test(typed)) return Number(typed);
  throw new Fault("cli.money", { message: `'${oneLine(typed, 40)}' is no amount.`, next: "such as 1 or 0.50" });
}

function freeName(model: string, taken: readonly string[]): string {
  const name = nameOfMaterial(model.replace(/^.*\//, "").replaceAll(/[^A-Za-z0-9-]+/g, "-"), null);
  if (!taken.includes(name)) return name;
  throw new Fault("cli.name", { message: `a model '${name}' is declared already.`, next: "freehold model add NAME" });
}
