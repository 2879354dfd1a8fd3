// What the scanner finds in the servers that a proposal brings or changes.
// Facts block it until the owner has read them.

import { Fault, oneLine, sha256, textAt, type JsonObject } from "../kernel/index.ts";
import type { Policy } from "../manifest/index.ts";
import { scanSurface, type Finding } from "../supply/index.ts";

export interface ServerFinding extends Finding {
  readonly server: string;
  /** Of what is shown and of the server's whole offer: when that changes, it is read anew. */
  readonly id: string;
}

const ID_LENGTH = 16;

/** Of servers whose offer is new or another than the accepted one; an accepted text was read already. */
export function findingsBetween(before: Pick<Policy, "lock">, after: Pick<Policy, "lock">): readonly ServerFinding[] {
  return Object.entries(after.lock.servers).flatMap(([server, { surface, surfaceRoot }]) => {
    const known = Object.hasOwn(before.lock.servers, server) ? before.lock.servers[server] : undefined;
    if (known?.surfaceRoot === surfaceRoot) return [];
    return scanSurface(surface, othersOf(after, server)).map((finding) => withId(finding, { server, surfaceRoot }));
  });
}

export function othersOf({ lock }: Pick<Policy, "lock">, server: string): ReadonlyMap<string, string> {
  const others = Object.entries(lock.servers).filter(([name]) => name !== server);
  return new Map(
    others.flatMap(([name, { surface }]) => surface.tools.map((tool) => [textAt(tool, "name") ?? "", name] as const)),
  );
}

function withId(
  finding: Finding,
  { server, surfaceRoot }: { readonly server: string; readonly surfaceRoot: string },
): ServerFinding {
  const { rule, where, offset, quote, says } = finding;
  const id = sha256(JSON.stringify([server, surfaceRoot, rule, where, offset, quote, says])).slice(0, ID_LENGTH);
  return { ...finding, server, id };
}

/** Throws Fault `scan.unread` while a fact is not among those that the owner confirmed one by one. */
export function requireRead(findings: readonly ServerFinding[], read: readonly string[]): void {
  const unread = findings.filter(({ kind, id }) => kind === "fact" && !read.includes(id));
  const [first] = unread;
  if (first === undefined) return;
  const more = unread.length === 1 ? "" : `, and ${unread.length - 1} more`;
  throw new Fault("scan.unread", {
    message: `${oneLine(first.server, 60)}, ${first.where}: ${first.says}${more}. Nothing was applied.`,
    next: "freehold apply shows each, and asks whether you have read it",
  });
}

export function plainFinding(finding: Finding): JsonObject {
  return { ...finding };
}
