// verdicts/<server>-<from>-<to>.yaml: what a rehearsal found and what the owner decided, for the home's history.

import { oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { LockedServer } from "../manifest/index.ts";
import type { Rehearsal } from "./rehearse.ts";

export interface Decided {
  readonly kind: "accepted" | "overridden";
  readonly at: string;
  readonly reason: string | null;
  /** An exemption is looked at again by then. */
  readonly until: string | null;
}

const CHANGES_MAX = 200;

/** What has one version on both sides is told apart by its files. */
export function verdictPath({ name, before, after }: Rehearsal): string {
  const isSame = before.version === after.version;
  const part = ({ version, tree }: LockedServer): string =>
    ((isSame ? null : version) ?? tree?.hash.slice(0, 12) ?? "unknown")
      .replaceAll(/[^A-Za-z0-9.+_-]/g, "_")
      .slice(0, 60);
  return `verdicts/${name}-${part(before)}-${part(after)}.yaml`;
}

/** Everything that is shown, and what it is about; no code and no answer of a server. */
export function rehearsalFacts(rehearsal: Rehearsal): JsonObject {
  const { name, before, after, judged, surface, tree, replay, outgoing, evidence, ageMs, notes, seconds } = rehearsal;
  const { hunks: _, ...code } = tree;
  return plain({
    server: name,
    from: sideOf(before),
    to: sideOf(after),
    ...judged,
    surface: { ...surface, tools: [before.surface.tools.length, after.surface.tools.length] },
    contracts: replay,
    outgoing,
    code,
    evidence,
    ageHours: ageMs === null ? null : Math.floor(ageMs / 3_600_000),
    notes,
    seconds: seconds.whole,
  });
}

function sideOf({ source, version, integrity, tree, surfaceRoot }: LockedServer): JsonObject {
  return { source, version, integrity, tree: tree?.hash ?? null, surface: surfaceRoot };
}

/** Through JSON, so that nothing but data is left. */
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** YAML whose values are JSON, one field a line. */
export function verdictText(
  rehearsal: Rehearsal,
  more: { readonly at: string; readonly decided: Decided | null },
): string {
  const { changes, ...surface } = rehearsal.surface;
  const facts: JsonObject = {
    ...rehearsalFacts(rehearsal),
    surface: plain({ ...surface, changes: changes.slice(0, CHANGES_MAX) }),
    rehearsed: more.at,
    decision: more.decided === null ? null : plain(more.decided),
  };
  const lines = Object.entries(facts).map(([field, value]) => `${field}: ${written(value)}`);
  return `# What the rehearsal of an update found, and what was decided. Written by Freehold.\n${lines.join("\n")}\n`;
}

function written(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: JsonValue) => (typeof inner === "string" ? oneLine(inner, 600) : inner));
}
