import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { Client as Client2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { startToy, type Toy } from "../../tests/fixtures/toy-endpoint.ts";
import type { JsonObject } from "../kernel/index.ts";
import { runShim, type ShimOptions } from "./stdio-shim.ts";

const SHIM = fileURLToPath(new URL("../../tests/fixtures/shim-cli.ts", import.meta.url));
const INFO = { name: "official", version: "1" };
const HELLO: JsonObject = {
  jsonrpc: "2.0",
  id: "hello",
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: INFO },
};

interface Running {
  say(...messages: readonly (JsonObject | string)[]): void;
  /** The next message on stdout. */
  hear(): Promise<JsonObject>;
  readonly warnings: string[];
  end(): Promise<number>;
}

function start(target: ShimOptions["target"], token = "ada-token"): Running {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const warnings: string[] = [];
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      warnings.push(String(chunk));
      done();
    },
  });
  const code = runShim({ stdin, stdout, stderr, target, token });
  const lines = linesOf(stdout);
  return {
    say(...messages) {
      const texts = messages.map((message) => (typeof message === "string" ? message : JSON.stringify(message)));
      stdin.write(texts.map((text) => `${text}\n`).join(""));
    },
    async hear() {
      const { value } = await lines.next();
      return JSON.parse(String(value)) as JsonObject;
    },
    warnings,
    end() {
      stdin.end();
      return code;
    },
  };
}

async function* linesOf(stream: PassThrough): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function toyFor(context: TestContext, port?: number): Promise<Toy> {
  const toy = await startToy({}, port);
  context.after(() => toy.close());
  return toy;
}

function call(id: string | number, name: string, meta?: JsonObject): JsonObject {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, ...(meta === undefined ? {} : { _meta: meta }) } };
}

test("the official clients list, call and see progress through the shim, both eras", async (context) => {
  const toy = await toyFor(context);
  const args = [SHIM, toy.url, "ada-token"];
  const old = new Client1(INFO);
  context.after(() => old.close());
  await old.connect(new Stdio1({ command: process.execPath, args }));
  assert.equal((await old.listTools()).tools.length, 3);
  // Both forget progress that comes in one read with the answer, so it is not counted here.
  assert.match(
    JSON.stringify(await old.callTool({ name: "steps" }, undefined, { onprogress: () => undefined })),
    /stepped/,
  );
  await old.close();
  while (!toy.events.includes("closed ada")) await fetch(toy.url).then((answer) => answer.text());
  const fresh = new Client2(INFO, { versionNegotiation: { mode: "auto" } });
  context.after(() => fresh.close());
  await fresh.connect(new Stdio2({ command: process.execPath, args }));
  assert.equal(fresh.getProtocolEra(), "modern");
  assert.equal((await fresh.listTools()).tools.length, 3);
  assert.match(JSON.stringify(await fresh.callTool({ name: "größe", arguments: { a: "ü" } })), /ü/);
  const stop = new AbortController();
  const rejected = assert.rejects(fresh.callTool({ name: "wait" }, { signal: stop.signal }));
  while (!toy.events.includes("waiting")) await fresh.listTools();
  stop.abort();
  await rejected;
  while (!toy.events.includes("cancelled")) await fresh.listTools();
  await fresh.close();
  const ids = new Set(toy.seen.map((seen) => seen.wire.id));
  assert.equal(ids.size, 2);
  assert.ok(!ids.has("stateless"));
});

test("ids stay, calls run side by side, changes are passed on, the session is deleted at the end", async (context) => {
  const toy = await toyFor(context);
  const shim = start({ kind: "url", url: toy.url });
  shim.say(HELLO);
  assert.equal((await shim.hear())["id"], "hello");
  shim.say({ jsonrpc: "2.0", method: "notifications/initialized" }, call("w", "wait"), call(1, "echo"));
  assert.equal((await shim.hear())["id"], 1);
  shim.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "w" } });
  assert.equal((await shim.hear())["id"], "w");
  const tick = setInterval(() => toy.endpoint.notify(() => true, "notifications/tools/list_changed", {}), 1);
  assert.equal((await shim.hear())["method"], "notifications/tools/list_changed");
  clearInterval(tick);
  assert.equal(await shim.end(), 0);
  assert.ok(toy.events.includes("closed ada"));
  assert.deepEqual(shim.warnings, []);
});

test("answers that are under way when the input ends are still printed", async (context) => {
  const toy = await toyFor(context);
  const shim = start({ kind: "url", url: toy.url });
  shim.say(HELLO);
  await shim.hear();
  shim.say(call(1, "steps", { progressToken: 9 }));
  const code = shim.end();
  const heard = [await shim.hear(), await shim.hear(), await shim.hear(), await shim.hear()];
  assert.equal(heard[3]?.["id"], 1);
  assert.equal(await code, 0);
});

test("malformed input is answered by the daemon's own words", async (context) => {
  const toy = await toyFor(context);
  const shim = start({ kind: "url", url: toy.url });
  shim.say('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', "{");
  const heard = JSON.stringify([await shim.hear(), await shim.hear()]);
  assert.match(heard, /-32600/);
  assert.match(heard, /-32700/);
  await shim.end();
});

test("without a daemon a request is told what to do, and the next one after its start works", async (context) => {
  const first = await startToy();
  const { url, port } = first;
  await first.close();
  const shim = start({ kind: "url", url });
  shim.say(HELLO, { jsonrpc: "2.0", method: "notifications/initialized" });
  assert.match(JSON.stringify(await shim.hear()), /"id":"hello".*Freehold is not running. Next: freehold start/);
  shim.say(call(1, "echo"));
  assert.match(JSON.stringify(await shim.hear()), /"id":1.*freehold start/);
  assert.deepEqual(shim.warnings, ["freehold: Freehold is not running. Next: freehold start\n"]);
  await toyFor(context, port);
  shim.say(call(2, "echo"));
  const heard = [await shim.hear(), await shim.hear(), await shim.hear(), await shim.hear()];
  assert.ok(heard.some((message) => message["id"] === 2 && "result" in message));
  assert.ok(heard.some((message) => message["method"] === "notifications/tools/list_changed"));
  assert.equal(await shim.end(), 0);
});

test("a restarted daemon gets a new session without the agent's help", async (context) => {
  const first = await startToy();
  const shim = start({ kind: "url", url: first.url });
  shim.say(HELLO);
  await shim.hear();
  shim.say(call(1, "wait"));
  while (!first.events.includes("waiting")) await fetch(first.url).then((answer) => answer.text());
  await first.close();
  const broken = JSON.stringify(await shim.hear());
  assert.match(broken, /"id":1/);
  const second = await toyFor(context, first.port);
  // The ends of the old connections are noticed before the answer to this.
  await fetch(second.url).then((answer) => answer.text());
  shim.say(call(2, "echo"), call(3, "echo"));
  const results = new Set<unknown>();
  while (!results.has(2) || !results.has(3)) {
    const message = await shim.hear();
    if ("result" in message) results.add(message["id"]);
    else assert.match(JSON.stringify(message), /list_changed/);
  }
  assert.equal(second.events.filter((event) => event.startsWith("opened")).length, 1);
  await shim.end();
});

test("a daemon that dies in a call is not asked a second time", async () => {
  let asked = 0;
  const server = createServer((request) => {
    asked += 1;
    request.socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const shim = start({ kind: "url", url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp` });
  shim.say(call(1, "echo"));
  assert.match(JSON.stringify(await shim.hear()), /may or may not have run/);
  assert.equal(asked, 1);
  await shim.end();
  server.close();
});

test("over a Unix socket nothing but the path is needed", async (context) => {
  const toy = await toyFor(context);
  const directory = await mkdtemp(join(tmpdir(), "freehold-shim-"));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "mcp.sock");
  const server = createServer((request, response) => toy.endpoint.handle(request, response)).listen(path);
  await once(server, "listening");
  context.after(() => server.close());
  const shim = start({ kind: "socket", path });
  shim.say(HELLO);
  assert.ok("result" in (await shim.hear()));
  await shim.end();
});

test("a wrong token is said on stderr, and a foreign address never gets the token", async (context) => {
  const toy = await toyFor(context);
  const shim = start({ kind: "url", url: toy.url }, "eve");
  shim.say(HELLO);
  assert.ok("error" in (await shim.hear()));
  assert.match(shim.warnings.join(""), /freehold connect/);
  await shim.end();
  for (const url of [
    "http://example.org/mcp",
    "https://127.0.0.1/mcp",
    "http://127.0.0.1.example.org/mcp",
    "nonsense",
  ]) {
    const foreign = start({ kind: "url", url });
    assert.equal(await foreign.end(), 1);
    assert.match(foreign.warnings.join(""), /not on this machine/);
  }
});

test("the shim loads nothing but Node's own modules", async () => {
  for (const file of ["stdio-shim.ts", "shim-lines.ts"]) {
    const source = await readFile(new URL(file, import.meta.url), "utf8");
    const imported = [...source.matchAll(/from "([^"]+)"/g)].map(([, name = ""]) => name);
    assert.ok(imported.every((name) => name.startsWith("node:") || name === "./shim-lines.ts"));
  }
});
