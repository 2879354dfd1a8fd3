// How servers of other programs' configurations become servers of the stack. A plan only: nothing is written here.

import { canonical, oneLine, type JsonObject } from "../kernel/index.ts";
import type { ServerDraft, StackEdit } from "../manifest/index.ts";
import { isPlaceholder } from "./plain-secrets.ts";
import type { FoundServer } from "./servers.ts";

export interface Adopted {
  /** The name in the stack. */
  readonly name: string;
  /** The same server in several configurations is adopted once. */
  readonly from: readonly FoundServer[];
  readonly source:
    | { readonly kind: "npm"; readonly package: string; readonly version: string | null }
    | { readonly kind: "remote"; readonly url: string };
  readonly draft: Omit<ServerDraft, "source" | "compartment">;
  /** Values to seal, by secret name; null: the configuration only referred to it, so the owner is asked. */
  readonly secrets: readonly { readonly secret: string; readonly name: string; readonly value: string | null }[];
  /** What the owner should know before accepting. */
  readonly notes: readonly string[];
}

export interface LeftAlone {
  readonly server: FoundServer;
  readonly reason: string;
  readonly next: string;
}

export interface AdoptPlan {
  readonly adopted: readonly Adopted[];
  readonly left: readonly LeftAlone[];
}

export interface AdoptOptions {
  readonly found: readonly FoundServer[];
  readonly homeDir: string;
  /** Names in the stack already. */
  readonly taken: readonly string[];
}

export function planAdopt({ found, homeDir, taken }: AdoptOptions): AdoptPlan {
  const names = new Set([...taken, "freehold", "constructor"]);
  const groups = new Map<string, FoundServer[]>();
  for (const server of found.filter((one) => !one.isFreehold)) {
    const key = canonical(identityOf(server));
    groups.set(key, [...(groups.get(key) ?? []), server]);
  }
  const adopted: Adopted[] = [];
  const left: LeftAlone[] = [];
  for (const from of groups.values()) {
    const server = from.find((one) => !one.isOff) ?? from[0];
    if (server === undefined) continue;
    const obstacle = obstacleOf(server);
    if (obstacle === null) adopted.push(adopt(from, uniqueName(server.name, names), homeDir));
    else left.push(...from.map((one) => ({ server: one, ...obstacle })));
  }
  return { adopted, left };
}

function identityOf({ command, args, env, url, headers }: FoundServer): JsonObject {
  return { command, args, env, url, headers };
}

function obstacleOf(server: FoundServer): { readonly reason: string; readonly next: string } | null {
  const { launch } = server;
  const name = oneLine(server.name, 60);
  if (server.isOff) return { reason: `${name} is switched off in its program.`, next: "Switch it on there first." };
  if (launch.kind === "pypi") {
    const next = `Leave it, or install ${launch.name} into a folder and: freehold add path:/FOLDER --as NAME`;
    return { reason: `${name} is a Python package, which Freehold cannot lock yet.`, next };
  }
  if (launch.kind === "image") {
    return { reason: `${name} is a container image, which Freehold cannot lock yet.`, next: "Leave it where it is." };
  }
  if (launch.kind === "program") {
    const next = "freehold add path:/FOLDER --as NAME, with the folder that holds its code";
    return { reason: `${name} is a program on this machine (${oneLine(launch.command, 80)}).`, next };
  }
  const onLine = server.plainSecrets.find((secret) => secret.where === "argument" || secret.where === "url");
  if (onLine !== undefined) {
    const next = "Give it by an environment variable or a header if the server takes one, then adopt again.";
    return { reason: `${name} has a token on its command line or in its address (${oneLine(onLine.name, 40)}).`, next };
  }
  if (launch.kind === "remote" && !/^https:\/\/|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])[:/]/.test(launch.url)) {
    return { reason: `${name} is remote without https.`, next: "Ask its maker for an https address." };
  }
  const open =
    launch.kind === "npm" ? launch.args.find((arg) => /\$\{(?!HOME\}|env:HOME\}|userHome\})/.test(arg)) : undefined;
  if (open === undefined) return null;
  const next = "freehold add with the folders written out";
  return { reason: `${name} depends on what its program puts in (${oneLine(open, 60)}).`, next };
}

function adopt(from: readonly FoundServer[], name: string, homeDir: string): Adopted {
  const [server] = from;
  if (server === undefined) throw new Error("Bug: nothing to adopt");
  const { launch } = server;
  const secretNames = new Set(server.plainSecrets.map((secret) => secret.name));
  const isSecret = (key: string, value: string): boolean =>
    secretNames.has(key) || /\$\{|\{env:/.test(value) || isPlaceholder(value);
  const values = launch.kind === "remote" ? server.headers : server.env;
  const secrets = Object.entries(values)
    .filter(([key, value]) => isSecret(key, value))
    .map(([key, value]) => ({
      secret: secretName(name, key),
      name: key,
      value: secretNames.has(key) ? value : null,
    }));
  const refs = Object.fromEntries(secrets.map(({ secret, name: key }) => [key, `secret:${secret}`]));
  const withSecrets = secrets.length > 0 ? { secrets: refs } : {};
  if (launch.kind !== "npm") {
    const url = launch.kind === "remote" ? launch.url : "";
    return { name, from, source: { kind: "remote", url }, draft: withSecrets, secrets, notes: remoteNotes(server) };
  }
  const args = launch.args.map((arg) => ownersHome(arg, homeDir));
  const env = Object.fromEntries(
    Object.entries(values)
      .filter(([key, value]) => !isSecret(key, value))
      .map(([key, value]) => [key, ownersHome(value, homeDir)]),
  );
  const folders = args.filter((arg) => /^(?:\/|\$\{home\}\/)[^:]*$/.test(arg) && !arg.split("/").includes(".."));
  const draft = {
    ...(args.length > 0 ? { args } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...withSecrets,
    sandbox: { read: folders, write: [], network: "none" as const },
  };
  const notes = [
    ...(folders.length > 0 ? [`may read ${folders.join(", ")} and write nothing`] : []),
    ...(secrets.length > 0
      ? ["has a token, so it likely needs the network: name its hosts under sandbox.network"]
      : []),
  ];
  return { name, from, source: { kind: "npm", package: launch.name, version: launch.version }, draft, secrets, notes };
}

function remoteNotes(server: FoundServer): readonly string[] {
  const sse = server.transport === "sse" ? ["speaks the old SSE transport, which may not work"] : [];
  return ["runs elsewhere: its answers can be checked, its code cannot", ...sse];
}

function ownersHome(text: string, homeDir: string): string {
  const named = text.replaceAll(/\$\{(?:HOME|env:HOME|userHome)\}/g, "${home}").replace(/^~(?=\/|$)/, "${home}");
  return named === homeDir || named.startsWith(`${homeDir}/`) ? `\${home}${named.slice(homeDir.length)}` : named;
}

function uniqueName(wanted: string, names: Set<string>): string {
  const base = slug(wanted).slice(0, 28) || "server";
  let name = base;
  for (let number = 2; names.has(name); number += 1) name = `${base}-${number}`;
  names.add(name);
  return name;
}

function secretName(server: string, key: string): string {
  return `${server}-${slug(key)}`.slice(0, 63).replace(/-+$/, "");
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
}

/** Edits for what the owner chose to adopt; `versions` holds the exact version of each npm package by stack name. */
export function adoptEdits(options: {
  readonly adopted: readonly Adopted[];
  readonly versions: ReadonlyMap<string, string>;
  readonly compartment: string;
}): readonly StackEdit[] {
  return options.adopted.flatMap(({ name, source, draft }): readonly StackEdit[] => {
    const { compartment } = options;
    if (source.kind === "remote") {
      return [{ kind: "add-server", name, server: { source: source.url, ...draft, compartment } }];
    }
    const version = source.version ?? options.versions.get(name);
    if (version === undefined) return [];
    return [
      { kind: "add-server", name, server: { source: `npm:${source.package}@${version}`, ...draft, compartment } },
    ];
  });
}
