import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { homePaths } from "../home/index.ts";
import { gitSource } from "../manifest/index.ts";
import { probeSandbox } from "../sandbox/index.ts";
import { fetchGit, type GitContext } from "./git-source.ts";

interface Place {
  readonly base: string;
  readonly context: GitContext;
  readonly git: (...args: readonly string[]) => string;
  readonly commit: (files: Readonly<Record<string, string>>) => string;
}

async function place(t: TestContext): Promise<Place> {
  const base = mkdtempSync(join(tmpdir(), "freehold-git-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const repo = join(base, "repo");
  mkdirSync(repo);
  const identity = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always"];
  const git = (...args: readonly string[]): string =>
    execFileSync("git", [...identity, ...args], {
      cwd: repo,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  git("init", "--quiet", "--initial-branch=main");
  const home = homePaths(join(base, "home"));
  mkdirSync(home.stateDir, { recursive: true });
  const asked = (): Promise<boolean> => Promise.resolve(false);
  return {
    base,
    context: { homePaths: home, probe: await probeSandbox(), permitConnection: asked, progress: () => undefined },
    git,
    commit(files) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(repo, path)), { recursive: true });
        writeFileSync(join(repo, path), content);
      }
      git("add", "--all");
      git("commit", "--quiet", "--message=x");
      return git("rev-parse", "HEAD");
    },
  };
}

test("the files of a commit come out with mode and links, and a branch becomes its commit", async (t) => {
  const { base, context, commit, git } = await place(t);
  writeFileSync(join(base, "repo", "run.sh"), "#!/bin/sh\n");
  chmodSync(join(base, "repo", "run.sh"), 0o755);
  symlinkSync("docs/a.md", join(base, "repo", "link"));
  const first = commit({ "SKILL.md": "one\n", "docs/a.md": "a\n" });
  const second = commit({ "SKILL.md": "two\n" });
  git("tag", "v1", first);
  const url = `git+file://${join(base, "repo")}`;
  const newest = await fetchGit(`${url}#main`, context);
  assert.equal(newest.commit, second);
  const files = new Map(newest.files.map(({ path, kind, content }) => [path, `${kind} ${content.toString()}`]));
  assert.equal(files.get("SKILL.md"), "file two\n");
  assert.equal(files.get("run.sh"), "executable #!/bin/sh\n");
  assert.equal(files.get("link"), "link docs/a.md");
  assert.equal((await fetchGit(`${url}#v1`, context)).commit, first);
  assert.equal((await fetchGit(url, context)).commit, second);
  // An older commit that no branch ends at.
  const old = await fetchGit(`${url}#${first}`, context);
  assert.equal(old.commit, first);
  assert.equal(old.files.find(({ path }) => path === "SKILL.md")?.content.toString(), "one\n");
});

test("no hook, filter or attribute of a repository acts on what is read", async (t) => {
  const { base, context, commit, git } = await place(t);
  const mark = join(base, "mark");
  for (const hook of ["post-checkout", "reference-transaction", "post-update", "pre-receive"]) {
    const file = join(base, "repo", ".git", "hooks", hook);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
  }
  git("config", "filter.evil.smudge", `touch ${mark}`);
  git("config", "uploadpack.packObjectsHook", `touch ${mark}`);
  const id = commit({ ".gitattributes": "* filter=evil export-subst ident\n", "a.txt": "$Id$ $Format:%H$\n" });
  rmSync(mark, { force: true });
  const { files } = await fetchGit(`git+file://${join(base, "repo")}#${id}`, context);
  assert.equal(files.find(({ path }) => path === "a.txt")?.content.toString(), "$Id$ $Format:%H$\n");
  assert.equal(existsSync(mark), false);
});

test("a submodule and paths that lead out are refused by name", async (t) => {
  const { base, context, commit, git } = await place(t);
  const id = commit({ "a.txt": "a\n" });
  git("update-index", "--add", "--cacheinfo", `160000,${id},lib`);
  git("commit", "--quiet", "--message=with a submodule");
  const url = `git+file://${join(base, "repo")}`;
  await assert.rejects(fetchGit(url, context), { code: "supply.git", message: /lib is another repository/ });
  const blob = git("rev-parse", "HEAD:a.txt");
  for (const name of ["..", ".git"]) {
    // mktree checks nothing, so it makes what a hostile server may serve.
    const tree = spawnSync("git", ["mktree"], { cwd: join(base, "repo"), input: `100644 blob ${blob}\t${name}\n` });
    const bad = git("commit-tree", tree.stdout.toString().trim(), "-m", "bad");
    git("branch", "--force", "bad", bad);
    await assert.rejects(fetchGit(`${url}#bad`, context), { code: "supply.git" }, name);
  }
});

test("a repository or commit that is not there is refused in git's words", async (t) => {
  const { base, context, commit } = await place(t);
  commit({ "a.txt": "a\n" });
  const url = `git+file://${join(base, "repo")}`;
  await assert.rejects(fetchGit(`${url}#nowhere`, context), { code: "supply.git", message: /nowhere/ });
  await assert.rejects(fetchGit(`${url}#${"0".repeat(39)}1`, context), { code: "supply.git" });
});

test("options, other transports, passwords and strange references are no git source", async (t) => {
  for (const source of [
    "git+--upload-pack=touch /tmp/x",
    "git+https://-oProxyCommand=x/repo.git",
    "git+https://host.example/--upload-pack=x",
    "git+https://host.example/repo.git#--upload-pack=touch",
    "git+https://host.example/repo.git#-x",
    "git+https://host.example/repo.git#a..b",
    "git+https://host.example/repo.git#HEAD:path",
    "git+https://host.example/re po.git",
    "git+https://host.example/$(touch x).git",
    "git+https://ada:word@host.example/repo.git",
    "git+http://host.example/repo.git",
    "git+ssh://git@host.example/repo.git",
    "git+ext::sh -c touch% /tmp/x",
    "git+https://host.example/repo.git?x=1",
  ]) {
    assert.notEqual(gitSource(source), null, source);
    const { context } = await place(t);
    await assert.rejects(fetchGit(source, context), { code: "supply.source" }, source);
  }
  assert.equal(gitSource("git+https://host.example/a/repo.git#v1.2.3"), null);
});

test("without permission for its host nothing is connected", async (t) => {
  const { context } = await place(t);
  await assert.rejects(fetchGit("git+https://host.example/repo.git", context), { code: "supply.git" });
});
