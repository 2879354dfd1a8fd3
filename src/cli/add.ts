// freehold add SOURCE: lock, install, start in the sandbox, read the surface, draft cards; the owner reads and accepts.

import { isAbsolute, resolve } from "node:path";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { listOption, needArgument, textOption, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import { lineIn, maybeTextIn, numberIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, indent, table, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const source = sourceOf(needArgument(given));
  const name = textOption(given, "as") ?? nameFrom(source);
  const terminal = await shell.needTerminal("a server is accepted");
  await proveOwner(shell);
  const compartment = textOption(given, "compartment");
  const input: JsonObject = {
    name,
    source,
    args: given.args.slice(1),
    read: listOption(given, "read").map(absolute),
    write: listOption(given, "write").map(absolute),
    network: listOption(given, "network"),
    secrets: secretsFrom(listOption(given, "secret")),
    ...(compartment === null ? {} : { compartment }),
  };
  const reply = await addServer(shell, input);
  terminal.write(`${addedText(shell, reply).join("\n")}\n`);
  const question = `Accept ${name} with these cards?`;
  const otherwise = `It stays proposed, and does nothing. Next: freehold apply, or freehold remove ${name}`;
  const applied = await offerToApply(shell, {
    view: proposalIn(reply),
    question,
    otherwise,
    options: { seen: [`cards/${name}.yaml`] },
  });
  return { ...applied, json: { ...reply, ...applied.json } };
}

/** With progress for people, as it comes. */
export function addServer(shell: Shell, input: JsonObject): Promise<JsonObject> {
  const onEvent = (event: JsonObject): void => shell.say(shell.paint("dim", `  ${lineIn(event, "progress", 200)}`));
  return callAsOwner(shell, { op: "server.add", input, onEvent });
}

export function addedText(shell: Shell, reply: JsonObject): readonly string[] {
  const version = maybeTextIn(reply, "version") === null ? "" : ` ${lineIn(reply, "version", 60)}`;
  const cards = objectsIn(reply, "card");
  const packages = numberIn(reply, "packages");
  const parts = [packages === 0 ? "" : count(packages, "package"), count(numberIn(reply, "tools"), "tool")];
  return [
    shell.paint("bold", `${lineIn(reply, "name", 60)}${version}: ${parts.filter((part) => part !== "").join(", ")}`),
    ...textsIn(reply, "notes").flatMap((note) => indent(wrap(`note: ${safeLine(note, 600)}`, shell.width - 2))),
    "Each tool's card, drafted on the cautious side (edit cards/ before you apply to change it):",
    ...table(cards.map(cardRow), shell.width),
    "",
  ];
}

function cardRow(card: JsonObject): readonly string[] {
  const isRead = textIn(card, "effect") === "read" && textsIn(card, "egress").length === 0;
  const roles = [
    [isRead ? "reads by" : "asks about", textsIn(card, "critical")],
    ["carries", textsIn(card, "content")],
    ["goes out", textsIn(card, "egress")],
  ] as const;
  const parts = roles
    .filter(([, names]) => names.length > 0)
    .map(([role, names]) => `${role} ${names.map((each) => safeLine(each, 60)).join(", ")}`);
  return [lineIn(card, "tool", 60), lineIn(card, "effect", 20), parts.join("; ") || "no arguments"];
}

/** A folder is written relative to where the owner stands; the stack holds it whole. */
function sourceOf(given: string): string {
  if (/^(?:npm:|path:|git\+|pypi:|oci:|https?:\/\/)/.test(given)) {
    return given.startsWith("path:") ? `path:${absolute(given.slice(5))}` : given;
  }
  if (/^[./~]/.test(given)) return `path:${absolute(given)}`;
  return `npm:${given}`;
}

function absolute(path: string): string {
  return isAbsolute(path) || path.startsWith("${") || path.startsWith("~") ? path : resolve(path);
}

/** `npm:@scope/server-filesystem@1.2.3` is called filesystem. */
export function nameFrom(source: string): string {
  const place = source
    .replace(/^git\+[a-z]+:\/\/([^#]*?)(?:\.git)?(?:#.*)?$/, "path:$1")
    .replace(/==.*$|@sha256:.*$/, "");
  const bare = place.replace(/^(?:npm:|path:|pypi:|oci:|https?:\/\/)/, "").replace(/(?<=.)@[^@/]*$/, "");
  const host = /^https?:/.test(source)
    ? (bare.split("/")[0] ?? "").replace(/^(?:mcp|www|api)\./, "").split(".")[0]
    : null;
  const last = (host ?? bare.replace(/\/+$/, "").split("/").at(-1) ?? "").toLowerCase();
  const name = last
    .replace(/^(?:mcp-server-|server-|mcp-)/, "")
    .replace(/(?:-mcp-server|-mcp|-server)$/, "")
    .replaceAll(/[^a-z0-9-]+/g, "-");
  if (/^[a-z]/.test(name)) return name.slice(0, 32).replace(/-+$/, "");
  throw new Fault("cli.name", { message: "this source suggests no name.", next: "add --as NAME" });
}

function secretsFrom(pairs: readonly string[]): JsonObject {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, variable, secret] = /^([^=]+)=(?:secret:)?(.+)$/.exec(pair) ?? [];
      if (variable !== undefined && secret !== undefined) return [variable, `secret:${secret}`] as const;
      throw new Fault("cli.usage", {
        message: "--secret takes NAME=secret, where secret is the name of a stored one.",
        next: "freehold secret set NAME",
      });
    }),
  );
}
