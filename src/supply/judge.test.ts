import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { judgeCode, type JudgedCode } from "./judge.ts";

async function judged(files: Readonly<Record<string, string | Buffer>>, links: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "freehold-judge-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
    const first = await judgeCode(folder);
    assert.deepEqual(await judgeCode(folder), first, "the same files give the same verdict");
    return first;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function says({ reasons }: JudgedCode, verdict: string): string {
  return reasons
    .filter((reason) => reason.verdict === verdict)
    .map((reason) => reason.says)
    .join("\n");
}

const MANIFEST = JSON.stringify({ name: "tidy", dependencies: { zod: "4.6.7" } });

test("a short pure function can be shipped", async () => {
  const result = await judged({ "sum.ts": "export const sum = (a: number, b: number): number => a + b;\n" });
  assert.equal(result.verdict, "ship");
  assert.deepEqual(result.reasons, []);
  assert.equal(result.readingMinutes, 1);
});

test("code that reads files is to be skimmed, and the file is named", async () => {
  const result = await judged({
    "a.ts": 'import { readFileSync } from "node:fs";\nexport const x = readFileSync("x");\n',
  });
  assert.equal(result.verdict, "skim");
  assert.match(says(result, "skim"), /fs in a\.ts/);
});

test("other programs, made code and the network ask for a careful read, in JavaScript, Python and shell", async () => {
  const result = await judged({
    "run.mjs": 'import { exec } from "node:child_process";\nexec("ls");\nawait fetch("https://api.weather.net/x");\n',
    "job.py": "import subprocess, pickle\nimport requests\neval(input())\npickle.loads(b'')\n",
    "go.sh": "#!/bin/sh\ncurl -s localhost\n",
  });
  assert.equal(result.verdict, "audit");
  const audits = says(result, "audit");
  for (const part of [
    /child_process in go\.sh, job\.py, run\.mjs/,
    /eval in job\.py/,
    /unpickling in job\.py/,
    /fetch in run\.mjs/,
    /http in go\.sh, job\.py/,
    /api\.weather\.net/,
  ]) {
    assert.match(audits, part);
  }
});

test("an install script blocks", async () => {
  const manifest = JSON.stringify({ scripts: { postinstall: "node setup.js" } });
  const result = await judged({ "package.json": manifest });
  assert.equal(result.verdict, "block");
  assert.match(says(result, "block"), /package\.json: postinstall runs when it is installed/);
});

test("a package that a model made up is named, since nobody declared it", async () => {
  const code = 'import { z } from "zod";\nimport helper from "@acme/made-up";\nexport default helper(z);\n';
  const result = await judged({ "package.json": MANIFEST, "index.ts": code });
  assert.match(says(result, "audit"), /@acme\/made-up \(index\.ts\) is imported and declared nowhere/);
  assert.doesNotMatch(says(result, "audit"), /zod/);
});

test("a dependency in no exact version floats without a lock and is held by one", async () => {
  const manifest = JSON.stringify({ dependencies: { zod: "^4.0.0" } });
  assert.match(
    says(await judged({ "package.json": manifest }), "audit"),
    /zod \^4\.0\.0 is needed in no exact version/,
  );
  const lock = JSON.stringify({ packages: { "": {}, "node_modules/zod": { version: "4.6.7" } } });
  const held = await judged({ "package.json": manifest, "package-lock.json": lock });
  assert.equal(held.verdict, "skim");
  assert.match(says(held, "skim"), /zod \^4\.0\.0; 1 locked in all/);
  assert.match(says(await judged({ "requirements.txt": "requests\nflask==3.0.0\n" }), "audit"), /^requests is needed/);
});

test("a dependency from git and a name that imitates another are told", async () => {
  const manifest = JSON.stringify({ dependencies: { mine: "git+https://x.example/a.git", expresss: "1.0.0" } });
  const result = await judged({ "package.json": manifest });
  assert.match(says(result, "audit"), /mine git\+https\S+ comes from outside the registry/);
  assert.match(says(result, "block"), /expresss 1\.0\.0 imitates/);
});

test("a key in the code blocks, and a place of secrets is named", async () => {
  const key = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
  const result = await judged({
    "config.ts": `export const token = "${key}";\n`,
    ".env": "A=1\n",
    ".env.example": "A=\n",
  });
  assert.equal(result.verdict, "block");
  assert.match(says(result, "block"), /config\.ts:1: what looks like a real key/);
  assert.match(says(result, "audit"), /^\.env is a place of secrets$/m);
});

test("links that lead out block; what cannot be read is told and not judged harmless", async () => {
  const result = await judged(
    { "tool.bin": Buffer.from([0, 1, 2, 3]), "min.js": `x(${"1+".repeat(1_500)}1)\n` },
    { out: "../elsewhere", inner: "min.js", absolute: "/etc/hosts" },
  );
  assert.match(says(result, "block"), /^absolute, out lead out of the folder$/m);
  assert.match(says(result, "audit"), /tool\.bin is nothing that can be read/);
  assert.match(says(result, "audit"), /min\.js holds lines that no person reads/);
});

test("the size is told in minutes, and installed packages and locks do not count", async () => {
  const lines = "export {};\n".repeat(500);
  const result = await judged({ "a.ts": lines, "node_modules/x/index.js": "eval(1)\n".repeat(900) });
  assert.equal(result.readingMinutes, 75);
  assert.match(says(result, "audit"), /500 lines: about 75 min to read/);
  assert.deepEqual(Object.keys(result.capabilities), []);
});

test("a path that is not there is refused with its name", async () => {
  await assert.rejects(judgeCode("/nowhere/at/all"), { code: "judge.path" });
});
