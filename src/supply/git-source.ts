// Files of one commit from a git repository, by the system's git in the sandbox. Nothing is checked out: names and
// bytes are read out of the objects, so that no hook, filter, attribute or submodule of the repository can act.

import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ensureDir } from "../home/index.ts";
import { Fault, oneLine } from "../kernel/index.ts";
import { splitGit } from "../manifest/index.ts";
import { startSandboxed } from "../sandbox/index.ts";
import type { NpmContext } from "./npm.ts";
import { plainPath, refuseTwins, type SourceFile } from "./source-files.ts";

const FETCH_TIMEOUT_MS = 300_000;
const OUTPUT_BYTES_MAX = 268_435_456;
const FILES_MAX = 20_000;
const ENTRY = /^(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t([\s\S]+)$/;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Where what was fetched stands, in a repository that lives for one fetch. */
const FETCHED = "refs/freehold/fetched";

export interface GitFiles {
  readonly commit: string;
  readonly files: readonly SourceFile[];
}

export type GitContext = Pick<NpmContext, "homePaths" | "probe" | "permitConnection" | "progress">;

interface Repository {
  readonly context: GitContext;
  readonly git: string;
  readonly url: string;
  readonly work: string;
}

/** Throws Fault `supply.git` with git's own words, or `supply.source` for an address that may not be fetched. */
export async function fetchGit(source: string, context: GitContext): Promise<GitFiles> {
  const place = splitGit(source);
  if (place === null) {
    const message = `${oneLine(source, 200)} is no git source that may be fetched.`;
    throw new Fault("supply.source", { message, next: "write git+https://host/path#commit." });
  }
  const git = findGit();
  ensureDir(context.homePaths.store, 0o700);
  const work = mkdtempSync(join(context.homePaths.store, "git-"));
  try {
    // A repository of another user is nothing that git reads by itself; here nothing of it can run.
    writeFileSync(join(work, "config"), "[safe]\n\tdirectory = *\n");
    const repository: Repository = { context, git, work, url: place.url };
    context.progress(`fetching ${oneLine(place.url, 200)}`);
    await runGit(repository, ["init", "--quiet", "--bare", "--template=", "it.git"]);
    await fetchRef(repository, place.ref ?? "HEAD");
    const named = place.ref !== null && COMMIT.test(place.ref) ? place.ref : FETCHED;
    const commit = (await runGit(repository, ["rev-parse", "--verify", "--quiet", `${named}^{commit}`]))
      .toString()
      .trim();
    return { commit, files: await filesOf(repository, commit) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** One commit alone where the server gives it; else all branches and tags, as a plain server only gives those. */
async function fetchRef(repository: Repository, ref: string): Promise<void> {
  const { url } = repository;
  const fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
  try {
    await runGit(repository, [...fetch, "--depth=1", "--", url, `+${ref}:${FETCHED}`]);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "supply.git" || !COMMIT.test(ref)) throw error;
    await runGit(repository, [
      ...fetch,
      "--",
      url,
      "+refs/heads/*:refs/freehold/h/*",
      "+refs/tags/*:refs/freehold/t/*",
    ]);
  }
}

async function filesOf(repository: Repository, commit: string): Promise<readonly SourceFile[]> {
  const listed = (await runGit(repository, ["ls-tree", "-r", "-z", "--long", "--full-tree", commit])).toString("utf8");
  const entries = listed.split("\0").filter(Boolean);
  if (entries.length > FILES_MAX) throw refused(`the commit holds more than ${FILES_MAX} files`);
  const wanted = entries.map((line) => {
    const [, mode = "", , id = "", , path = ""] = ENTRY.exec(line) ?? [];
    const problem = plainPath(path);
    if (problem !== null) throw refused(`the path ${oneLine(path, 120)} ${problem}`);
    if (mode === "160000") throw refused(`${oneLine(path, 120)} is another repository (a submodule)`);
    return { path, id, mode };
  });
  refuseTwins(wanted, refused);
  if (wanted.length === 0) return [];
  const bytes = await runGit(repository, ["cat-file", "--batch"], wanted.map(({ id }) => `${id}\n`).join(""));
  const files: SourceFile[] = [];
  let at = 0;
  for (const { path, mode, id } of wanted) {
    const lineEnd = bytes.indexOf(10, at);
    const size = new RegExp(`^${id} blob (\\d+)$`).exec(bytes.toString("latin1", at, lineEnd))?.[1];
    if (size === undefined) throw refused(`${oneLine(path, 120)} is missing in the repository`);
    const content = bytes.subarray(lineEnd + 1, lineEnd + 1 + Number(size));
    files.push({ path, content, kind: mode === "120000" ? "link" : mode === "100755" ? "executable" : "file" });
    at = lineEnd + 2 + Number(size);
  }
  return files;
}

function findGit(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const found = [...folders, "/usr/bin"].map((folder) => join(folder, "git")).find((file) => existsSync(file));
  if (found !== undefined) return realpathSync(found);
  throw new Fault("supply.no-git", { message: "git is not installed.", next: "sudo apt-get install git" });
}

async function runGit(repository: Repository, args: readonly string[], input = ""): Promise<Buffer> {
  const { context, work, git, url } = repository;
  const { probe, permitConnection } = context;
  const isFetch = args[0] === "fetch";
  const isLocal = url.startsWith("file:");
  const { hostname, port } = new URL(url);
  const network = isFetch && !isLocal ? [`${hostname}:${port || 443}`] : ("none" as const);
  if (probe.kind === "absent" && network !== "none") {
    const target = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) };
    if (!(await permitConnection(target))) throw refused(`a connection to ${hostname} was not permitted`);
  }
  const child = await startSandboxed({
    name: "git",
    spec: {
      read: isLocal ? [fileURLToPath(url)] : [],
      write: [work],
      network,
      memoryMb: 1_024,
      pidsMax: 64,
      // The owner's own git may run as it is where nothing else can; it checks nothing out and runs nothing of theirs.
      off: probe.kind === "absent",
    },
    command: [git, ...(args[0] === "init" ? [] : ["--git-dir=it.git"]), ...args],
    cwd: work,
    env: {
      HOME: work,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: join(work, "config"),
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "/bin/false",
      GIT_ALLOW_PROTOCOL: "https:file",
      ...(process.env["GIT_SSL_CAINFO"] === undefined ? {} : { GIT_SSL_CAINFO: process.env["GIT_SSL_CAINFO"] }),
    },
    probe,
    permitConnection,
    protect: [],
  });
  const timer = setTimeout(() => void child.stop(), FETCH_TIMEOUT_MS);
  child.stdin.end(input);
  const [out, errors, { code, reason }] = await Promise.all([
    bytesOf(child.stdout, OUTPUT_BYTES_MAX),
    bytesOf(child.stderr, 16_384),
    child.exited,
  ]);
  clearTimeout(timer);
  if (code !== 0) throw refused(reason ?? (oneLine(errors.toString("utf8").trim(), 400) || `it ended with ${code}`));
  if (out.length >= OUTPUT_BYTES_MAX) throw refused("it is larger than 256 MB");
  return out;
}

/** What is beyond the limit is read and left out, so that the child can end. */
async function bytesOf(stream: Readable, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue;
    if (size < max) chunks.push(chunk.subarray(0, max - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

function refused(reason: string): Fault {
  const next = "check the address and the commit; a submodule or a strange path is the authors' to remove.";
  return new Fault("supply.git", { message: `the repository is refused: ${reason}.`, next });
}
