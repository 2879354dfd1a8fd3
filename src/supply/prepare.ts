// Takes a server from its source to a lock entry and draft cards: resolve, fetch, install, look.
// Writes only below .state.

import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { Fault, isObject, oneLine, surfaceRoot, unreachable, type JsonObject } from "../kernel/index.ts";
import {
  draftCards,
  splitNpm,
  type CardFile,
  type LockedPackage,
  type LockedServer,
  type StackServer,
} from "../manifest/index.ts";
import type { HttpAuthorization } from "../mcp/index.ts";
import { entryOf } from "./bins.ts";
import { adoptFromNpm, isStored } from "./content.ts";
import { fillFromFolder, sourceFolder } from "./folder.ts";
import { fetchGit } from "./git-source.ts";
import { addTree, fillFromPackages, readManifest } from "./install.ts";
import { launchSpecOf, needsOther, NODE } from "./launch.ts";
import { checkSchemas, LOOK_TIMEOUT_MS, lookAt } from "./look.ts";
import { openNpm, type Npm, type NpmContext } from "./npm.ts";
import { treeFolder, type SupplyHome } from "./places.ts";
import { packagesOf, thisMachine } from "./resolve.ts";
import { writeFiles, type SourceFile } from "./source-files.ts";
import { verifyTree } from "./tree.ts";

const EXACT = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;
const SCRIPTS = [".js", ".mjs", ".cjs", ".ts", ".mts"];

export interface PrepareOptions extends NpmContext {
  readonly name: string;
  readonly stackServer: StackServer;
  /** The owner's home folder, for ${home}. */
  readonly ownerHome: string;
  /** By variable or header name, for servers that answer nobody without; else values that open nothing. */
  readonly secretValues?: Readonly<Record<string, string>>;
  /** The owner's login at a remote server. */
  readonly authorization?: HttpAuthorization;
  readonly timeoutMs?: number;
  /** One that is open already. */
  readonly npm?: Npm | null;
  /** Packages that the registry dates later are left out. */
  readonly beforeMs?: number;
}

export interface PreparedServer {
  /** `locked.source` is exact, also where the given source was not: it is what stack.yaml must say. */
  readonly locked: LockedServer;
  readonly draft: CardFile;
  /** What the owner should know before accepting. */
  readonly notes: readonly string[];
}

export interface StagedServer {
  readonly locked: LockedServer;
  readonly notes: readonly string[];
  /** As npm resolved it; null where npm had no part. */
  readonly npmLock: JsonObject | null;
}

type Installed = Omit<LockedServer, "surface" | "surfaceRoot"> & Omit<StagedServer, "locked">;

export async function prepareServer(options: PrepareOptions): Promise<PreparedServer> {
  const { name, stackServer } = options;
  const { locked, notes } = await stageServer(options);
  const { surface } = locked;
  checkSchemas(name, surface.tools);
  const draft = draftCards({ server: name, surface, compartment: stackServer.compartment, source: stackServer.source });
  return { locked, draft, notes };
}

/** Installed beside the others and looked at, whatever it serves: nothing of it is judged yet. */
export async function stageServer(options: PrepareOptions): Promise<StagedServer> {
  const { name, stackServer, homePaths, ownerHome, progress } = options;
  const { notes, npmLock, ...installed } = await install(options);
  const launch = launchSpecOf({
    name,
    stackServer: { ...stackServer, source: installed.source },
    locked: installed,
    homePaths,
    ownerHome,
  });
  progress(`reading what ${name} offers`);
  const look = await lookAt({
    launch,
    probe: options.probe,
    permitConnection: options.permitConnection,
    protect: [homePaths.stateDir, join(homePaths.dir, ".git")],
    installed: [homePaths.trees],
    secretValues: options.secretValues ?? {},
    ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
    timeoutMs: options.timeoutMs ?? LOOK_TIMEOUT_MS,
  });
  const { surface } = look;
  const locked = { ...installed, surface, surfaceRoot: surfaceRoot(surface) };
  return { locked, notes: [...notes, ...look.notes], npmLock };
}

async function install(options: PrepareOptions): Promise<Installed> {
  const source = options.stackServer.source ?? "";
  if (source.startsWith("npm:")) return installNpm(options, source);
  if (source.startsWith("path:")) return installFolder(options, source);
  if (source.startsWith("git+")) return installGit(options, source);
  if (/^(?:pypi|oci):/.test(source)) throw needsOther(options.name, source.startsWith("pypi:") ? "pypi" : "oci");
  if (/^https?:/.test(source)) {
    const notes = ["its program runs elsewhere: only what it offers can be pinned, not what it does."];
    return { source, kind: "remote", version: null, integrity: null, tree: null, command: [], notes, npmLock: null };
  }
  throw new Fault("supply.source", {
    message: `${options.name} has no source that can be installed.`,
    next: "write npm:name@1.2.3, git+https://…#commit, path:./folder or https://… as its source.",
  });
}

async function installNpm(options: PrepareOptions, source: string): Promise<Installed> {
  const { homePaths, progress } = options;
  const { name, version } = splitNpm(source);
  const npm = options.npm ?? (await openNpm(options));
  progress(`resolving ${name}`);
  const npmLock = await npm.resolve(`${name}@${version ?? "latest"}`, options.beforeMs);
  const { packages, withScripts, version: exact } = packagesOf(npmLock, name, thisMachine());
  await bringContent({ ...options, npm, packages });
  progress(`installing ${packages.length} packages`);
  const hash = await addTree(homePaths, (folder) => fillFromPackages(folder, { home: homePaths, packages }));
  const inner = `node_modules/${name}`;
  const manifest = manifestOf(join(treeFolder(homePaths, hash), inner));
  const entry = `${inner}/${entryOf(manifest, { source, mayUseMain: false })}`;
  const notes = withScripts.map((item) => `${item} brings an install script, which was not run.`);
  if (version === null || !EXACT.test(version))
    notes.unshift(`${name}@${version ?? "latest"} is ${exact} today; that is what was locked.`);
  return {
    source: `npm:${name}@${exact}`,
    kind: "npm",
    version: exact,
    integrity: packages.find((item) => item.path === inner)?.integrity ?? null,
    tree: { hash, packages },
    command: commandOf(entry),
    notes,
    npmLock,
  };
}

type Bringing = NpmContext & { readonly npm: Npm | null; readonly packages: readonly LockedPackage[] };

/** Asks the registry only for what the store lacks. */
export async function bringContent(options: Bringing): Promise<void> {
  const { homePaths, packages } = options;
  const lacks = (): readonly LockedPackage[] =>
    packages.filter((item) => !isStored(homePaths, item.integrity) && !adoptFromNpm(homePaths, item.integrity));
  const wanted = lacks();
  if (wanted.length === 0) return;
  const npm = options.npm ?? (await openNpm(options));
  await npm.fetch([...new Set(wanted.map((item) => `${item.name}@${item.version}`))]);
  const [missing] = lacks();
  if (missing === undefined) return;
  const spec = oneLine(`${missing.name}@${missing.version}`, 200);
  throw new Fault("supply.content", {
    message: `the registry serves other bytes for ${spec} than the lock names.`,
    next: "do not install it: ask the package's authors what happened to this version.",
  });
}

async function installFolder({ homePaths, progress }: PrepareOptions, source: string): Promise<Installed> {
  const folder = sourceFolder(source, homePaths);
  progress(`copying ${folder}`);
  const hash = await addTree(homePaths, (target) => fillFromFolder(target, folder));
  const { version, command } = programIn(homePaths, hash, { source, shown: folder });
  const tree = { hash, packages: [] };
  return { source, kind: "path", version, integrity: null, tree, command, npmLock: null, notes: [] };
}

/** The repository as it is: what it needs beside must stand in it. */
async function installGit(options: PrepareOptions, source: string): Promise<Installed> {
  const { homePaths } = options;
  const { commit, files } = await fetchGit(source, options);
  const hash = await addTree(homePaths, (target) => fillFromGit(target, files));
  const { version, command, needs } = programIn(homePaths, hash, { source, shown: source });
  const exact = `${source.split("#")[0]}#${commit}`;
  const notes =
    needs > 0 ? [`its package.json names ${needs} packages; from git they are not installed beside it.`] : [];
  if (exact !== source) notes.unshift(`${oneLine(source, 200)} is commit ${commit} today; that is what was locked.`);
  const tree = { hash, packages: [] };
  return { source: exact, kind: "git", version, integrity: null, tree, command, commit, npmLock: null, notes };
}

async function fillFromGit(target: string, files: readonly SourceFile[]): Promise<null> {
  writeFiles(target, files);
  return null;
}

interface Program {
  readonly version: string | null;
  readonly command: readonly string[];
  readonly needs: number;
}

function programIn(home: SupplyHome, hash: string, of: { readonly source: string; readonly shown: string }): Program {
  const manifest = manifestOf(treeFolder(home, hash));
  const entry = entryOf(manifest, { source: of.source, mayUseMain: true });
  if (!existsSync(join(treeFolder(home, hash), entry))) {
    throw new Fault("supply.entry", {
      message: `${oneLine(of.shown, 200)} has no ${oneLine(entry, 200)}.`,
      next: 'correct "bin" in its package.json.',
    });
  }
  const { version, dependencies } = manifest;
  return {
    version: typeof version === "string" ? oneLine(version, 200) || null : null,
    command: commandOf(entry),
    needs: isObject(dependencies) ? Object.keys(dependencies).length : 0,
  };
}

function manifestOf(folder: string): JsonObject {
  const file = join(folder, "package.json");
  return existsSync(file) ? readManifest(readFileSync(file, "utf8")) : {};
}

/** npm's programs are scripts for Node, whatever their name; anything else is executed as it is. */
function commandOf(entry: string): readonly string[] {
  return SCRIPTS.includes(extname(entry)) || entry.startsWith("node_modules/") ? [NODE, entry] : [entry];
}

export interface InstallOptions extends NpmContext {
  readonly name: string;
  readonly locked: LockedServer;
}

/**
 * Brings a locked tree back, from the store or from its source, and checks that it is the locked one.
 * Throws Fault `supply.tree-differs` when the source no longer gives what the lock names.
 */
export async function installFromLock(options: InstallOptions): Promise<void> {
  const { name, locked, homePaths } = options;
  if (locked.tree === null || (await isSound(options))) return;
  const { packages } = locked.tree;
  let hash: string;
  switch (locked.kind) {
    case "remote":
    case "pypi":
    case "oci":
      return;
    case "git": {
      const { files } = await fetchGit(locked.source, options);
      hash = await addTree(homePaths, (target) => fillFromGit(target, files));
      break;
    }
    case "npm":
      await bringContent({ ...options, npm: null, packages });
      hash = await addTree(homePaths, (folder) => fillFromPackages(folder, { home: homePaths, packages }));
      break;
    case "path":
      hash = await addTree(homePaths, (target) => fillFromFolder(target, sourceFolder(locked.source, homePaths)));
      break;
    default:
      return unreachable(locked.kind);
  }
  if (hash === locked.tree.hash) return;
  const why =
    locked.kind === "path"
      ? "its folder has changed since"
      : "the packages do not make the locked tree (another platform?)";
  throw new Fault("supply.tree-differs", {
    message: `${name} cannot be put back as stack.lock names it: ${why}.`,
    next: `freehold add ${locked.source} --as ${name} makes a new lock entry for you to review.`,
  });
}

async function isSound(options: InstallOptions): Promise<boolean> {
  try {
    await verifyTree(options);
    return true;
  } catch (error) {
    // Missing or changed: that is what the caller is about to mend.
    if (error instanceof Fault) return false;
    throw error;
  }
}
