// One entry under servers: where the program comes from, what it is given, and the walls around it.

import { holdOf } from "./holds.ts";
import { didYouMean } from "./nearest.ts";
import { CONNECTORS, ENV_NAME, NAME, PACKAGE_NAME, SECRET_REFERENCE, VERSION } from "./names.ts";
import { oauthOf } from "./oauth.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import { gitSource } from "./sources.ts";
import type { Ask, StackSandbox, StackServer } from "./types.ts";
import { cooldownOf, updateOf } from "./updates.ts";

const SERVER_FIELDS = [
  "source",
  "connector",
  "account",
  "args",
  "env",
  "secrets",
  "asks",
  "oauth",
  "idleStop",
  "update",
  "cooldown",
  "canary",
  "sandbox",
];
const ASKS = ["elicitation", "sampling", "roots"] as const;
const NO_ASKS: readonly Ask[] = [];
const PATH_NAMES = ["home", "stack"];
const PYPI = /^pypi:[A-Za-z0-9][A-Za-z0-9._-]{0,200}==[0-9A-Za-z][0-9A-Za-z.!+_-]{0,100}$/;
const IMAGE = /^oci:[a-z0-9][\w./:-]{0,400}@sha256:[0-9a-f]{64}$/;
const FOREIGN_FORM = "must be exact: pypi:name==1.2.3 or oci:image@sha256:….";

export const SANDBOX_DEFAULT: StackSandbox = { read: [], write: [], network: "none", memoryMb: 512, pidsMax: 128 };

export function serverOf(node: SourceNode): StackServer {
  const server = read.fields(node, { required: ["compartment"], optional: SERVER_FIELDS });
  const source = read.maybe(server.get("source"), null, sourceOf);
  const connector = read.maybe(server.get("connector"), null, (name) => read.oneOf(name, CONNECTORS));
  if (read.isMap(node.content) && (source === null) === (connector === null)) {
    const message = `${read.nameOf(node)} needs either 'source' or 'connector', and not both.`;
    read.report(node, { code: "missing-key", message });
  }
  refuseForRemote(server, source);
  refuseForSource(server, source);
  const [idleStop, update, cooldown] = [server.get("idleStop"), server.get("update"), server.get("cooldown")];
  const canary = server.get("canary");
  return read.remember(node, {
    source,
    connector,
    account: read.maybe(server.get("account"), {}, read.objectOf),
    args: read.maybe(server.get("args"), [], (args) => read.listOf(args, (arg) => pathTextOf(arg))),
    env: read.maybe(server.get("env"), {}, (env) => read.mapOf(env, ENV_NAME, envOf)),
    secrets: read.maybe(server.get("secrets"), {}, (secrets) => read.mapOf(secrets, ENV_NAME, secretOf)),
    compartment: read.textOf(server.need("compartment"), NAME),
    asks: read.maybe(server.get("asks"), NO_ASKS, asksOf),
    ...(idleStop === undefined ? {} : { idleStopMs: holdOf(idleStop) }),
    ...(update === undefined ? {} : { update: updateOf(update) }),
    ...(cooldown === undefined ? {} : { cooldownMs: cooldownOf(cooldown) }),
    ...(canary === undefined ? {} : { canaryMs: holdOf(canary) }),
    ...(server.get("oauth") === undefined ? {} : { oauth: oauthOf(server, source, secretOf) }),
    sandbox: read.maybe(server.get("sandbox"), SANDBOX_DEFAULT, sandboxOf),
  });
}

function refuseForRemote(server: Fields, source: string | null): void {
  if (source === null || !/^https?:/.test(source)) return;
  for (const field of ["args", "env", "sandbox"]) {
    const node = server.get(field);
    if (node === undefined) continue;
    const message = `'${field}' has no meaning for a remote server: it does not run on this machine.`;
    read.report(node, { code: "bad-value", message });
  }
}

function refuseForSource(server: Fields, source: string | null): void {
  const account = server.get("account");
  if (source === null || account === undefined) return;
  read.report(account, { code: "bad-value", message: "'account' is for connectors. Use args, env and secrets." });
}

function sourceOf(node: SourceNode): string {
  const expected = "npm:name@1.2.3, git+https://…#commit, path:./folder or https://…";
  const source = read.textOf(node, { expected, lengthMax: 2048 });
  const wrong = (message: string): string => {
    read.report(node, { code: "bad-value", message });
    return source;
  };
  if (source.startsWith("npm:")) return npmFault(source, wrong) ?? source;
  if (source.startsWith("git+")) {
    const fault = gitSource(source);
    return fault === null ? source : wrong(fault);
  }
  if (/^(?:pypi|oci):/.test(source))
    return PYPI.test(source) || IMAGE.test(source) ? source : wrong(`${read.nameOf(node)} ${FOREIGN_FORM}`);
  if (source.startsWith("path:")) {
    const isPath = /^path:(?:\.{1,2}\/|\/)[^\0]*$/.test(source);
    return isPath ? source : wrong(`'${read.short(source)}' must be path:./folder or path:/folder.`);
  }
  const url = URL.parse(source);
  if (url !== null && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname)))) {
    if (url.username !== "" || url.password !== "") return wrong("the address holds a password. Use 'secrets'.");
    if (url.hash !== "") return wrong("the address holds a '#' part, which is never sent. Leave it out.");
    return source;
  }
  if (url?.protocol === "http:") return wrong("a remote server must be https; http is for this machine only.");
  const hint = /^@?[a-z0-9][\w./-]*(?:@[\w.-]+)?$/.test(source) ? ` Did you mean 'npm:${read.short(source)}'?` : "";
  return typeof node.content === "string" ? wrong(`${read.nameOf(node)} must be ${expected}.${hint}`) : source;
}

function npmFault(source: string, wrong: (message: string) => string): string | null {
  const { name, version } = splitNpm(source);
  if (!PACKAGE_NAME.test(name)) return wrong(`'${read.short(name)}' is not the name of an npm package.`);
  if (version === null) {
    return wrong(`'${read.short(source)}' names no version. Write an exact one: npm:${read.short(name)}@1.2.3.`);
  }
  if (VERSION.pattern.test(version)) return null;
  return wrong(`'${read.short(version)}' is not an exact version. Ranges and tags such as 'latest' can change unseen.`);
}

/** `npm:@scope/name@1.2.3` into its parts; the version is null where none is written. */
export function splitNpm(source: string): { readonly name: string; readonly version: string | null } {
  const text = source.replace(/^npm:/, "");
  const at = text.indexOf("@", 1);
  return at === -1 ? { name: text, version: null } : { name: text.slice(0, at), version: text.slice(at + 1) };
}

function asksOf(node: SourceNode): readonly Ask[] {
  const asks: readonly Ask[] = read.listOf(node, (item) => read.oneOf(item, ASKS));
  return ASKS.filter((ask) => asks.includes(ask));
}

function envOf(node: SourceNode): string {
  const value = pathTextOf(node);
  if (value.startsWith("secret:")) {
    const message = `${read.nameOf(node)} is a secret reference. Move it from 'env' to 'secrets'.`;
    read.report(node, { code: "bad-value", message });
  }
  return value;
}

/** A text in which ${home} and ${stack} stand for folders; any other ${…} is refused. */
function pathTextOf(node: SourceNode): string {
  const text = read.textOf(node);
  for (const [, inner = ""] of text.matchAll(/\$\{([^}]*)\}?/g)) {
    if (PATH_NAMES.includes(inner)) continue;
    const hint = didYouMean(inner, PATH_NAMES) || " Only ${home} and ${stack} are replaced.";
    read.report(node, { code: "unknown-name", message: `'\${${read.short(inner)}}' stands for nothing.${hint}` });
  }
  return text;
}

function sandboxOf(node: SourceNode): StackSandbox | "none" {
  if (node.content === "none") return "none";
  if (typeof node.content === "string") {
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} must be none or a map.` });
    return "none";
  }
  const sandbox = read.fields(node, { required: [], optional: ["read", "write", "network", "memoryMb", "pidsMax"] });
  const folders = (list: SourceNode): readonly string[] => read.listOf(list, folderOf);
  return {
    read: read.maybe(sandbox.get("read"), SANDBOX_DEFAULT.read, folders),
    write: read.maybe(sandbox.get("write"), SANDBOX_DEFAULT.write, folders),
    network: read.maybe(sandbox.get("network"), SANDBOX_DEFAULT.network, networkOf),
    memoryMb: read.maybe(sandbox.get("memoryMb"), SANDBOX_DEFAULT.memoryMb, (mb) =>
      read.numberOf(mb, { min: 16, max: 1_048_576, whole: true }),
    ),
    pidsMax: read.maybe(sandbox.get("pidsMax"), SANDBOX_DEFAULT.pidsMax, (pids) =>
      read.numberOf(pids, { min: 1, max: 65_536, whole: true }),
    ),
  };
}

function folderOf(node: SourceNode): string {
  const folder = pathTextOf(node);
  const isWhole = /^(?:\/|\$\{(?:home|stack)\}(?:\/|$))/.test(folder) && !folder.split("/").includes("..");
  if (!isWhole && typeof node.content === "string") {
    const message = `${read.nameOf(node)} must be an absolute path or start with \${home} or \${stack}, without '..'.`;
    read.report(node, { code: "bad-value", message });
  }
  return folder;
}

function networkOf(node: SourceNode): "none" | readonly string[] {
  if (node.content === "none") return "none";
  if (typeof node.content === "string") {
    const message = `${read.nameOf(node)} must be none or a list such as ["api.example.org:443"].`;
    read.report(node, { code: "bad-value", message });
    return "none";
  }
  return read.setOf(node, {
    pattern: /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\]):[1-9]\d{0,4}$/,
    expected: "a host and port in lower case such as api.example.org:443",
  });
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** The value is never repeated in the message: a plain-text secret would end up in a log. */
export function secretOf(node: SourceNode): string {
  const text = node.content;
  if (typeof text === "string" && SECRET_REFERENCE.pattern.test(text)) return text;
  read.report(node, {
    code: "plain-secret",
    message: `${read.nameOf(node)} must be ${SECRET_REFERENCE.expected}, never the secret itself.`,
    next: "freehold secret set NAME, then write secret:NAME here; if a real secret stood here, replace it.",
  });
  return "";
}
