// What a rehearsed server is given in place of the owner's: folders with samples, a home of nobody, false secrets.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { SANDBOX_DEFAULT, type StackServer } from "../manifest/index.ts";
import { FILES, SAMPLE } from "./practice-args.ts";
import type { SupplyHome } from "./places.ts";
import type { Names } from "./volatile.ts";

export interface Scratch {
  readonly dir: string;
  readonly server: StackServer;
  /** The folders of this run, by the names that all runs share. */
  readonly names: Names;
  /** `${files}` with this run's folder. */
  fill(text: string): string;
  remove(): void;
}

const SAMPLE_TEXT = "A sample for rehearsals.\nIts second line.\n";
const SAMPLE_TIME = new Date("2026-01-02T10:00:00Z");

export interface ScratchRequest {
  readonly stackServer: StackServer;
  readonly home: SupplyHome;
  readonly ownerHome: string;
}

/** No folder of the owner's is opened, and a server without walls gets them for the rehearsal. */
export function makeScratch({ stackServer, home, ownerHome }: ScratchRequest): Scratch {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "freehold-rehearsal-")));
  const expand = (text: string): string => text.replaceAll("${home}", ownerHome).replaceAll("${stack}", home.dir);
  const walls = stackServer.sandbox === "none" ? SANDBOX_DEFAULT : stackServer.sandbox;
  const given = [...new Set([...walls.read, ...walls.write].map(expand))];
  const places = new Map(given.map((path, at) => [path, join(dir, `files${at === 0 ? "" : at + 1}`)]));
  for (const [path, place] of places) places.set(path, makePlace(path, place));
  const stand = [...places, [ownerHome, join(dir, "home")] as const, [home.dir, join(dir, "stack")] as const];
  mkdirSync(join(dir, "home"));
  mkdirSync(join(dir, "stack"));
  const longestFirst = stand.toSorted(([a], [b]) => b.length - a.length);
  const move = (text: string): string => moved(expand(text), longestFirst);
  const files = places.values().next().value ?? join(dir, "home");
  return {
    dir,
    server: {
      ...stackServer,
      args: stackServer.args.map(move),
      env: Object.fromEntries(Object.entries(stackServer.env).map(([name, value]) => [name, move(value)])),
      sandbox: { ...walls, read: walls.read.map(move), write: walls.write.map(move), network: "none" },
    },
    names: [
      ...[...places.values()].map((place, at) => [place, at === 0 ? FILES : `\${files${at + 1}}`] as const),
      [dir, "${scratch}"],
    ],
    fill: (text) => text.replaceAll(FILES, files),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function moved(text: string, places: readonly (readonly [path: string, place: string])[]): string {
  for (const [path, place] of places) {
    if (text === path || text.includes(`${path}/`) || text.endsWith(path)) return text.replaceAll(path, place);
  }
  return text;
}

/** A folder with samples, or a file where the owner's is a file. */
function makePlace(path: string, place: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    mkdirSync(place);
    const file = join(place, basename(path));
    write(file, path.endsWith(".json") ? "{}\n" : "");
    return file;
  }
  write(join(place, SAMPLE), SAMPLE_TEXT);
  write(join(place, "freehold.json"), '{"sample": true}\n');
  write(join(place, "more", "second.txt"), SAMPLE_TEXT);
  return place;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  utimesSync(file, SAMPLE_TIME, SAMPLE_TIME);
}
