import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { openRegistry } from "../../tests/fixtures/npm-registry.ts";
import { homePaths } from "../home/index.ts";
import type { LockedSkill, StackSkill } from "../manifest/index.ts";
import { probeSandbox } from "../sandbox/index.ts";
import {
  fetchSkill,
  readSkill,
  removeSkill,
  skillFolder,
  skillStates,
  verifySkill,
  type SkillRequest,
} from "./skills.ts";
import { unsealTree } from "./tree.ts";

const SKILL = "---\nname: weekly\ndescription: Writes the weekly note.\n---\n\nCollect what was done.\n";

interface Place {
  readonly base: string;
  readonly write: (path: string, text: string) => void;
  readonly request: (source: string, folder?: string) => SkillRequest;
}

async function place(t: TestContext): Promise<Place> {
  const base = mkdtempSync(join(tmpdir(), "freehold-skills-"));
  const home = homePaths(join(base, "home"));
  mkdirSync(home.stateDir, { recursive: true });
  t.after(() => {
    unsealTree(base);
    rmSync(base, { recursive: true, force: true });
  });
  const probe = await probeSandbox();
  const write: Place["write"] = (path, text) => {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  };
  const request: Place["request"] = (source, folder) => ({
    name: "weekly",
    source,
    folder: folder ?? null,
    homePaths: home,
    probe,
    permitConnection: () => Promise.resolve(false),
    progress: () => undefined,
  });
  return { base, write, request };
}

function known(locked: LockedSkill, reviewed: string | null): Parameters<typeof readSkill>[2] {
  const skill: StackSkill = { source: locked.source, folder: null, reviewed };
  return { stack: { skills: { weekly: skill } }, lock: { skills: { weekly: locked } } };
}

test("a skill from a folder is scanned, hashed and copied read-only, and taints until it is read", async (t) => {
  const { base, write, request } = await place(t);
  write("mine/SKILL.md", SKILL);
  write("mine/scripts/run.sh", "#!/bin/sh\necho done\n");
  const given = request(`path:${join(base, "mine")}`);
  const { locked, scan } = await fetchSkill(given);
  assert.deepEqual([locked.kind, locked.commit, locked.integrity], ["path", null, null]);
  assert.equal(scan.name, "weekly");
  const copy = skillFolder(given.homePaths, "weekly");
  assert.equal(readFileSync(join(copy, "SKILL.md"), "utf8"), SKILL);
  assert.equal(lstatSync(join(copy, "SKILL.md")).mode & 0o222, 0);
  assert.equal(lstatSync(copy).mode & 0o222, 0);
  const unread = readSkill(given.homePaths, "weekly", known(locked, null));
  assert.deepEqual(unread, { text: SKILL, integrity: "third-party" });
  assert.equal(readSkill(given.homePaths, "weekly", known(locked, locked.tree)).integrity, "owner");
  // Having read another tree is not having read this one.
  assert.equal(readSkill(given.homePaths, "weekly", known(locked, "0".repeat(64))).integrity, "third-party");
});

test("a later edit of the source changes nothing until it is added again, and then it counts as unread", async (t) => {
  const { base, write, request } = await place(t);
  write("mine/SKILL.md", SKILL);
  const given = request(`path:${join(base, "mine")}`);
  const { locked } = await fetchSkill(given);
  write("mine/SKILL.md", `${SKILL}And send it to all.\n`);
  assert.equal(readSkill(given.homePaths, "weekly", known(locked, null)).text, SKILL);
  const again = await fetchSkill(given);
  assert.notEqual(again.locked.tree, locked.tree);
  const states = skillStates(given.homePaths, known(again.locked, locked.tree));
  assert.deepEqual(states, [{ name: "weekly", source: locked.source, integrity: "third-party", drift: null }]);
});

test("a changed, added or missing file of a skill is named, and nothing of it is given out", async (t) => {
  const { base, write, request } = await place(t);
  write("mine/SKILL.md", SKILL);
  write("mine/more.md", "more\n");
  const given = request(`path:${join(base, "mine")}`);
  const { locked } = await fetchSkill(given);
  const home = given.homePaths;
  const copy = skillFolder(home, "weekly");
  unsealTree(copy);
  appendFileSync(join(copy, "more.md"), "!");
  const verify = (): void => verifySkill({ name: "weekly", locked, home });
  const rejected = (message: RegExp): void => assert.throws(verify, { code: "supply.skill-differs", message });
  rejected(/more\.md was changed/);
  assert.throws(() => readSkill(home, "weekly", known(locked, null)), { code: "supply.skill-differs" });
  writeFileSync(join(copy, "more.md"), "more\n");
  writeFileSync(join(copy, "new.md"), "x");
  rejected(/new\.md was added/);
  rmSync(join(copy, "new.md"));
  chmodSync(join(copy, "more.md"), 0o755);
  rejected(/more\.md was changed/);
  rmSync(join(copy, "more.md"));
  rejected(/more\.md is missing/);
  const [state] = skillStates(home, known(locked, null));
  assert.match(state?.drift ?? "", /more\.md is missing/);
  removeSkill(home, "weekly");
  assert.throws(verify, { code: "supply.skill-missing" });
});

test("a skill from npm is its package alone, pinned by its sha512, and one that leads out is refused", async (t) => {
  const { request } = await place(t);
  const registry = await openRegistry({ withPinned: false });
  const config = process.env["npm_config_registry"];
  process.env["npm_config_registry"] = registry.url;
  t.after(() => {
    registry.close();
    if (config === undefined) delete process.env["npm_config_registry"];
    else process.env["npm_config_registry"] = config;
  });
  const files = [{ path: "package/skills/weekly/SKILL.md", content: SKILL }];
  registry.publish({ name: "helper", version: "1.0.0" }, []);
  const manifest = { name: "my-skills", version: "1.2.3", dependencies: { helper: "1.0.0" } };
  const integrity = registry.publish(manifest, files);
  const permitted = { permitConnection: () => Promise.resolve(true) };
  const given = { ...request("npm:my-skills", "skills/weekly"), ...permitted };
  const { locked } = await fetchSkill(given);
  assert.deepEqual(
    { ...locked, tree: "" },
    { source: "npm:my-skills@1.2.3", kind: "npm", version: "1.2.3", integrity, commit: null, tree: "" },
  );
  assert.deepEqual(readdirSync(skillFolder(given.homePaths, "weekly")), ["SKILL.md"]);
  for (const [name, entry] of [
    ["up", { path: "package/../../SKILL.md", content: SKILL }],
    ["root", { path: "/etc/SKILL.md", content: SKILL }],
    ["link", { path: "package/SKILL.md", type: "2", link: "/etc/hosts" }],
  ] as const) {
    registry.publish({ name, version: "1.0.0" }, [entry]);
    const bad = { ...request(`npm:${name}@1.0.0`), ...permitted };
    await assert.rejects(fetchSkill(bad), { code: "supply.archive" }, name);
  }
});

test("a skill from git is pinned to its commit, and only the named folder comes", async (t) => {
  const { base, write, request } = await place(t);
  write("repo/skills/weekly/SKILL.md", SKILL);
  write("repo/other.md", "other\n");
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@b.example", ...args], {
      cwd: join(base, "repo"),
      encoding: "utf8",
    }).trim();
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=x");
  const head = git("rev-parse", "HEAD");
  const given = request(`git+file://${join(base, "repo")}#main`, "skills/weekly");
  const { locked } = await fetchSkill(given);
  assert.deepEqual([locked.kind, locked.commit], ["git", head]);
  assert.equal(locked.source, `git+file://${join(base, "repo")}#${head}`);
  assert.deepEqual(readdirSync(skillFolder(given.homePaths, "weekly")), ["SKILL.md"]);
});

test("links out, a folder without SKILL.md and one that is too large are refused, and nothing is left", async (t) => {
  const { base, write, request } = await place(t);
  write("out/SKILL.md", SKILL);
  symlinkSync("../secret", join(base, "out", "up"));
  write("absolute/SKILL.md", SKILL);
  symlinkSync("/etc/hosts", join(base, "absolute", "hosts"));
  write("none/README.md", "no skill\n");
  write("large/SKILL.md", SKILL);
  write("large/blob", "");
  truncateSync(join(base, "large", "blob"), 65 * 1_048_576);
  for (const [name, code] of [
    ["out", "supply.folder"],
    ["absolute", "supply.folder"],
    ["none", "supply.skill"],
    ["large", "supply.skill"],
  ] as const) {
    const given = request(`path:${join(base, name)}`);
    await assert.rejects(fetchSkill(given), { code }, name);
    assert.deepEqual(readdirSync(join(given.homePaths.dir, "skills")), [], name);
  }
  await assert.rejects(fetchSkill(request("ftp://x")), { code: "supply.source" });
  await assert.rejects(fetchSkill(request("git+https://h.example/a.git#--upload-pack=x")), { code: "supply.source" });
});

test("a refused skill leaves the one that was there as it was", async (t) => {
  const { base, write, request } = await place(t);
  write("mine/SKILL.md", SKILL);
  const given = request(`path:${join(base, "mine")}`);
  const { locked } = await fetchSkill(given);
  rmSync(join(base, "mine", "SKILL.md"));
  await assert.rejects(fetchSkill(given), { code: "supply.skill" });
  verifySkill({ name: "weekly", locked, home: given.homePaths });
});
