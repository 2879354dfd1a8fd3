// The system's git on the stack home, by plumbing only. A file that the owner's programs can write must never make the
// daemon run something: no hooks, no filters, no signing, no configuration but the repository's own plain keys.

import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { assert, Fault, oneLine } from "../kernel/index.ts";

const TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const HEADS = "refs/heads/freehold/heads";
const RETRIES_MAX = 5;
const ZERO = "0".repeat(40);

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export const FREEHOLD_IDENTITY: Identity = { name: "Freehold", email: "freehold@localhost" };

interface GitCall {
  readonly dir: string;
  readonly args: readonly string[];
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

type GitAnswer = { readonly ok: true; readonly out: Buffer } | { readonly ok: false; readonly reason: string };

const SAFE = [
  ...["core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgSign=false", "gc.auto=0", "core.autocrlf=false"],
  ...["core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "maintenance.auto=false", "core.pager=cat"],
];

function run(call: GitCall): GitAnswer {
  const { PATH = "/usr/local/bin:/usr/bin:/bin" } = process.env;
  // The daemon may run under another user than the files' owner; the folder is named by whoever started it.
  const config = [...SAFE, `safe.directory=${call.dir}`].flatMap((pair) => ["-c", pair]);
  const done = spawnSync("git", [...config, ...call.args], {
    cwd: call.dir,
    env: {
      PATH,
      HOME: call.dir,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CEILING_DIRECTORIES: join(call.dir, ".."),
      ...call.env,
    },
    input: call.input ?? "",
    timeout: TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (done.error !== undefined) {
    if ("code" in done.error && done.error.code === "ENOENT" && existsSync(call.dir)) throw gitMissing(done.error);
    return { ok: false, reason: done.error.message };
  }
  if (done.status === 0) return { ok: true, out: done.stdout };
  return { ok: false, reason: oneLine(done.stderr.toString("utf8").trim(), 300) };
}

function gitMissing(cause: unknown): Fault {
  return new Fault("home.git-missing", {
    message: "git is not installed, and the stack home is a git repository.",
    next: "sudo apt-get install git (macOS: xcode-select --install)",
    cause,
  });
}

function git(call: GitCall): string {
  const answer = run(call);
  if (answer.ok) return answer.out.toString("utf8").trim();
  throw new Fault("home.git-failed", {
    at: call.dir,
    message: `git ${call.args[0] ?? ""} failed: ${answer.reason}.`,
    next: "git fsck, and free space on the disk",
  });
}

export function isRepository(dir: string): boolean {
  return existsSync(join(dir, ".git"));
}

export function initRepository(dir: string): void {
  git({ dir, args: ["init", "--quiet", "--template=", "--initial-branch=main"] });
}

export interface Commit {
  readonly message: string;
  /** Relative to the home; a path that is not there any more is removed from the tree. */
  readonly paths: readonly string[];
  readonly identity?: Identity;
}

/** Commits these paths alone on the present branch; what else is staged stays staged. Null when nothing changed. */
export function commitHome(dir: string, commit: Commit): string | null {
  for (const path of commit.paths) {
    assert(!path.startsWith("/") && !path.split("/").includes("..") && !/[\n\t\0]/.test(path), "path outside the home");
  }
  for (let attempt = 1; ; attempt += 1) {
    const done = commitOnce(dir, commit);
    if (done.kind === "done") return done.id;
    if (attempt === RETRIES_MAX) {
      const message = `the commit cannot be put on the branch: ${done.reason}.`;
      throw new Fault("home.git-busy", { at: dir, message, next: "Try again when no other git runs here." });
    }
  }
}

type Committed =
  | { readonly kind: "done"; readonly id: string | null }
  | { readonly kind: "moved"; readonly reason: string };

function commitOnce(dir: string, commit: Commit): Committed {
  const parent = revision(dir, "HEAD");
  const env = { GIT_INDEX_FILE: join(dir, ".git", `freehold-index-${process.pid}`) };
  const entries = commit.paths.map((path) => indexEntry(dir, path)).join("");
  try {
    git({ dir, env, args: parent === null ? ["read-tree", "--empty"] : ["read-tree", parent] });
    git({ dir, env, args: ["update-index", "--index-info"], input: entries });
    const tree = git({ dir, env, args: ["write-tree"] });
    if (parent !== null && tree === git({ dir, args: ["rev-parse", `${parent}^{tree}`] })) {
      return { kind: "done", id: null };
    }
    const id = commitTree(dir, { tree, parent, message: commit.message, identity: commit.identity });
    const moved = run({ dir, args: ["update-ref", "HEAD", id, parent ?? ZERO] });
    if (!moved.ok) return { kind: "moved", reason: moved.reason };
    // The work tree's own index follows, so that `git status` does not show the commit as undone.
    run({ dir, args: ["update-index", "--index-info"], input: entries });
    return { kind: "done", id };
  } finally {
    rmSync(env.GIT_INDEX_FILE, { force: true });
    rmSync(`${env.GIT_INDEX_FILE}.lock`, { force: true });
  }
}

function commitTree(
  dir: string,
  commit: { tree: string; parent: string | null; message: string; identity?: Identity | undefined },
): string {
  const { name, email } = commit.identity ?? FREEHOLD_IDENTITY;
  const env = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email };
  const parents = commit.parent === null ? [] : ["-p", commit.parent];
  return git({ dir, env, args: ["commit-tree", commit.tree, ...parents], input: commit.message });
}

/** One line for `update-index --index-info`; without filters, so that no configured program sees the bytes. */
function indexEntry(dir: string, path: string): string {
  const info = lstatSync(join(dir, path), { throwIfNoEntry: false });
  if (info === undefined) return `0 ${ZERO}\t${path}\n`;
  if (!info.isFile()) throw new Fault("home.not-a-file", { at: path, message: "only plain files are committed." });
  const blob = git({ dir, args: ["hash-object", "-w", "--no-filters", "--", path] });
  return `${(info.mode & 0o100) === 0 ? "100644" : "100755"} ${blob}\t${path}\n`;
}

/** The commit that the present branch stands at; null before the first. */
export function homeHead(dir: string): string | null {
  return revision(dir, "HEAD");
}

function revision(dir: string, name: string): string | null {
  const answer = run({ dir, args: ["rev-parse", "--verify", "--quiet", `${name}^{commit}`] });
  return answer.ok ? answer.out.toString("utf8").trim() : null;
}

/** Puts a signed head of the ledger on the branch `freehold/heads`; the work tree and its branch are not touched. */
export function appendHead(dir: string, text: string): string {
  const blob = git({ dir, args: ["hash-object", "-w", "--stdin", "--no-filters"], input: text });
  const tree = git({ dir, args: ["mktree"], input: `100644 blob ${blob}\thead\n` });
  for (let attempt = 0; attempt < RETRIES_MAX; attempt += 1) {
    const parent = revision(dir, HEADS);
    const id = commitTree(dir, { tree, parent, message: "Anchor a head of the ledger" });
    if (run({ dir, args: ["update-ref", HEADS, id, parent ?? ZERO] }).ok) return id;
  }
  throw new Fault("home.git-busy", { at: dir, message: "another program keeps writing to the branch freehold/heads." });
}

/** Oldest first. Empty when there is none yet. */
export function readHeads(dir: string): readonly string[] {
  if (revision(dir, HEADS) === null) return [];
  const commits = git({ dir, args: ["rev-list", "--reverse", HEADS] }).split("\n");
  const answer = run({ dir, args: ["cat-file", "--batch"], input: commits.map((id) => `${id}:head\n`).join("") });
  if (!answer.ok) throw new Fault("home.git-failed", { at: dir, message: `heads cannot be read: ${answer.reason}.` });
  return blobsOf(answer.out);
}

/** `<id> blob <size>\n<bytes>\n` for each; a commit without a head file is not ours and is left out. */
function blobsOf(out: Buffer): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < out.length;) {
    const lineEnd = out.indexOf(10, at);
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(out.subarray(at, lineEnd).toString("utf8"))?.[1];
    if (size !== undefined) texts.push(out.subarray(lineEnd + 1, lineEnd + 1 + Number(size)).toString("utf8"));
    at = size === undefined ? lineEnd + 1 : lineEnd + 2 + Number(size);
  }
  return texts;
}
