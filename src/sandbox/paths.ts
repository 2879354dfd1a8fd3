// The owner's paths on their way into a sandbox: they exist, and no spelling or link of them opens a protected place.
// Invariants: a path that equals, contains or lies in a protected folder is refused, as written and as resolved.

import { realpathSync } from "node:fs";
import { isAbsolute, resolve, sep } from "node:path";
import { Fault, oneLine } from "../kernel/index.ts";

/** Other programs' memory, devices and sockets, and the password file: no server has a use for them. */
const NEVER = ["/proc", "/sys", "/dev", "/run", "/var/run", "/etc/shadow", "/etc/gshadow", "/etc/sudoers"];

export interface Mount {
  readonly source: string;
  /** As the owner wrote it, so that the server finds it under the name in its arguments. */
  readonly target: string;
}

export interface PathRequest {
  readonly name: string;
  readonly paths: readonly string[];
  readonly protect: readonly string[];
  /** Folders inside protected ones whose content may be mounted after all. */
  readonly except: readonly string[];
}

export function mountsOf(request: PathRequest): readonly Mount[] {
  const resolved = request.paths.map((path) => ({ target: resolve(path), source: realPath(path) }));
  const missing = resolved.filter((mount) => mount.source === null).map((mount) => oneLine(mount.target, 200));
  if (missing.length > 0) {
    throw new Fault("sandbox.path-missing", {
      message: `${request.name} is given paths that do not exist: ${missing.join(", ")}.`,
      next: `create them, or correct sandbox.read and sandbox.write of ${request.name} in stack.yaml.`,
    });
  }
  const mounts = resolved.map(({ target, source }) => ({ target, source: source ?? target }));
  for (const mount of mounts) {
    for (const path of [mount.target, mount.source]) refuseProtected(path, request);
  }
  // Both names, because a program may resolve links before it opens anything.
  return mounts.flatMap((mount) =>
    mount.source === mount.target ? [mount] : [mount, { source: mount.source, target: mount.source }],
  );
}

function refuseProtected(path: string, { name, protect, except }: PathRequest): void {
  if (withReal(except).some((folder) => isWithin(path, folder) && path !== folder)) return;
  const hit = [...withReal(protect), ...NEVER].find((place) => isWithin(path, place) || isWithin(place, path));
  if (hit === undefined) return;
  throw new Fault("sandbox.path-protected", {
    message: `${name} may not be given ${oneLine(path, 200)}: it would open ${hit}.`,
    next: `name a narrower folder for ${name} in stack.yaml.`,
  });
}

function withReal(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => [resolve(path), realPath(path) ?? resolve(path)]);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function realPath(path: string): string | null {
  if (!isAbsolute(path) || path.includes("\0")) return null;
  try {
    return realpathSync.native(path);
  } catch {
    // Absent, or behind a folder that may not be searched: for the server it does not exist.
    return null;
  }
}
