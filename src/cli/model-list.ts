// freehold model list: the declared models with what is known of each, and the locked files. Exit code 2 when a file
// is not as locked.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, type Given } from "./given.ts";
import { flagIn, lineIn, maybeNumberIn, maybeTextIn, numberIn, objectsIn, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const reply = await (await shell.control()).call("model.list", { check: hasFlag(given, "check") });
  const [files, declared] = [objectsIn(reply, "models"), objectsIn(reply, "declared")];
  const exit = files.some((file) => maybeTextIn(file, "drift") !== null) ? 2 : 0;
  if (files.length + declared.length === 0) {
    return { json: reply, text: "No models. Next: freehold model add, or freehold model pull SOURCE", exit };
  }
  const head = (text: string): readonly string[] =>
    files.length > 0 && declared.length > 0 ? [shell.paint("bold", text)] : [];
  const models = declared.length === 0 ? [] : [...head("Models"), ...table(declared.map(modelRow), shell.width)];
  const locked = files.length === 0 ? [] : [...head("Files"), ...table(files.map(fileRow), shell.width)];
  return { json: reply, text: [...models, ...locked, ...nextLines(reply)], exit };
}

/** What is missing before the files answer: something that runs them, and a name for each. */
function nextLines(reply: JsonObject): readonly string[] {
  const [files, declared] = [objectsIn(reply, "models"), objectsIn(reply, "declared")];
  if (files.length === 0) return [];
  if (reply["hasEngine"] === false) return [NOTHING_RUNS];
  const idle = files.find((file) => !declared.some((one) => textIn(one, "model") === textIn(file, "name")));
  return idle === undefined ? [] : [declareHint(lineIn(idle, "name", 40))];
}

/** Where files are locked and the library that runs them was not installed. */
export const NOTHING_RUNS = "Nothing runs files yet: freehold model engine";

export function declareHint(file: string): string {
  return `Not declared yet: freehold model add ${file} --speaks gguf --model ${file}`;
}

function modelRow(model: JsonObject): readonly string[] {
  const standsIn = textsIn(model, "fallbackFor");
  const readers = textsIn(model, "compartments");
  const context = maybeNumberIn(model, "contextTokens");
  const facts = [
    placeText(model),
    context === null ? "" : `${count(context, "token")} of context`,
    textIn(model, "proven") === "false" ? "" : priceText(model),
    standsIn.length === 0 ? "" : `stands in for ${standsIn.join(", ")}`,
    readers.length === 0 ? "" : `named by ${readers.join(", ")}`,
  ];
  return [lineIn(model, "name", 40), lineIn(model, "model", 60), facts.filter((fact) => fact !== "").join("; ")];
}

function placeText(model: JsonObject): string {
  const [proven, why] = [textIn(model, "proven"), lineIn(model, "why", 300)];
  if (proven === "false") return `NOT ASKED: ${why}`;
  if (proven === "unproven") return `${lineIn(model, "place", 20)} unproven, counts as cloud: ${why}`;
  return proven === "cloud" ? "cloud" : `${proven}, proven: ${why}`;
}

function priceText(model: JsonObject): string {
  const { price } = model;
  if (typeof price === "object" && price !== null && !Array.isArray(price) && "input" in price) {
    const [input, output] = [numberIn(price, "input"), numberIn(price, "output")];
    return `${input} and ${output} USD a million tokens (${lineIn(price, "source", 60)})`;
  }
  return ["cloud", "unproven"].includes(textIn(model, "proven")) ? "price unknown, so it is not asked" : "free";
}

function fileRow(file: JsonObject): readonly string[] {
  const fine = flagIn(file, "isChecked") ? "every byte as locked" : "here; --check hashes it";
  return [
    lineIn(file, "name", 40),
    `${(numberIn(file, "bytes") / 1e6).toFixed(1)} MB`,
    textIn(file, "sha256").slice(0, 12),
    maybeTextIn(file, "drift") === null ? fine : lineIn(file, "drift", 300),
  ];
}
