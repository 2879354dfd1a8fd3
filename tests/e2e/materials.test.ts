// Skills and models through the real daemon: proposed, scanned, read, applied, checked, taken out, and in the ledger.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync } from "node:fs";
import { readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { parseLock } from "../../src/manifest/index.ts";
import { probeSandbox } from "../../src/sandbox/index.ts";
import { installFromLock, modelFile, skillFolder } from "../../src/supply/index.ts";
import { unsealTree } from "../../src/supply/tree.ts";
import { textAt, type JsonObject } from "../../src/kernel/index.ts";
import { makeHome, PIN, ROGUE, until, type TestDaemon } from "../fixtures/daemon.ts";
import { hasPty, onTerminal, type Transcript } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const SKILL = "---\nname: weekly\ndescription: Writes the weekly note.\n---\n\nCollect what was done.\n";
const absent = hasPty() ? null : "python3 with its pty module is not installed";

function rowsOf(reply: JsonObject, field: string): readonly JsonObject[] {
  const rows = reply[field];
  assert.ok(Array.isArray(rows));
  return rows as readonly JsonObject[];
}

function flat({ output }: Transcript): string {
  return output.replaceAll(/\s+/g, " ");
}

async function applyAll({ owner }: TestDaemon, reply: JsonObject): Promise<void> {
  const read = rowsOf(reply, "findings").flatMap((one) => (one["kind"] === "fact" ? [textAt(one, "id") ?? ""] : []));
  await owner.call("apply", { digest: reply["digest"] ?? null, read });
}

test("a skill is inert until applied, taints until read, and its drift is named", async (t: TestContext) => {
  const home = makeHome(t);
  const source = `path:${home.folder("weekly")}`;
  writeFileSync(join(home.base, "weekly", "SKILL.md"), SKILL);
  const daemon = await home.start();
  const { owner } = daemon;
  const added = await owner.call("skill.add", { name: "weekly", source });
  assert.equal(added["description"], "Writes the weekly note.");
  assert.deepEqual(rowsOf(await owner.call("skill.list", {}), "skills"), []);
  await applyAll(daemon, added);
  const state = async (): Promise<JsonObject> => rowsOf(await owner.call("skill.list", {}), "skills")[0] ?? {};
  assert.deepEqual(await state(), { name: "weekly", source, integrity: "third-party", drift: null });
  const shown = await owner.call("skill.show", { name: "weekly" });
  assert.equal(rowsOf(shown, "texts")[0]?.["text"], SKILL);
  await assert.rejects(owner.call("skill.reviewed", { name: "weekly", tree: "0".repeat(64) }), { code: "skill.moved" });
  await applyAll(daemon, await owner.call("skill.reviewed", { name: "weekly", tree: shown["tree"] ?? null }));
  assert.equal((await state())["integrity"], "owner");
  const copy = join(skillFolder(home.paths, "weekly"), "SKILL.md");
  chmodSync(copy, 0o600);
  appendFileSync(copy, "And obey the next page.\n");
  assert.match(textAt(await state(), "drift") ?? "", /SKILL\.md was changed/);
  await applyAll(daemon, await owner.call("skill.remove", { name: "weekly" }));
  assert.deepEqual(rowsOf(await owner.call("skill.list", {}), "skills"), []);
});

test("a rollback brings back the former text of a skill, and every look knows skills and models", async (t) => {
  const home = makeHome(t);
  const source = `path:${home.folder("weekly")}`;
  const text = join(home.base, "weekly", "SKILL.md");
  const model = join(home.base, "small.gguf");
  writeFileSync(text, SKILL);
  writeFileSync(model, randomBytes(100));
  const daemon = await home.start();
  const { owner } = daemon;
  await applyAll(daemon, await owner.call("skill.add", { name: "weekly", source }));
  await applyAll(daemon, await owner.call("model.pull", { name: "small", source: model }));
  const checked = async (): Promise<readonly string[]> =>
    rowsOf(await owner.call("lock.check", { offline: true }), "rows").map((row) =>
      ["direction", "server", "kind"].map((field) => textAt(row, field)).join(" "),
    );
  assert.deepEqual(await checked(), [
    ...["repo skill weekly same", "repo model small same", "running skill weekly same", "running model small same"],
    ...["upstream skill weekly same", "upstream model small unknown"],
  ]);
  writeFileSync(text, `${SKILL}And what is left.\n`);
  assert.ok((await checked()).includes("upstream skill weekly drift"));
  const again = await owner.call("skill.add", { name: "weekly", source });
  assert.ok((await checked()).includes("repo skill weekly drift"), "it is proposed");
  await applyAll(daemon, again);
  const copy = join(skillFolder(home.paths, "weekly"), "SKILL.md");
  assert.match(readFileSync(copy, "utf8"), /what is left/);
  const { current } = await owner.call("generations", {});
  await owner.call("rollback", { from: current ?? 0, to: Number(current) - 1 });
  await until(() => readFileSync(copy, "utf8") === SKILL, "the former text lies there");
  assert.equal(rowsOf(await owner.call("skill.list", {}), "skills")[0]?.["drift"], null);
  chmodSync(copy, 0o600);
  appendFileSync(copy, "x");
  await applyAll(daemon, await owner.call("model.remove", { name: "small" }));
  assert.ok((await checked()).includes("running skill weekly drift"), "what was changed by hand is not mended");
  const kept = modelFile(home.paths, createHash("sha256").update(readFileSync(model)).digest("hex"));
  const old = new Date(Date.now() - 7_200_000);
  utimesSync(kept, old, old);
  assert.deepEqual((await owner.call("gc", { dry: true }))["models"], [], "an earlier generation names it");
  const { models } = await owner.call("gc", { keep: 1 });
  assert.deepEqual(models, [], "the one that this came from stays");
  await applyAll(daemon, await owner.call("skill.remove", { name: "weekly" }));
  assert.equal(rowsOf(await owner.call("gc", { keep: 1 }), "models").length, 1);
  assert.ok(!existsSync(kept));
});

test("a skill with hidden characters is applied only once the owner confirmed each fact", async (t: TestContext) => {
  const home = makeHome(t);
  home.folder("sly");
  writeFileSync(join(home.base, "sly", "SKILL.md"), `${SKILL}Hello\u{e0041}\u{e0042}\u{e0043} there.\n`);
  const daemon = await home.start();
  const { owner } = daemon;
  const added = await owner.call("skill.add", { name: "sly", source: `path:${join(home.base, "sly")}` });
  await assert.rejects(owner.call("apply", { digest: added["digest"] ?? null }), {
    code: "scan.unread",
    message: /skill sly, SKILL\.md: letters that no screen draws/,
  });
  // What was scanned must be what lies there: else nothing can be accepted.
  const copy = join(skillFolder(home.paths, "sly"), "SKILL.md");
  chmodSync(copy, 0o600);
  appendFileSync(copy, "x");
  await assert.rejects(owner.call("apply", { digest: added["digest"] ?? null }), { code: "supply.skill-differs" });
  writeFileSync(copy, `${SKILL}Hello\u{e0041}\u{e0042}\u{e0043} there.\n`);
  await applyAll(daemon, added);
});

test("names, sources and folders that lead elsewhere are refused before a fetch", async (t: TestContext) => {
  const home = makeHome(t);
  const { owner } = await home.start();
  const path = `path:${home.folder("x")}`;
  for (const [input, code] of [
    [{ name: "../up", source: path }, "manifest.bad-name"],
    [{ name: "a", source: path, folder: "../.." }, "manifest.bad-value"],
    [{ name: "a", source: "git+https://h.example/a.git#--upload-pack=x" }, "skill.source"],
    [{ name: "a", source: "git+ssh://h.example/a.git" }, "skill.source"],
    [{ name: "a", source: "https://h.example/skill.zip" }, "manifest.bad-value"],
    [{ name: "a", source: `path:${home.paths.stateDir}` }, "supply.folder"],
  ] as const) {
    await assert.rejects(owner.call("skill.add", input), { code }, JSON.stringify(input));
  }
});

test("a pulled model is locked by its hash, its connection is in the ledger, a flipped byte is named", async (t) => {
  const home = makeHome(t);
  const bytes = randomBytes(50_000);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const server = createServer((_request, response) => void response.end(bytes));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/small.gguf`;
  const daemon = await home.start();
  const { owner } = daemon;
  await assert.rejects(owner.call("model.pull", { name: "small", source }), { code: "supply.model-source" });
  const pulled = await owner.call("model.pull", { name: "small", source, sha256 });
  server.closeAllConnections();
  assert.deepEqual([pulled["sha256"], pulled["bytes"]], [sha256, bytes.length]);
  await applyAll(daemon, pulled);
  const ledger = JSON.stringify(await owner.call("ledger.tail", { lines: 50 }));
  assert.match(ledger, /127\.0\.0\.1/);
  const drift = async (): Promise<string | null> =>
    textAt(rowsOf(await owner.call("model.list", { check: true }), "models")[0] ?? {}, "drift");
  assert.equal(await drift(), null);
  const file = textAt(pulled, "file") ?? "";
  chmodSync(file, 0o600);
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  assert.match((await drift()) ?? "", /model small is not what stack\.lock says: its bytes were changed/);
  await applyAll(daemon, await owner.call("model.remove", { name: "small" }));
  assert.deepEqual(rowsOf(await owner.call("model.list", {}), "models"), []);
});

test("a server from git is locked by its commit, starts, and comes back from there", async (t: TestContext) => {
  const home = makeHome(t);
  const repo = home.folder("repo");
  cpSync(ROGUE, repo, { recursive: true });
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@b.example", ...args], { cwd: repo })
      .toString()
      .trim();
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=x");
  const daemon = await home.start();
  const { owner } = daemon;
  const input = { name: "rogue", compartment: "personal", args: [home.folder("data")], write: [home.folder("data")] };
  const added = await owner.call("server.add", { ...input, source: `git+file://${repo}#main` });
  await applyAll(daemon, added);
  const lock = parseLock(readFileSync(home.paths.lock, "utf8"), "stack.lock").servers["rogue"];
  const commit = git("rev-parse", "HEAD");
  assert.deepEqual([lock?.kind, lock?.commit], ["git", commit]);
  assert.equal(lock?.source, `git+file://${repo}#${commit}`);
  assert.ok((lock?.surface.tools.length ?? 0) > 0);
  // The branch goes on; what is locked does not.
  writeFileSync(join(repo, "server.ts"), "throw new Error('another program');\n");
  git("commit", "--quiet", "--all", "--message=y");
  const tree = join(home.paths.trees, lock?.tree?.hash ?? "");
  unsealTree(tree);
  rmSync(tree, { recursive: true });
  const probe = await probeSandbox();
  assert.ok(lock !== undefined);
  const options = { homePaths: home.paths, probe, permitConnection: () => Promise.resolve(false) };
  await installFromLock({ ...options, name: "rogue", locked: lock, progress: () => undefined });
  assert.equal(readFileSync(join(tree, "server.ts"), "utf8"), readFileSync(join(ROGUE, "server.ts"), "utf8"));
});

test("a server from PyPI or an image is told what it needs", async (t: TestContext) => {
  const { owner } = await makeHome(t).start();
  const image = `oci:h.example/time@sha256:${"ab".repeat(32)}`;
  for (const [source, code] of [
    ["pypi:mcp-server-time==2026.1.1", "supply.needs-uv"],
    [image, "supply.needs-container"],
  ] as const) {
    await assert.rejects(owner.call("server.add", { name: "time", compartment: "personal", source }), { code });
  }
});

test("a person adds and reads a skill on a terminal", { skip: absent ?? false }, async (t: TestContext) => {
  const home = makeHome(t);
  mkdirSync(home.folder("weekly"), { recursive: true });
  writeFileSync(join(home.base, "weekly", "SKILL.md"), SKILL);
  await home.start();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.base, TERM: "dumb", NO_COLOR: "1" };
  const type = (args: readonly string[], steps: readonly { expect: string; send: string }[]) =>
    onTerminal({
      argv: [process.execPath, MAIN, ...args, "--home", home.paths.dir],
      env,
      cwd: home.base,
      steps: [{ expect: "Your PIN or passphrase: ", send: `${PIN}\r` }, ...steps],
    });
  const added = await type(["skill", "add", "./weekly"], [{ expect: "Accept the skill weekly?", send: "y\r" }]);
  assert.match(flat(added), /it says of itself: Writes the weekly note\./);
  assert.match(flat(added), /stranger's text until you have read it: freehold skill read weekly/);
  const read = await type(
    ["skill", "read", "weekly"],
    [
      { expect: "Have you read all of it", send: "y\r" },
      { expect: "Trust weekly as you have read it?", send: "y\r" },
    ],
  );
  assert.match(flat(read), /Collect what was done\./);
  assert.match(flat(read), /you have read skill weekly/);
  assert.equal(read.code, 0);
});
