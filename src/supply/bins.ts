// The `bin` field of package.json: which file starts a server, and the links npm makes in node_modules/.bin.

import { Fault, isObject, oneLine, type JsonObject } from "../kernel/index.ts";

/** Command name to file within the package; entries that lead out of it are left out, as npm does. */
export function binsOf(manifest: JsonObject): ReadonlyMap<string, string> {
  const { bin, name } = manifest;
  const written = typeof bin === "string" && typeof name === "string" ? { [name]: bin } : isObject(bin) ? bin : {};
  const bins = new Map<string, string>();
  for (const [key, value] of Object.entries(written)) {
    const command = key.slice(key.lastIndexOf("/") + 1);
    const file = typeof value === "string" ? plainPath(value) : null;
    if (file !== null && command !== "" && command !== "." && command !== "..") bins.set(command, file);
  }
  return bins;
}

/** The file that `npx` would start; for a folder of the owner's also `main`. Throws Fault `supply.entry`. */
export function entryOf(
  manifest: JsonObject,
  options: { readonly source: string; readonly mayUseMain: boolean },
): string {
  const bins = binsOf(manifest);
  const files = new Set(bins.values());
  const [first] = files;
  if (first !== undefined && files.size === 1) return first;
  const name = typeof manifest["name"] === "string" ? manifest["name"] : "";
  const named = bins.get(name.slice(name.lastIndexOf("/") + 1));
  if (named !== undefined) return named;
  const { main } = manifest;
  const mainFile = typeof main === "string" && options.mayUseMain && bins.size === 0 ? plainPath(main) : null;
  if (mainFile !== null) return mainFile;
  const which = bins.size === 0 ? "no program" : `${bins.size} programs and none of its own name`;
  throw new Fault("supply.entry", {
    message: `${oneLine(options.source, 200)} names ${which} in "bin" of its package.json.`,
    next: options.mayUseMain ? 'add "bin" or "main" to it.' : "this package is no MCP server that can be started.",
  });
}

function plainPath(written: string): string | null {
  const parts = written
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") || written.includes("\0") ? null : parts.join("/");
}
