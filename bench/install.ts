// The installer against `npm ci --offline`: the same locks, both from a filled cache, in turn, each in a process of its
// own. CPU is that of the process with its children; then the two trees are compared file by file.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homePaths } from "../src/home/index.ts";
import { isObject, type JsonObject } from "../src/kernel/index.ts";
import type { LockedServer } from "../src/manifest/index.ts";
import { hexOf, putContent } from "../src/supply/content.ts";
import { addTree, fillFromPackages } from "../src/supply/install.ts";
import { packagesOf, thisMachine, type Resolved } from "../src/supply/resolve.ts";
import { unsealTree, walk } from "../src/supply/tree.ts";
import { run as switches } from "./generations.ts";
import { endedChildrenCpuSeconds, interleave, median, round, type Bench } from "./lib.ts";
import { DIST } from "./parts/product.ts";

/** Real MCP servers, of several makers, small and large. */
const SERVERS = [
  "@modelcontextprotocol/server-filesystem@2025.12.18",
  "@modelcontextprotocol/server-filesystem@2026.8.31",
  "@modelcontextprotocol/server-everything@2026.1.26",
  "@modelcontextprotocol/server-memory@2026.8.31",
  "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
  "@notionhq/notion-mcp-server@2.5.2",
  "@playwright/mcp@0.0.83",
  "tavily-mcp@0.2.22",
];
const NPM_FLAGS = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
/** What npm notes for itself beside the packages. */
const NPM_OWN = "node_modules/.package-lock.json";

interface Case {
  readonly spec: string;
  readonly dir: string;
  readonly resolved: Resolved;
  readonly locked: LockedServer;
}

interface Row {
  readonly server: string;
  readonly packages: number;
  readonly cpuSeconds: number;
  readonly npmCpuSeconds: number;
  /** The first entry that differs; null for none. */
  readonly different: string | null;
}

export const run: Bench = async (options) => {
  const { quick, note } = options;
  const base = mkdtempSync(join(tmpdir(), "freehold-install-"));
  try {
    const cases: Case[] = [];
    for (const spec of quick ? SERVERS.slice(0, 2) : SERVERS) {
      note(`resolving and fetching ${spec}`);
      cases.push(await makeCase(base, spec));
    }
    const rows: Row[] = [];
    for (const one of cases) {
      const samples = await interleave({
        rounds: quick ? 1 : 3,
        contenders: {
          npm: () => npmInstall(base, one),
          ours: () => ownInstall(base, one),
        },
      });
      const npmCpuSeconds = median(samples.get("npm") ?? []);
      const cpuSeconds = median(samples.get("ours") ?? []);
      const ours = join(one.dir, "ours-1", one.locked.tree?.hash ?? "", "node_modules");
      const different = firstDifference(join(one.dir, "npm-1", "node_modules"), ours);
      const packages = one.resolved.packages.length;
      rows.push({ server: one.spec, packages, cpuSeconds, npmCpuSeconds, different });
      note(
        `${one.spec}: ${round(cpuSeconds, 2)} of npm's ${round(npmCpuSeconds, 2)} CPU-s, ${different ?? "identical"}`,
      );
    }
    const sum = (key: "cpuSeconds" | "npmCpuSeconds"): number => rows.reduce((total, row) => total + row[key], 0);
    return {
      cpuRatioToNpmCi: round(sum("cpuSeconds") / sum("npmCpuSeconds")),
      cpuRatioMax: round(Math.max(...rows.map((row) => row.cpuSeconds / row.npmCpuSeconds))),
      identicalTrees: rows.filter((row) => row.different === null).length,
      trees: rows.length,
      packages: rows.reduce((total, row) => total + row.packages, 0),
      // What follows an installation: until another generation holds.
      switchMs: (await switches(options))["switchMs"],
      each: rows.map((row) => ({
        ...row,
        cpuSeconds: round(row.cpuSeconds, 2),
        npmCpuSeconds: round(row.npmCpuSeconds, 2),
      })),
    };
  } finally {
    // Trees are sealed, so only root could delete them as they are.
    const places = readdirSync(base).flatMap((name) =>
      readdirSync(join(base, name)).map((inner) => join(base, name, inner)),
    );
    for (const place of places.filter((one) => /\/(?:ours-\d+|\.state)$/.test(one))) unsealTree(place);
    rmSync(base, { recursive: true, force: true, maxRetries: 3 });
  }
};

/** npm resolves and fills its cache; the store gets the same archives out of it. */
async function makeCase(base: string, spec: string): Promise<Case> {
  const dir = join(base, `case-${createHash("sha256").update(spec).digest("hex").slice(0, 12)}`);
  mkdirSync(dir);
  writeFileSync(join(dir, "package.json"), '{"private":true}');
  // npm's offline install needs the addresses in its lock, whatever the machine's configuration says.
  await npm(base, dir, ["install", "--package-lock-only", "--omit-lockfile-registry-resolved=false", spec]);
  await npm(base, dir, ["ci", "--omit=dev"]); // fills the cache
  const lock: unknown = JSON.parse(readFileSync(join(dir, "package-lock.json"), "utf8"));
  const name = spec.slice(0, spec.lastIndexOf("@"));
  const resolved = packagesOf(isObject(lock) ? lock : {}, name, thisMachine());
  const home = homePaths(join(base, "home"));
  for (const { integrity } of resolved.packages) {
    const hex = hexOf(integrity);
    const cached = join(base, "npm-cache", "_cacache", "content-v2", "sha512", hex.slice(0, 2), hex.slice(2, 4));
    putContent(home, readFileSync(join(cached, hex.slice(4))));
  }
  const { packages, version } = resolved;
  const hash = await addTree(home, (folder) => fillFromPackages(folder, { home, packages }));
  const integrity = packages.find((one) => one.path === `node_modules/${name}`)?.integrity ?? null;
  return { spec, dir, resolved, locked: lockedServer({ source: `npm:${spec}`, version, integrity, hash, packages }) };
}

type Parts = Pick<LockedServer, "source" | "version" | "integrity"> & NonNullable<LockedServer["tree"]>;

function lockedServer({ source, version, integrity, hash, packages }: Parts): LockedServer {
  const [instructions, none]: [null, JsonObject] = [null, {}];
  const lists = { tools: [], prompts: [], resources: [], templates: [] };
  return {
    source,
    kind: "npm",
    version,
    integrity,
    tree: { hash, packages },
    command: ["node"],
    surface: { protocol: "", instructions, serverInfo: none, capabilities: none, ...lists },
    surfaceRoot: hash,
  };
}

/**
 * Each installation goes to a folder of its own, and all are removed at the end: after a removal ext4 looks long for
 * numbers of files that were not used a moment ago, which would be measured instead.
 */
function freshFolder(dir: string, name: string): string {
  for (let count = 1; ; count += 1) {
    const folder = join(dir, `${name}-${count}`);
    if (existsSync(folder)) continue;
    mkdirSync(folder);
    return folder;
  }
}

async function npmInstall(base: string, { dir }: Case): Promise<number> {
  const folder = freshFolder(dir, "npm");
  for (const file of ["package.json", "package-lock.json"]) cpSync(join(dir, file), join(folder, file));
  return npm(base, folder, ["ci", "--offline", "--omit=dev"]);
}

function npm(base: string, dir: string, args: readonly string[]): Promise<number> {
  return cpuOf(["npm", ...args, ...NPM_FLAGS, "--cache", join(base, "npm-cache")], dir);
}

/** A home that has the content and no tree; the product as built, called as the daemon calls it. */
async function ownInstall(base: string, one: Case): Promise<number> {
  const home = { ...homePaths(join(base, "home")), trees: freshFolder(one.dir, "ours") };
  const file = join(one.dir, "given.json");
  writeFileSync(file, JSON.stringify({ locked: one.locked, homePaths: home }));
  const program = `
    import { readFileSync } from "node:fs";
    import { installFromLock } from "${DIST}/supply/index.js";
    await installFromLock({
      ...JSON.parse(readFileSync(${JSON.stringify(file)}, "utf8")),
      name: "bench",
      probe: { kind: "absent" },
      permitConnection: () => Promise.resolve(false),
      progress: () => undefined,
    });`;
  return cpuOf([process.execPath, "--input-type=module", "--eval", program], base);
}

async function cpuOf([program = "", ...args]: readonly string[], cwd: string): Promise<number> {
  const before = endedChildrenCpuSeconds();
  const child = spawn(program, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  const ended = once(child, "close");
  await ended;
  if (child.exitCode !== 0) throw new Error(`${program} ${args.slice(0, 3).join(" ")}: ${said}`);
  return endedChildrenCpuSeconds() - before;
}

/** Null when folders, links, modes and bytes are the same; our trees are sealed, so the right to write is put back. */
function firstDifference(theirs: string, ours: string): string | null {
  const [expected, found] = [entriesOf(theirs), entriesOf(ours)];
  for (const path of [...new Set([...expected.keys(), ...found.keys()])].toSorted()) {
    if (expected.get(path) !== found.get(path)) return `${path}: ${expected.get(path)} against ${found.get(path)}`;
  }
  return null;
}

function entriesOf(folder: string): ReadonlyMap<string, string> {
  const left = NPM_OWN.slice("node_modules/".length);
  return new Map(
    walk(folder, (path) => path === left).map(({ path, kind }) => {
      const full = join(folder, path);
      const mode = ((lstatSync(full).mode & 0o777) | 0o200).toString(8);
      switch (kind) {
        case "folder":
          return [path, `folder ${mode}`];
        case "link":
          return [path, `link to ${readlinkSync(full)}`];
        case "file":
          return [path, `file ${mode} ${createHash("sha256").update(readFileSync(full)).digest("hex")}`];
      }
    }),
  );
}
