import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { homePaths, type HomePaths } from "../home/index.ts";
import { Fault } from "../kernel/index.ts";
import type { StackServer } from "../manifest/index.ts";
import { probeSandbox } from "../sandbox/index.ts";
import { practiceCalls } from "./practice-args.ts";
import { practise, type Practice } from "./practice.ts";
import { stageServer } from "./prepare.ts";

const probe = await probeSandbox();
const isCi = process.env["CI"] !== undefined;
const needs = { skip: probe.kind === "ready" || isCi ? false : "NOT TESTED: no working sandbox" };
const folder = mkdtempSync(join(tmpdir(), "practice-test-"));
after(() => {
  // Installed trees are read-only.
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const full = join(folder, path);
    if (lstatSync(full).isDirectory()) chmodSync(full, 0o700);
  }
  rmSync(folder, { recursive: true, force: true });
});

/** One tool, whose body may use fs, env and fetch; `on` runs for each message before it is answered. */
function serverCode(body: string, on: string): string {
  return `#!/usr/bin/env node
const fs = require("node:fs");
const tools = [{ name: "do", description: "x", inputSchema: { type: "object" } }];
let calls = 0;
require("node:readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  const say = (result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
  ${on};
  const error = { code: -32601, message: "Method not found" };
  if (method === "server/discover") console.log(JSON.stringify({ jsonrpc: "2.0", id, error }));
  if (method === "initialize") {
    const { protocolVersion } = params;
    say({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } });
  }
  if (method === "tools/list") say({ tools });
  if (method === "tools/call") {
    calls += 1;
    const found = await (async () => { ${body} })().catch((error) => String(error.cause?.code ?? error.code ?? error));
    say({ content: [{ type: "text", text: JSON.stringify(found) }] });
  }
});`;
}

let count = 0;
async function practice(
  { body, on = "" }: { readonly body: string; readonly on?: string },
  change: Partial<StackServer> = {},
): Promise<Practice> {
  const source = join(folder, `server-${(count += 1)}`);
  mkdirSync(source);
  writeFileSync(join(source, "package.json"), '{"name":"own","version":"0.1.0","bin":"server.js"}');
  writeFileSync(join(source, "server.js"), serverCode(body, on));
  const home: HomePaths = homePaths(join(folder, `home-${count}`));
  mkdirSync(home.stateDir, { recursive: true });
  const stackServer: StackServer = {
    ...{ source: `path:${source}`, connector: null, account: {}, args: [], env: {}, asks: [], compartment: "family" },
    secrets: { TOKEN: "secret:real" },
    sandbox: "none",
    ...change,
  };
  const shared = { probe, ownerHome: folder, permitConnection: async () => true };
  const staging = { ...shared, name: "s", homePaths: home, progress: () => undefined };
  const walled = {
    ...stackServer,
    sandbox: { read: [], write: [], network: "none", memoryMb: 256, pidsMax: 64 },
  } as const;
  const { locked } = await stageServer({ ...staging, stackServer: walled });
  const calls = practiceCalls(locked.surface, () => true);
  return practise({ ...shared, name: "s", locked, stackServer, calls, home, nowMs: Date.now(), timeoutMs: 5_000 });
}

function said({ answers }: Practice): unknown {
  const result = JSON.parse(answers[0]?.text ?? "null") as { content: readonly { text: string }[] };
  return JSON.parse(result.content[0]?.text ?? "null");
}

test(
  "a rehearsed server sees nothing of the owner's and no real secret, even where it has no walls",
  needs,
  async () => {
    const notes = join(folder, "notes");
    mkdirSync(notes);
    writeFileSync(join(notes, "private.txt"), "private");
    const isThere = `fs.existsSync(${JSON.stringify(notes)})`;
    const body = `return [process.env.TOKEN, ${isThere}, fs.readdirSync(process.argv[2]).sort()]`;
    const sandbox = { read: [notes], write: [notes], network: "none", memoryMb: 256, pidsMax: 64 } as const;
    const lent = ["freehold-rehearsal-without-a-secret", false, ["freehold.json", "freehold.txt", "more"]];
    assert.deepEqual(said(await practice({ body }, { args: [notes], sandbox })), lent);
    const open = `return fs.existsSync(${JSON.stringify(notes)})`;
    assert.equal(said(await practice({ body: open })), false);
  },
);

test("what it writes to its folders stays in the rehearsal", needs, async () => {
  const notes = join(folder, "kept");
  mkdirSync(notes);
  const body = 'fs.writeFileSync(process.argv[2] + "/new.txt", "x"); return fs.readdirSync(process.argv[2]).length';
  const sandbox = { read: [], write: [notes], network: "none", memoryMb: 256, pidsMax: 64 } as const;
  assert.equal(said(await practice({ body }, { args: [notes], sandbox })), 4);
  assert.deepEqual(readdirSync(notes), []);
});

test("no address of the network or this machine is reached, and each try is written down", needs, async () => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? "");
    response.end("real");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const url = `http://127.0.0.1:${port}/here`;
    const direct = `new Promise((done) => require("node:net").connect(${port}, "127.0.0.1")
      .on("connect", () => done("in")).on("error", (error) => done(error.code)))`;
    const body = `return [(await (await fetch(${JSON.stringify(url)})).text()).slice(0, 10), await ${direct}]`;
    const found = await practice({ body });
    assert.deepEqual(said(found), ['{"ok":true', "ECONNREFUSED"]);
    assert.deepEqual(hits, []);
    assert.equal(found.requests[0]?.path, "/here");
    assert.equal(found.requests[0]?.call, "do");
  } finally {
    server.close();
  }
});

test("an answer that is never the same is told from one that is", needs, async () => {
  assert.equal((await practice({ body: "return calls" })).answers[0]?.isSteady, false);
  assert.equal((await practice({ body: "return new Date()" })).answers[0]?.isSteady, true, "a time means nothing");
});

test(
  "a call that hangs costs its time alone, and a server that does not start is a fault with its words",
  needs,
  async () => {
    const silent = await practice({ body: "return new Promise(() => undefined)" });
    assert.equal(silent.answers[0]?.kind, "silent");
    const on = 'if (process.env.TZ) { console.error("not in rehearsals"); process.exit(3); }';
    await assert.rejects(practice({ body: "", on }), (error: unknown) => {
      assert.ok(error instanceof Fault && error.code === "supply.practice");
      return /not in rehearsals/.test(error.message);
    });
  },
);

test("nothing of a rehearsal is left on disk", needs, async () => {
  const left = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("freehold-rehearsal-"));
  const before = left();
  const { names } = await practice({ body: "return 1" });
  const place = names.find(([, name]) => name === "${scratch}")?.[0] ?? "";
  assert.ok(place.includes("freehold-rehearsal-"));
  assert.throws(() => readFileSync(join(place, "authority.pem")));
  assert.ok(left().length <= before.length + 1, "other rehearsals may run beside this one");
});
