// Edits of a client's configuration: Freehold's entry in, adopted entries out. Comments, order and layout stay.

import { stringify } from "yaml";
import { canonical, isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { unified } from "../manifest/index.ts";
import { readText, targetOf, type ClientConfig } from "./find.ts";
import { claudeCodeFiles, formatOf, type ClientId, type Places, type Shim } from "./formats.ts";
import { changedJson, readJson } from "./json.ts";
import { withoutValues } from "./plain-secrets.ts";
import { readServers, type FoundServer } from "./servers.ts";
import { changedConfig, readConfig, valueAt } from "./syntax.ts";
import { changedToml } from "./toml.ts";

export const ENTRY_NAME = "freehold";
/** All tools of one server. The form without a wildcard is the one that every version of Claude Code has honoured. */
export const CLAUDE_CODE_ALLOW = `mcp__${ENTRY_NAME}`;

/**
 * How to take a step back when the file has been changed by its program since. What stood there is in the backup alone:
 * it may hold a token.
 */
export type Step =
  | { readonly kind: "set"; readonly path: readonly string[]; readonly existed: boolean }
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
  const format = formatOf(config.client);
  const entry = format.entry(shim);
  const text = readText(config.file) ?? "";
  const root = format.root(readConfig({ ...config, text }));
  const sets: [readonly string[], JsonValue | undefined][] = remove
    .filter((server) => server.file === config.file)
    .map((server) => [server.path, undefined]);
  const values = [
    ...readServers(config).flatMap((server) => server.plainSecrets.map((secret) => secret.value)),
    ...Object.values(tokensOf(shim)),
  ];
  return edit(config, { sets: [...sets, [[...root, ENTRY_NAME], entry]], values });
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
  const top = text === null ? {} : readJson(file, text);
  const permissions = isObject(top["permissions"]) ? top["permissions"] : {};
  const allow = Array.isArray(permissions["allow"]) ? permissions["allow"] : [];
  if (allow.some((rule: JsonValue) => rule === CLAUDE_CODE_ALLOW)) return null;
  const path = ["permissions", "allow"];
  const after =
    allow.length === 0
      ? changedJson(text ?? "{}\n", path, [CLAUDE_CODE_ALLOW])
      : changedJson(text ?? "{}\n", [...path, allow.length], CLAUDE_CODE_ALLOW);
  const steps: readonly Step[] = [{ kind: "item", path, value: CLAUDE_CODE_ALLOW }];
  return { client: "claude-code", ...finished({ file, before: text, after, values: [] }), steps };
}

interface Sets {
  readonly sets: readonly (readonly [readonly string[], JsonValue | undefined])[];
  readonly values: readonly JsonValue[];
}

function edit(config: ClientConfig, { sets, values }: Sets): ConfigEdit | null {
  const before = readText(config.file);
  let after = before ?? "";
  const steps: Step[] = [];
  for (const [path, value] of sets) {
    const old = valueAt(readConfig({ ...config, text: after }), path);
    if (value === undefined ? old === undefined : old !== undefined && canonical(old) === canonical(value)) continue;
    after = changedConfig({ ...config, text: after }, { path, value });
    steps.push({ kind: "set", path, existed: old !== undefined });
  }
  if (steps.length === 0) return null;
  return { client: config.client, ...finished({ file: config.file, before, after, values }), steps };
}

/** For the owner to read. */
export function diffOf(change: {
  readonly file: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly values: readonly JsonValue[];
}): string {
  const { file, before, after, values } = change;
  const hidden = values.filter((value) => typeof value === "string");
  return withoutValues(unified({ path: file.replace(/^\//, ""), before, after }), hidden);
}

function finished(parts: { file: string; before: string | null; after: string; values: readonly JsonValue[] }): {
  readonly file: string;
  readonly target: string;
  readonly before: string | null;
  readonly after: string;
  readonly diff: string;
} {
  const { file, before, after, values } = parts;
  return { file, target: targetOf(file), before, after, diff: diffOf({ file, before, after, values }) };
}

/** What to write by hand into a program that Freehold does not change, in that program's own syntax. */
export function shimText(id: ClientId, shim: Shim): string {
  const { entry, root, syntax } = formatOf(id);
  const path = [...root({}), ENTRY_NAME];
  const nested = path.reduceRight<JsonValue>((value, key) => ({ [key]: value }), entry(shim));
  if (syntax === "yaml") return stringify(nested, { lineWidth: 0 });
  if (syntax !== "toml") return `${JSON.stringify(nested, null, 2)}\n`;
  return changedToml({ file: "", text: "", path, value: entry(shim) }) ?? "";
}
