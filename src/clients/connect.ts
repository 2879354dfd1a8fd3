// Edits of a client's configuration: Freehold's entry in, adopted entries out. Comments, order and layout stay.

import { applyEdits, createScanner, findNodeAtLocation, modify, parseTree, type JSONPath } from "jsonc-parser";
import { stringify } from "yaml";
import { canonical, isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { unified } from "../manifest/index.ts";
import { parseConfig, readText, targetOf, type ClientConfig } from "./find.ts";
import { claudeCodeFiles, formatOf, type ClientId, type Places, type Shim } from "./formats.ts";
import { withoutValues } from "./plain-secrets.ts";
import { readServers, type FoundServer } from "./servers.ts";

export const ENTRY_NAME = "freehold";
/** All tools of one server. The form without a wildcard is the one that every version of Claude Code has honoured. */
export const CLAUDE_CODE_ALLOW = `mcp__${ENTRY_NAME}`;

/** How to take a step back when the file has been changed by its program since. */
export type Step =
  | {
      readonly kind: "set";
      readonly path: readonly string[];
      readonly before: JsonValue | null;
      readonly existed: boolean;
    }
  | { readonly kind: "item"; readonly path: readonly string[]; readonly value: string };

export interface ConfigEdit {
  readonly client: ClientId;
  readonly file: string;
  /** What the file leads to when it is a symbolic link. */
  readonly target: string;
  /** Null when there is no file yet. */
  readonly before: string | null;
  readonly after: string;
  /** For the owner to read: secret values are masked. */
  readonly diff: string;
  readonly steps: readonly Step[];
}

export interface ConnectOptions {
  readonly config: ClientConfig;
  readonly shim: Shim;
  /** Entries that Freehold serves from now on. */
  readonly remove: readonly FoundServer[];
}

export function shimOf(options: { readonly command: string; readonly home: string; readonly token: string }): Shim {
  const { command, home, token } = options;
  return { command, args: ["mcp"], env: { FREEHOLD_TOKEN: token, FREEHOLD_HOME: home } };
}

/** Null when the file already says so. */
export function connectClient({ config, shim, remove }: ConnectOptions): ConfigEdit | null {
  const entry = formatOf(config.client).entry(shim);
  const sets: [readonly string[], JsonValue | undefined][] = remove
    .filter((server) => server.file === config.file)
    .map((server) => [server.path, undefined]);
  const values = [
    ...readServers(config).flatMap((server) => server.plainSecrets.map((secret) => secret.value)),
    ...Object.values(tokensOf(shim)),
  ];
  return edit(config, { sets: [...sets, [[config.root, ENTRY_NAME], entry]], values });
}

/** Takes Freehold's entry out; null when there is none. */
export function disconnectClient(config: ClientConfig): ConfigEdit | null {
  const own = readServers(config).filter((server) => server.isFreehold);
  const values = own.flatMap((server) => Object.values(tokensOf(server)));
  return edit(config, { sets: own.map((server) => [server.path, undefined]), values });
}

function tokensOf({ env }: Pick<Shim, "env">): JsonObject {
  return env["FREEHOLD_TOKEN"] === undefined ? {} : { FREEHOLD_TOKEN: env["FREEHOLD_TOKEN"] };
}

/** Claude Code asks before each tool; Freehold asks where it matters, so this spares the owner the first. */
export function preAllow(places: Places): ConfigEdit | null {
  const file = claudeCodeFiles(places).settings;
  const text = readText(file);
  const top = text === null ? {} : parseConfig(file, text);
  const permissions = isObject(top["permissions"]) ? top["permissions"] : {};
  const allow = Array.isArray(permissions["allow"]) ? permissions["allow"] : [];
  if (allow.some((rule: JsonValue) => rule === CLAUDE_CODE_ALLOW)) return null;
  const path = ["permissions", "allow"];
  const after =
    allow.length === 0
      ? changed(text ?? "{}\n", path, [CLAUDE_CODE_ALLOW])
      : changed(text ?? "{}\n", [...path, allow.length], CLAUDE_CODE_ALLOW);
  const steps: readonly Step[] = [{ kind: "item", path, value: CLAUDE_CODE_ALLOW }];
  return { client: "claude-code", ...finished({ file, before: text, after, values: [] }), steps };
}

interface Sets {
  readonly sets: readonly (readonly [readonly string[], JsonValue | undefined])[];
  readonly values: readonly JsonValue[];
}

function edit(config: ClientConfig, { sets, values }: Sets): ConfigEdit | null {
  const before = readText(config.file);
  let after = before === null || before.trim() === "" ? "{}\n" : before;
  const steps: Step[] = [];
  for (const [path, value] of sets) {
    const old = valueAt(parseConfig(config.file, after), path);
    if (value === undefined ? old === undefined : old !== undefined && canonical(old) === canonical(value)) continue;
    after = changed(after, [...path], value);
    steps.push({ kind: "set", path, before: old ?? null, existed: old !== undefined });
  }
  if (steps.length === 0) return null;
  const hidden = values.filter((value) => typeof value === "string");
  return { client: config.client, ...finished({ file: config.file, before, after, values: hidden }), steps };
}

function finished(parts: { file: string; before: string | null; after: string; values: readonly string[] }): {
  readonly file: string;
  readonly target: string;
  readonly before: string | null;
  readonly after: string;
  readonly diff: string;
} {
  const { file, before, after, values } = parts;
  const diff = withoutValues(unified({ path: file.replace(/^\//, ""), before, after }), values);
  return { file, target: targetOf(file), before, after, diff };
}

export function valueAt(top: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = top;
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** One value set, or removed with `undefined`; the rest of the text stays byte for byte. */
export function changed(text: string, path: JSONPath, value: JsonValue | undefined): string {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  const bare = value === undefined ? withoutLoneComma(text.slice(mark.length), path) : text.slice(mark.length);
  const indent = /^(?:\s*[{[]\s*\n)([ \t]+)/.exec(bare)?.[1] ?? "  ";
  const formattingOptions = {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 1 : indent.length,
    eol: bare.includes("\r\n") ? "\r\n" : "\n",
  };
  return mark + applyEdits(bare, modify(bare, path, value, { formattingOptions }));
}

/** The comma after an object's only entry would stay behind without it, which no parser takes. */
function withoutLoneComma(text: string, path: JSONPath): string {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const parent = tree === undefined ? undefined : findNodeAtLocation(tree, path.slice(0, -1));
  const [only, second] = parent?.children ?? [];
  if (parent === undefined || only === undefined || second !== undefined) return text;
  const start = only.offset + only.length;
  const scanner = createScanner(text.slice(start, parent.offset + parent.length - 1), true);
  scanner.scan();
  const comma = start + scanner.getTokenOffset();
  return text[comma] === "," ? text.slice(0, comma) + text.slice(comma + 1) : text;
}

/** What to write by hand into a program that Freehold does not change, in that program's own syntax. */
export function shimText(id: ClientId, shim: Shim): string {
  const format = formatOf(id);
  const entry = format.entry(shim);
  const nested = { [format.root]: { [ENTRY_NAME]: entry } };
  if (format.syntax === "json") return `${JSON.stringify(nested, null, 2)}\n`;
  if (format.syntax === "yaml") return stringify(nested, { lineWidth: 0 });
  const quoted = (value: unknown): string => JSON.stringify(value);
  const env = Object.entries(shim.env).map(([name, value]) => `${name} = ${quoted(value)}\n`);
  const head = `[${format.root}.${ENTRY_NAME}]\ncommand = ${quoted(shim.command)}\nargs = ${quoted(shim.args)}\n`;
  return `${head}\n[${format.root}.${ENTRY_NAME}.env]\n${env.join("")}`;
}
