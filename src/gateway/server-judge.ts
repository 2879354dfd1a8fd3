// Whether a server serves what the owner locked, at its start and whenever there is cause for doubt.

import { oneLine, reasonOf, surfaceRoot, textAt, type Surface } from "../kernel/index.ts";
import { pinsOf } from "../manifest/index.ts";
import type { Connected, Upstream, UpstreamParts } from "./upstream.ts";

type Judged = Pick<Upstream, "quarantine" | "pinOf">;

/** Additions, removals and renames hold back the whole server; a changed definition only its own tool. */
export function judge(parts: Pick<UpstreamParts, "lockedRoot" | "onChange">, server: string, surface: Surface): Judged {
  const pins = pinsOf(server, surface);
  const locked = parts.lockedRoot(server);
  let quarantine: string | null = locked === null ? "it is not in the lock" : null;
  if (locked !== null && locked.root !== surfaceRoot(surface)) {
    const names = (tools: Surface["tools"]): ReadonlySet<string> =>
      new Set(tools.map((tool) => textAt(tool, "name") ?? ""));
    const [before, now] = [names(locked.surface.tools), names(surface.tools)];
    const added = [...now].filter((name) => !before.has(name));
    const removed = [...before].filter((name) => !now.has(name));
    if (added.length > 0) quarantine = `it serves tools you have not accepted: ${listed(added)}`;
    else if (removed.length > 0) quarantine = `tools you accepted are gone: ${listed(removed)}`;
    parts.onChange(server, quarantine ?? "its definitions differ from the lock");
  }
  return { quarantine, pinOf: (tool) => pins.get(tool) ?? null };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => oneLine(name, 80));
  return shown.join(", ");
}

/**
 * Where its lists changed, nothing more is sent to it before they were read again. What it says during a reading is
 * answered by one more reading, and only a reading that nothing overtook is believed. One that cannot give its lists is
 * of no use and is ended: the next call starts it anew.
 */
export function recheckOf(parts: UpstreamParts, one: Connected): (why: "changed" | "silent") => void {
  const { upstream } = one;
  const mutable: { quarantine: string | null; pinOf: Upstream["pinOf"] } = upstream;
  let isReading = false;
  let isStale = false;

  async function readAgain(): Promise<void> {
    isReading = true;
    do {
      isStale = false;
      const found = judge(parts, upstream.server, await one.surface());
      if (!isStale) Object.assign(mutable, found);
    } while (isStale);
    isReading = false;
  }

  return (why) => {
    if (why === "changed") mutable.quarantine = "its lists changed and are being read again";
    isStale = true;
    if (isReading) return;
    readAgain().catch((error: unknown) => {
      mutable.quarantine = `it did not give its lists: ${oneLine(reasonOf(error), 300)}`;
      parts.onChange(upstream.server, mutable.quarantine);
      upstream.peer.close();
    });
  };
}
