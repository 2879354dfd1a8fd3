// stack.lock: exactly what was installed and served.
// JSON with sorted keys and one item a line, so that diffs read well.

import { canonical, surfaceRoot, type JsonObject, type JsonValue, type Surface } from "../kernel/index.ts";
import { readJson } from "./json.ts";
import { lockedModelOf, lockedSkillOf, originOf, reportOrigin } from "./lock-parts.ts";
import { DIGEST, INTEGRITY, NAME, PLAIN_TEXT, SERVER_NAME, TOOL_NAME, VERSION } from "./names.ts";
import * as read from "./reading.ts";
import type { SourceNode } from "./reading.ts";
import type { LockedPackage, LockedServer, LockedTree, StackLock } from "./types.ts";

const BYTES_MAX = 32 * 1024 * 1024;
/** What is written over several lines; every other value stands on one. */
const LISTS = new Set(["packages", "prompts", "resources", "templates", "tools", "wheels"]);
const MAPS = new Set(["", "models", "servers", "server", "skills", "surface", "tree"]);

export const EMPTY_LOCK: StackLock = { version: 1, servers: {} };

export function parseLock(text: string, file: string): StackLock {
  return readJson({ text, file, bytesMax: BYTES_MAX }, (root) => {
    const top = read.fields(root, { required: ["version", "servers"], optional: ["skills", "models"] });
    if (top.need("version").content !== 1) {
      read.report(top.need("version"), { code: "bad-value", message: "'version' must be 1." });
    }
    const [skills, models] = [top.get("skills"), top.get("models")];
    return {
      version: 1,
      servers: read.mapOf(top.need("servers"), SERVER_NAME, serverOf),
      ...(skills === undefined ? {} : { skills: read.mapOf(skills, NAME, lockedSkillOf) }),
      ...(models === undefined ? {} : { models: read.mapOf(models, NAME, lockedModelOf) }),
    };
  });
}

/** `parseLock(formatLock(lock))` equals `lock`. */
export function formatLock(lock: StackLock): string {
  const plain = lock as unknown as JsonObject;
  return `${written(plain, "", "")}\n`;
}

function written(value: JsonValue, role: string, indent: string): string {
  const inner = `${indent}  `;
  if (Array.isArray(value) && LISTS.has(role) && value.length > 0) {
    return `[\n${value.map((item: JsonValue) => inner + canonical(item)).join(",\n")}\n${indent}]`;
  }
  if (!MAPS.has(role) || typeof value !== "object" || value === null || Array.isArray(value)) return canonical(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, item]) => {
    const childRole = role === "servers" ? "server" : key;
    return `${inner}${canonical(key)}: ${written(item, childRole, inner)}`;
  });
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

function serverOf(node: SourceNode, name: string): LockedServer {
  const server = read.fields(node, {
    required: ["source", "kind", "version", "integrity", "tree", "command", "surface", "surfaceRoot"],
    optional: ["commit", "wheels", "image"],
  });
  const orNull = <T>(field: string, reader: (node: SourceNode) => T): T | null =>
    server.need(field).content === null ? null : reader(server.need(field));
  const locked: LockedServer = {
    source: read.textOf(server.need("source"), { ...PLAIN_TEXT, lengthMax: 2048 }),
    kind: read.oneOf(server.need("kind"), ["npm", "path", "remote", "git", "pypi", "oci"]),
    version: orNull("version", (version) => read.textOf(version, { ...PLAIN_TEXT, lengthMax: 200 })),
    integrity: orNull("integrity", (integrity) => read.textOf(integrity, INTEGRITY)),
    tree: orNull("tree", treeOf),
    command: read.listOf(server.need("command"), (part) => read.textOf(part)),
    surface: surfaceOf(server.need("surface")),
    surfaceRoot: read.textOf(server.need("surfaceRoot"), DIGEST),
    ...originOf(server),
  };
  reportHalves(node, locked, name);
  return read.remember(node, locked);
}

/** What a kind must have and must not have; a lock with a part missing would check nothing. */
function reportHalves(node: SourceNode, locked: LockedServer, name: string): void {
  const bad = (message: string): void => read.report(node, { code: "bad-lock", message, next: `freehold add ${name}` });
  if (node.document.problems.length > 0) return;
  if (locked.kind === "npm" && (locked.integrity === null || locked.tree === null)) {
    bad(`server '${name}' comes from npm and must have integrity and tree.`);
  }
  if (locked.kind === "npm" && !VERSION.pattern.test(locked.version ?? "")) {
    bad(`server '${name}' comes from npm and must have ${VERSION.expected}.`);
  }
  if (locked.kind === "path" && locked.tree === null) bad(`server '${name}' comes from a folder and must have a tree.`);
  if (locked.kind === "remote" && (locked.tree !== null || locked.command.length > 0)) {
    bad(`server '${name}' is remote and can have neither tree nor command.`);
  }
  if (["npm", "path", "git"].includes(locked.kind) && locked.command.length === 0) {
    bad(`server '${name}' has no command.`);
  }
  reportOrigin(locked, (what) => bad(`server '${name}' ${what}`));
  if (surfaceRoot(locked.surface) !== locked.surfaceRoot) {
    bad(`the surfaceRoot of server '${name}' is not that of its surface: the file was changed by hand or cut.`);
  }
}

function treeOf(node: SourceNode): LockedTree {
  const tree = read.fields(node, { required: ["hash", "packages"], optional: [] });
  let last = "";
  const packages = read.listOf(tree.need("packages"), (item): LockedPackage => {
    const entry = read.fields(item, { required: ["path", "name", "version", "integrity"], optional: [] });
    const locked = {
      path: read.textOf(entry.need("path"), { ...PLAIN_TEXT, lengthMax: 1024 }),
      name: read.textOf(entry.need("name"), { ...PLAIN_TEXT, lengthMax: 300 }),
      version: read.textOf(entry.need("version"), { ...PLAIN_TEXT, lengthMax: 200 }),
      integrity: read.textOf(entry.need("integrity"), INTEGRITY),
    };
    if (locked.path.startsWith("/") || locked.path.split("/").some((part) => part === ".." || part === "")) {
      read.report(item, { code: "bad-value", message: "a package's path must stay within the tree." });
    }
    if (locked.path <= last) {
      read.report(item, { code: "bad-value", message: "packages must be sorted by path, each path once." });
    }
    last = locked.path;
    return locked;
  });
  return { hash: read.textOf(tree.need("hash"), DIGEST), packages };
}

function surfaceOf(node: SourceNode): Surface {
  const surface = read.fields(node, {
    required: ["protocol", "instructions", "serverInfo", "capabilities", "tools", "prompts", "resources", "templates"],
    optional: [],
  });
  const seen = new Set<string>();
  const tools = read.listOf(surface.need("tools"), (item) => {
    const tool = read.objectOf(item);
    const name = typeof tool["name"] === "string" ? tool["name"] : "";
    if (!TOOL_NAME.pattern.test(name)) {
      read.report(item, { code: "bad-name", message: `'${read.short(name)}' is not ${TOOL_NAME.expected}.` });
    }
    if (seen.has(name)) {
      read.report(item, { code: "duplicate", message: `the tool '${read.short(name)}' stands twice.` });
    }
    seen.add(name);
    return tool;
  });
  const objects = (field: string): readonly JsonObject[] => read.listOf(surface.need(field), read.objectOf);
  const instructions = surface.need("instructions");
  return {
    protocol: read.textOf(surface.need("protocol"), { ...PLAIN_TEXT, lengthMax: 40 }),
    instructions: instructions.content === null ? null : read.textOf(instructions, { lengthMax: 1024 * 1024 }),
    serverInfo: read.objectOf(surface.need("serverInfo")),
    capabilities: read.objectOf(surface.need("capabilities")),
    tools,
    prompts: objects("prompts"),
    resources: objects("resources"),
    templates: objects("templates"),
  };
}
