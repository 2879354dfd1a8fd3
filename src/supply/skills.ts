// Skills: texts for a model. Fetched as a server's source is, scanned, and copied read-only to skills/NAME in the home.
// A skill has no rights of its own, nothing of it is run here, and what is unread is a stranger's text.

import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureDir, writeAtomic } from "../home/index.ts";
import { Fault, oneLine, sha256, type Integrity } from "../kernel/index.ts";
import { splitNpm, type LockedSkill, type Stack, type StackLock } from "../manifest/index.ts";
import { listFiles } from "./build-to-run.ts";
import { readContent } from "./content.ts";
import { fillFromFolder, sourceFolder } from "./folder.ts";
import { fetchGit } from "./git-source.ts";
import { openNpm, type NpmContext } from "./npm.ts";
import { addTree } from "./install.ts";
import { treeFolder, type SupplyHome } from "./places.ts";
import { bringContent } from "./prepare.ts";
import { packagesOf, thisMachine } from "./resolve.ts";
import { scanSkill, type SkillScan } from "./scan-skill.ts";
import { filesBelow, writeFiles, type SourceFile } from "./source-files.ts";
import { readPackage } from "./tar.ts";
import { firstDifference, listTree, sealTree, unsealTree, walk } from "./tree.ts";

const FILES_MAX = 2_000;
const BYTES_MAX = 64 * 1_048_576;
const TEXT_BYTES_MAX = 1_048_576;
const MAIN = "SKILL.md";

export interface SkillRequest extends NpmContext {
  readonly name: string;
  readonly source: string;
  /** Within the source. */
  readonly folder: string | null;
}

export interface FetchedSkill {
  /** `source` is exact, also where the given one was not. */
  readonly locked: LockedSkill;
  readonly scan: SkillScan;
}

type Home = Pick<SupplyHome, "dir" | "store">;

export function skillFolder(home: Pick<SupplyHome, "dir">, name: string): string {
  return join(home.dir, "skills", name);
}

export function listingPlace(home: Pick<SupplyHome, "store">, tree: string): string {
  return join(home.store, "skills", `${tree}.files`);
}

/** Throws Fault `supply.skill` for what is no skill, too large or leads out, or a fault of its source. */
export async function fetchSkill(request: SkillRequest): Promise<FetchedSkill> {
  const { homePaths: home, name } = request;
  const skills = join(home.dir, "skills");
  mkdirSync(skills, { recursive: true });
  const staging = join(skills, `.new-${randomUUID()}`);
  mkdirSync(staging);
  try {
    const origin = await fill(staging, request);
    checkShape(staging, name);
    const scan = scanSkill(staging);
    const listing = await listTree(staging);
    const tree = sha256(listing);
    ensureDir(join(home.store, "skills"), 0o700);
    writeAtomic(listingPlace(home, tree), listing, 0o400);
    sealTree(staging);
    await keepCopy(home, staging);
    const place = skillFolder(home, name);
    remove(place);
    renameSync(staging, place);
    return { locked: { ...origin, tree }, scan };
  } finally {
    remove(staging);
  }
}

/** Among the trees, so that a rollback finds it. */
async function keepCopy(home: SupplyHome, from: string): Promise<void> {
  await addTree(home, (folder) => fillFromFolder(folder, from));
}

/**
 * Puts the locked files of a skill there, from the copy that was kept, where another version of it lies or nothing.
 * Files that somebody changed are left: `verifySkill` names them, and nothing is mended silently. True when all is as
 * locked.
 */
export async function restoreSkill(
  options: Parameters<typeof verifySkill>[0] & { readonly home: SupplyHome },
): Promise<boolean> {
  const { name, locked, home } = options;
  if (skillDrift(options) === null) return true;
  const kept = treeFolder(home, locked.tree);
  const present = skillFolder(home, name);
  const isThere = lstatSync(present, { throwIfNoEntry: false }) !== undefined;
  if (isThere && !existsSync(treeFolder(home, sha256(listFiles(present))))) return false;
  if (!existsSync(kept)) return false;
  const skills = join(home.dir, "skills");
  mkdirSync(skills, { recursive: true });
  const staging = join(skills, `.new-${randomUUID()}`);
  mkdirSync(staging);
  try {
    await fillFromFolder(staging, kept);
    if (sha256(await listTree(staging)) !== locked.tree) return false;
    sealTree(staging);
    const place = skillFolder(home, name);
    remove(place);
    renameSync(staging, place);
    return true;
  } finally {
    remove(staging);
  }
}

async function fill(staging: string, request: SkillRequest): Promise<Omit<LockedSkill, "tree">> {
  const { source, folder, homePaths } = request;
  const nothing = { version: null, integrity: null, commit: null };
  if (source.startsWith("path:")) {
    const from = sourceFolder(source, homePaths);
    // A link on the way to the folder would open another place than the one that was named.
    const inner = folder === null ? from : sourceFolder(`path:${join(from, folder)}`, homePaths);
    if (inner !== join(from, folder ?? "")) throw refused(request.name, "its folder is reached by a link");
    await fillFromFolder(staging, inner);
    return { source, kind: "path", ...nothing };
  }
  if (source.startsWith("git+")) {
    const { commit, files } = await fetchGit(source, request);
    writeFiles(staging, filesBelow(files, folder));
    return { ...nothing, source: `${source.split("#")[0]}#${commit}`, kind: "git", commit };
  }
  if (source.startsWith("npm:")) return fillFromNpm(staging, request);
  throw new Fault("supply.source", {
    message: `${oneLine(source, 200)} is no place that a skill comes from.`,
    next: "write npm:name@1.2.3, git+https://…#commit or path:./folder.",
  });
}

/** The package alone: a skill is text, and what its package depends on is not part of it. */
async function fillFromNpm(staging: string, request: SkillRequest): Promise<Omit<LockedSkill, "tree">> {
  const { source, folder, homePaths: home, progress } = request;
  const { name, version } = splitNpm(source);
  const npm = await openNpm(request);
  progress(`resolving ${name}`);
  const resolved = packagesOf(await npm.resolve(`${name}@${version ?? "latest"}`), name, thisMachine());
  const own = resolved.packages.find((item) => item.path === `node_modules/${name}`);
  if (own === undefined) throw refused(request.name, `npm resolved ${name} to nothing`);
  await bringContent({ ...request, npm, packages: [own] });
  const files = await readPackage(`${name}@${own.version}`, readContent(home, own));
  const plain = files.map(({ path, mode, content }): SourceFile => ({
    path,
    content,
    kind: (mode & 0o111) === 0 ? "file" : "executable",
  }));
  writeFiles(staging, filesBelow(plain, folder));
  const { integrity } = own;
  return { source: `npm:${name}@${own.version}`, kind: "npm", version: own.version, integrity, commit: null };
}

function checkShape(staging: string, name: string): void {
  if (!existsSync(join(staging, MAIN)) || !lstatSync(join(staging, MAIN)).isFile()) {
    throw refused(name, `there is no ${MAIN} at its top (--folder names one within the source)`);
  }
  const files = walk(staging).filter(({ kind }) => kind === "file");
  const bytes = files.reduce((sum, { path }) => sum + lstatSync(join(staging, path)).size, 0);
  if (files.length > FILES_MAX) throw refused(name, `it holds more than ${FILES_MAX} files`);
  if (bytes > BYTES_MAX) throw refused(name, `it is larger than ${BYTES_MAX} bytes`);
}

export function removeSkill(home: Pick<SupplyHome, "dir">, name: string): void {
  remove(skillFolder(home, name));
}

function remove(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return;
  if (lstatSync(folder).isDirectory()) unsealTree(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Throws Fault `supply.skill-missing`, or `supply.skill-differs`, which names the first file that is not as locked. */
export function verifySkill(options: {
  readonly name: string;
  readonly locked: LockedSkill;
  readonly home: Home;
}): void {
  const { name, locked, home } = options;
  const at = skillFolder(home, name);
  const next = `freehold skill add ${locked.source} --as ${name} fetches it again.`;
  if (!lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Fault("supply.skill-missing", { at, message: `skill ${name} is locked and not there.`, next });
  }
  const listing = listFiles(at);
  if (sha256(listing) === locked.tree) return;
  const kept = listingPlace(home, locked.tree);
  const known = existsSync(kept) ? readFileSync(kept, "utf8") : "";
  const what =
    sha256(known) === locked.tree ? firstDifference(known, listing) : "its list of files is lost, so none can be named";
  throw new Fault("supply.skill-differs", { at, message: `skill ${name} is not what stack.lock says: ${what}.`, next });
}

export interface SkillState {
  readonly name: string;
  readonly source: string;
  /** Of its texts wherever they go: a stranger's, until the owner has read this very tree. */
  readonly integrity: Integrity;
  /** Why it cannot be used; null when every file is as locked. */
  readonly drift: string | null;
}

type Known = { readonly stack: Pick<Stack, "skills">; readonly lock: Pick<StackLock, "skills"> };

export function skillStates(home: Home, { stack, lock }: Known): readonly SkillState[] {
  return Object.entries(stack.skills ?? {}).map(([name, skill]) => {
    const locked = lock.skills?.[name];
    const integrity = integrityOf(skill.reviewed, locked);
    const drift = locked === undefined ? "it is in no stack.lock" : skillDrift({ name, locked, home });
    return { name, source: skill.source, integrity, drift };
  });
}

function integrityOf(reviewed: string | null, locked: LockedSkill | undefined): Integrity {
  return reviewed !== null && reviewed === locked?.tree ? "owner" : "third-party";
}

/** Why it cannot be used; null when every file is as locked. */
export function skillDrift(options: Parameters<typeof verifySkill>[0]): string | null {
  try {
    verifySkill(options);
    return null;
  } catch (error) {
    // What differs is the answer here; anything else is not expected.
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

export interface SkillText {
  readonly text: string;
  readonly integrity: Integrity;
}

/** What a model may be given, with the integrity that its session takes on. Checked against the lock first. */
export function readSkill(home: Home, name: string, { stack, lock }: Known): SkillText {
  const [skill, locked] = [stack.skills?.[name], lock.skills?.[name]];
  if (skill === undefined || locked === undefined) throw refused(name, "it is not declared and locked");
  verifySkill({ name, locked, home });
  const file = join(skillFolder(home, name), MAIN);
  if (lstatSync(file).size > TEXT_BYTES_MAX) throw refused(name, `its ${MAIN} is larger than ${TEXT_BYTES_MAX} bytes`);
  return { text: readFileSync(file, "utf8"), integrity: integrityOf(skill.reviewed, locked) };
}

function refused(name: string, reason: string): Fault {
  const next = "a skill is a folder with a SKILL.md, 2,000 files and 64 MB at most.";
  return new Fault("supply.skill", { message: `skill ${oneLine(name, 60)} is refused: ${reason}.`, next });
}
