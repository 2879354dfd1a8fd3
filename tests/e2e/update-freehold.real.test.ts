// Freehold's own update, as a person does it on a terminal: the built program, one with a newer schema, one that
// does not start, one that starts only on trial, and the way back.

import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { connectControl } from "../../src/control/index.ts";
import { homePaths, type HomePaths } from "../../src/home/index.ts";
import { isObject, type JsonObject } from "../../src/kernel/index.ts";
import { removeTree } from "../fixtures/daemon.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PIN = "482913";
const ASK_PIN: Typing = { expect: "Your PIN or passphrase: ", send: `${PIN}\r` };
const absent = hasPty() ? false : "python3 with its pty module is not installed";
const unbuilt = existsSync(join(ROOT, "dist", "cli", "main.js")) ? false : "dist is not built";

interface Stage {
  readonly base: string;
  readonly home: HomePaths;
  readonly run: (args: readonly string[], steps?: readonly Typing[]) => Promise<Transcript>;
  readonly status: () => Promise<JsonObject>;
  /** A copy of the built program, changed: text by file, and what takes its place. */
  readonly build: (version: string, changes?: Readonly<Record<string, readonly [string | RegExp, string]>>) => string;
}

async function stage(t: TestContext): Promise<Stage> {
  const base = mkdtempSync(join(tmpdir(), "fh-self-"));
  const home = homePaths(join(base, "home"));
  // What is installed is a copy too: other tests build anew meanwhile.
  const installed = build({ base, name: "installed", version: "0.1.0" });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: base,
    TERM: "dumb",
    NO_COLOR: "1",
    FREEHOLD_PORT: "0",
    FREEHOLD_HOME: home.dir,
  };
  const run = (args: readonly string[], steps: readonly Typing[] = []): Promise<Transcript> =>
    onTerminal({ argv: [process.execPath, join(installed, "dist", "cli", "main.js"), ...args], env, cwd: base, steps });
  t.after(async () => {
    await run(["shutdown"]);
    removeTree(base);
  });
  const began = await run(["start", "--json"]);
  assert.equal(began.code, 0, began.output);
  const control = await connectControl(home.controlSocket);
  await control.call("owner.enrol", { secret: PIN });
  control.close();
  return {
    base,
    home,
    run,
    async status() {
      const now = await connectControl(home.controlSocket);
      const status = await now.call("status", {});
      now.close();
      return status;
    },
    build: (version, changes = {}) => build({ base, name: `freehold-${version}`, version, changes }),
  };
}

interface BuildOptions {
  readonly base: string;
  readonly name: string;
  readonly version: string;
  readonly changes?: Readonly<Record<string, readonly [string | RegExp, string]>>;
}

function build({ base, name, version, changes = {} }: BuildOptions): string {
  const folder = join(base, name);
  mkdirSync(folder);
  cpSync(join(ROOT, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(ROOT, "package-lock.json"), join(folder, "package-lock.json"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.ok(isObject(manifest));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, version }));
  const marked = { "dist/daemon/random.js": [/^/, `// ${version}\n`] as const, ...changes };
  for (const [path, [from, to]] of Object.entries(marked)) {
    const text = readFileSync(join(folder, path), "utf8");
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, path);
    writeFileSync(join(folder, path), changed);
  }
  return folder;
}

const NEWER_SCHEMA = {
  "dist/store/schema.js": [
    "export const SCHEMA_VERSION",
    'MIGRATIONS.push("CREATE TABLE drafts (id INTEGER PRIMARY KEY, text TEXT) STRICT");\nexport const SCHEMA_VERSION',
  ],
} as const;

const SWITCH: Typing = { expect: "Switch to it? [y/N] ", send: "y\r" };

test(
  "an update of Freehold migrates the state, and a rollback restores code and state",
  { skip: absent || unbuilt },
  async (t) => {
    const { home, run, status, build: newBuild } = await stage(t);
    const schema = schemaOf(home);
    const from = newBuild("0.2.0", NEWER_SCHEMA);
    const ran = await run(["update", "freehold", "--from", from], [ASK_PIN, SWITCH]);
    assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
    assert.match(ran.output, /Freehold 0\.1\.0 -> 0\.2\.0/);
    assert.match(ran.output, /in the sandbox, without network.*ready in \d+ ms/);
    assert.match(ran.output, /Freehold 0\.2\.0 runs: generation 3\. Back to 2: freehold rollback/);
    const after = await status();
    assert.deepEqual([after["version"], after["generation"]], ["0.2.0", 3]);
    assert.equal(schemaOf(home), schema + 1);
    const version = await run(["--version"]);
    assert.match(version.output, /0\.2\.0/, "its commands are the new ones as well");
    insertDraft(home);

    const back = await run(["rollback"], [{ expect: "Go back to generation 2? [y/N] ", send: "y\r" }, ASK_PIN]);
    assert.deepEqual([back.missed, back.code], [null, 0], back.output);
    assert.match(back.output, /Lost to the older Freehold: 1 row of drafts\./);
    assert.match(back.output, /Generation 2 holds now, and Freehold 0\.1\.0 runs\. Barred[^\n]*freehold\./s);
    const restored = await status();
    assert.deepEqual([restored["version"], restored["generation"]], ["0.1.0", 2]);
    assert.equal(schemaOf(home), schema);
    assert.equal(readdirSync(join(home.stateDir, "left")).length, 1, "the newer state is kept whole");
    const verified = await run(["ledger", "verify", "--json"]);
    assert.match(verified.output, /"kind":"good"/);
    assert.match((await run(["status"])).output, /barred +freehold@0\.2\.0/);

    const again = await run(["update", "freehold", "--from", from], [ASK_PIN]);
    assert.equal(again.code, 1, again.output);
    assert.match(again.output, /is barred: rolled back from generation 3/);
    assert.equal((await run(["unbar", "freehold"], [ASK_PIN])).code, 0);
    const third = await run(["update", "freehold", "--from", from], [ASK_PIN, SWITCH]);
    assert.match(third.output, /Freehold 0\.2\.0 runs/);
  },
);

test(
  "a Freehold that does not start on a copy of the state is refused, and nothing changes",
  { skip: absent || unbuilt },
  async (t) => {
    const { home, run, status, build: newBuild } = await stage(t);
    const broken = newBuild("0.3.0", { "dist/daemon/compose.js": [/^/, 'throw new Error("no such luck");\n'] });
    const pointer = readFileSync(join(home.generations, "current"), "utf8");
    const ran = await run(["update", "freehold", "--from", broken], [ASK_PIN]);
    assert.equal(ran.code, 1, ran.output);
    assert.match(ran.output, /0\.3\.0 does not start on a copy of your state.*no such luck/s);
    const unbuiltFolder = newBuild("0.4.0");
    removeTree(join(unbuiltFolder, "dist", "cli"));
    assert.match(
      (await run(["update", "freehold", "--from", unbuiltFolder], [ASK_PIN])).output,
      /no dist\/cli\/main\.js/,
    );
    assert.match((await run(["update", "freehold", "--from", "/nowhere"], [ASK_PIN])).output, /there is nothing/);
    assert.equal(readFileSync(join(home.generations, "current"), "utf8"), pointer);
    assert.equal((await status())["version"], "0.1.0");
    assert.deepEqual(readdirSync(join(home.stateDir, "t")), [], "nothing of the trial stays");
  },
);

test(
  "a Freehold that was fine on trial and is not ready in earnest is left by itself",
  { skip: absent || unbuilt },
  async (t) => {
    const { run, status, build: newBuild } = await stage(t);
    const sly = newBuild("0.5.0", {
      ...NEWER_SCHEMA,
      "dist/daemon/listen.js": [
        "export async function openListeners(",
        'if (!process.env.FREEHOLD_BUILD) throw new Error("only on trial");\nexport async function openListeners(',
      ],
    });
    const ran = await run(["update", "freehold", "--from", sly], [ASK_PIN, SWITCH]);
    assert.equal(ran.code, 1, ran.output);
    assert.match(ran.output, /Freehold 0\.5\.0 was not ready, so 0\.1\.0 runs again/);
    const now = await status();
    assert.equal(now["version"], "0.1.0");
    assert.match(JSON.stringify(now["barred"]), /freehold@0\.5\.0.*not ready at its first start/);
    assert.match((await run(["ledger", "tail", "--json"])).output, /"subject":"(?:freehold|rollback)"/);
  },
);

function schemaOf(home: HomePaths): number {
  const database = new DatabaseSync(home.database, { readOnly: true });
  const row = database.prepare("PRAGMA user_version").get();
  database.close();
  return Number(row?.["user_version"]);
}

function insertDraft(home: HomePaths): void {
  const database = new DatabaseSync(home.database, { timeout: 2_000 });
  database.exec("INSERT INTO drafts (text) VALUES ('a')");
  database.close();
}
