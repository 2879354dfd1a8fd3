// What skills and models share on the command line: sources as written here, names from them, one proposal to apply.

import { existsSync } from "node:fs";
import { basename, isAbsolute, resolve } from "node:path";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { callAsOwner } from "./owner.ts";
import { offerToApply, proposalIn, type Applied } from "./proposal.ts";
import { lineIn } from "./reply.ts";
import type { Shell } from "./shell.ts";

/** A folder is written relative to where the owner stands; the stack holds it whole. */
export function skillSource(given: string): string {
  if (/^(?:npm:|git\+)/.test(given)) return given;
  const path = given.replace(/^path:/, "");
  if (given.startsWith("path:") || /^[./~]/.test(given) || existsSync(path)) return `path:${resolve(path)}`;
  return `npm:${given}`;
}

/** An address stays; a path is made whole, with its `#NAME` where it names another stack home. */
export function modelSource(given: string): string {
  if (/^https?:/i.test(given)) return given;
  const path = given.replace(/^path:/, "");
  return isAbsolute(path) ? path : resolve(path);
}

/** `git+https://h/skills.git#main` is called skills, `/home/ada/qwen.gguf` qwen. */
export function nameOfMaterial(source: string, folder: string | null): string {
  const [before = "", after = ""] = source.split("#");
  const isHome = after !== "" && !source.startsWith("git+");
  const place = /^https?:/.test(before) ? (URL.parse(before)?.pathname ?? "") : before;
  const named = place.replace(/^(?:npm|path):/, "").replace(/(?<=.)@[^@/]*$/, "");
  const bare = isHome ? after : basename(folder ?? named);
  const name = bare
    .toLowerCase()
    .replace(/\.(?:git|gguf|safetensors|bin|onnx)$/, "")
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 31)
    .replace(/-+$/, "");
  if (name !== "") return name;
  throw new Fault("cli.name", { message: "this source suggests no name.", next: "add --as NAME" });
}

/** With progress for people, as it comes. */
export function fetchMaterial(shell: Shell, op: string, input: JsonObject): Promise<JsonObject> {
  const onEvent = (event: JsonObject): void => shell.say(shell.paint("dim", `  ${lineIn(event, "progress", 200)}`));
  return callAsOwner(shell, { op, input, onEvent });
}

export function offerReply(shell: Shell, reply: JsonObject, question: string): Promise<Applied> {
  const otherwise = "It stays proposed, and does nothing. Next: freehold plan";
  return offerToApply(shell, { view: proposalIn(reply), question, otherwise });
}
