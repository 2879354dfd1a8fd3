// Reads all that a server offers, page by page and with limits. Definitions keep unknown fields: all is pinned.

import { Fault, isObject, oneLine, textAt, type JsonObject, type Surface } from "../kernel/index.ts";
import type { Hello } from "./handshake.ts";
import { CODES } from "./messages.ts";
import { mirroredParams, type MirroredParam } from "./param-headers.ts";
import type { Peer } from "./peer.ts";

export interface SurfaceLimits {
  /** For each page. */
  readonly timeoutMs: number;
  readonly pagesMax: number;
  /** In each list. */
  readonly itemsMax: number;
  /** Hears of a tool that the protocol forbids to use, by name, and why. */
  readonly onLeftOut?: (tool: string, reason: string) => void;
}

interface List {
  readonly method: string;
  readonly field: string;
  /** What names an item of the list; an item without it is no definition. */
  readonly key: string;
  readonly isUnique: boolean;
}

const TOOLS: List = { method: "tools/list", field: "tools", key: "name", isUnique: true };
const PROMPTS: List = { method: "prompts/list", field: "prompts", key: "name", isUnique: true };
const RESOURCES: List = { method: "resources/list", field: "resources", key: "uri", isUnique: false };
const TEMPLATES: List = {
  method: "resources/templates/list",
  field: "resourceTemplates",
  key: "uriTemplate",
  isUnique: false,
};

/**
 * Throws Fault `mcp.surface` when a list does not come, has no end, or holds what is no definition. The peer learns
 * which arguments go into headers too.
 */
export async function readSurface(peer: Peer, hello: Hello, limits: SurfaceLimits): Promise<Surface> {
  const { capabilities } = hello;
  const offers = (name: string): boolean => isObject(capabilities[name]);
  const read = (list: List, isOffered: boolean): Promise<readonly JsonObject[]> =>
    isOffered ? readList(peer, list, limits) : Promise.resolve([]);
  const [listed, prompts, resources, templates] = await Promise.all([
    read(TOOLS, offers("tools")),
    read(PROMPTS, offers("prompts")),
    read(RESOURCES, offers("resources")),
    read(TEMPLATES, offers("resources")),
  ]);
  const tools = usableTools(peer, hello, { listed, limits });
  const { protocol, instructions, serverInfo } = hello;
  return { protocol, instructions, serverInfo, capabilities, tools, prompts, resources, templates };
}

/** A 2026-07-28 server's tools over HTTP, without those whose `x-mcp-header` cannot be followed (SEP-2243). */
function usableTools(
  peer: Peer,
  hello: Hello,
  { listed, limits }: { readonly listed: readonly JsonObject[]; readonly limits: SurfaceLimits },
): readonly JsonObject[] {
  if (hello.era !== "modern" || peer.transport !== "http") return listed;
  const mirrored = new Map<string, readonly MirroredParam[]>();
  const tools = listed.filter((tool) => {
    const name = textAt(tool, "name") ?? "";
    const scan = mirroredParams(tool["inputSchema"]);
    if (scan.kind === "ok") mirrored.set(name, scan.params);
    else limits.onLeftOut?.(oneLine(name, 128), scan.reason);
    return scan.kind === "ok";
  });
  peer.mirror(mirrored);
  return tools;
}

async function readList(peer: Peer, list: List, limits: SurfaceLimits): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  const cursors = new Set<string>();
  const names = new Set<string>();
  let cursor: string | null = null;
  for (let page = 0; page < limits.pagesMax; page += 1) {
    const paramsText: string = cursor === null ? "{}" : JSON.stringify({ cursor });
    const reply = await peer.request({ method: list.method, paramsText, timeoutMs: limits.timeoutMs });
    if (reply.kind === "error" && reply.code === CODES.methodNotFound && page === 0) return [];
    if (reply.kind === "error") throw fault(list, reply.message);
    if (reply.kind === "broken") throw fault(list, reply.reason);
    const { [list.field]: found, nextCursor } = reply.result;
    if (!Array.isArray(found)) throw fault(list, `the answer has no list "${list.field}"`);
    for (const item of found) {
      items.push(definition(list, item, names));
      if (items.length > limits.itemsMax) throw fault(list, `more than ${limits.itemsMax} entries`);
    }
    if (typeof nextCursor !== "string") return items;
    if (cursors.has(nextCursor)) throw fault(list, "its pages go in a circle");
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  throw fault(list, `more than ${limits.pagesMax} pages`);
}

function definition(list: List, item: unknown, names: Set<string>): JsonObject {
  const name = isObject(item) ? item[list.key] : undefined;
  if (!isObject(item) || typeof name !== "string" || name === "") throw fault(list, `an entry without "${list.key}"`);
  if (list.isUnique && names.has(name)) throw fault(list, `two entries are named "${name}"`);
  names.add(name);
  return item;
}

function fault(list: List, reason: string): Fault {
  return new Fault("mcp.surface", {
    message: `The server's ${list.method} cannot be used: ${oneLine(reason, 200)}.`,
    next: "Report it to the server's authors, or choose another release.",
  });
}
