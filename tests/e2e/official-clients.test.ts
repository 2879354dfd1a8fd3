// The official SDK clients, of both major versions and both eras, against a real server through the real gateway.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { isObject } from "../../src/kernel/index.ts";
import { addClient, makeHome, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";
import { missingPackages, openRegistry } from "../fixtures/npm-registry.ts";

const INFO = { name: "official", version: "1" };
const CLI = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const SERVER = "npm:@modelcontextprotocol/server-filesystem@2026.1.14";

interface Given {
  readonly daemon: TestDaemon;
  readonly home: TestHome;
  readonly token: string;
}

/** What the test needs of any of them. */
interface Official {
  names(): Promise<readonly string[]>;
  call(name: string, args: Record<string, unknown>): Promise<Answer>;
  read(): { readonly era: string };
  close(): Promise<void>;
}

interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: unknown;
}

function answerOf(result: unknown): Answer {
  assert.ok(isObject(result));
  const content = Array.isArray(result["content"]) ? result["content"].filter(isObject) : [];
  const text = content.map((item) => (typeof item["text"] === "string" ? item["text"] : "")).join("\n");
  return { isError: result["isError"] === true, text, structured: result["structuredContent"] };
}

function shim({ home, token }: Given): { command: string; args: string[]; env: Record<string, string> } {
  const env = { FREEHOLD_TOKEN: token, NODE_NO_WARNINGS: "1", PATH: process.env["PATH"] ?? "" };
  return { command: process.execPath, args: [CLI, "mcp", "--home", home.paths.dir], env };
}

async function first(given: Given, way: "http" | "stdio"): Promise<Official> {
  const requestInit = { headers: { authorization: `Bearer ${given.token}` } };
  const transport =
    way === "http" ? new Http1(new URL(`${given.daemon.url}mcp`), { requestInit }) : new Stdio1(shim(given));
  const client = new Client1(INFO);
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await client.connect(transport);
  return {
    names: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args) => answerOf(await client.callTool({ name, arguments: args })),
    read: () => ({ era: "legacy" }),
    close: () => client.close(),
  };
}

async function second(given: Given, way: "http" | "stdio", mode: "auto" | "legacy"): Promise<Official> {
  const requestInit = { headers: { authorization: `Bearer ${given.token}` } };
  const transport =
    way === "http" ? new Http2(new URL(`${given.daemon.url}mcp`), { requestInit }) : new Stdio2(shim(given));
  const client = new Client2(INFO, mode === "auto" ? { versionNegotiation: { mode } } : {});
  await client.connect(transport);
  return {
    names: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args) => answerOf(await client.callTool({ name, arguments: args })),
    read: () => ({ era: String(client.getProtocolEra()) }),
    close: () => client.close(),
  };
}

const CASES = [
  { name: "1.x over HTTP", era: "legacy", open: (given: Given) => first(given, "http") },
  { name: "1.x over stdio", era: "legacy", open: (given: Given) => first(given, "stdio") },
  { name: "2.x over HTTP, 2025-11-25", era: "legacy", open: (given: Given) => second(given, "http", "legacy") },
  { name: "2.x over HTTP, 2026-07-28", era: "modern", open: (given: Given) => second(given, "http", "auto") },
  { name: "2.x over stdio, 2025-11-25", era: "legacy", open: (given: Given) => second(given, "stdio", "legacy") },
  { name: "2.x over stdio, 2026-07-28", era: "modern", open: (given: Given) => second(given, "stdio", "auto") },
] as const;

const missing = missingPackages();
const skip =
  missing.length > 0 && process.env["CI"] !== "true" && `run npm test first: ${missing.length} packages are missing`;

test("the official clients list and call the filesystem server, waiting questions included", { skip }, async (t) => {
  const registry = await openRegistry({ withPinned: true });
  t.after(() => registry.close());
  const home = makeHome(t);
  const env = { npm_config_registry: `${registry.url}/` };
  const daemon = await home.start({ waitMs: 100, env });
  const notes = home.folder("notes");
  writeFileSync(join(notes, "a.txt"), "hello from a note");
  await daemon.owner.call("server.add", {
    name: "files",
    source: SERVER,
    args: [notes],
    write: [notes],
    compartment: "personal",
  });
  const token = await addClient(daemon, "official");
  const given = { daemon, home, token };

  for (const [index, { name, era, open }] of CASES.entries()) {
    await t.test(name, async () => {
      const client = await open(given);
      try {
        assert.equal(client.read().era, era);
        const names = await client.names();
        assert.ok(names.includes("files__read_text_file") && names.includes("freehold_result"), names.join(" "));
        const read = await client.call("files__read_text_file", { path: join(notes, "a.txt") });
        assert.equal(read.isError, false, read.text);
        assert.deepEqual(read.structured, { content: "hello from a note" });

        // write_file declares an output schema, which clients hold every result to that is no error.
        const path = join(notes, `${index}.txt`);
        const told = await client.call("files__write_file", { path, content: name });
        assert.equal(told.isError, true);
        assert.equal(told.structured, undefined);
        const id = /Waiting for the owner, question (\w+)\. Do not repeat/.exec(told.text)?.[1] ?? "";
        assert.notEqual(id, "", told.text);
        const still = await client.call("freehold_result", { question: id });
        assert.equal(still.isError, true);
        await daemon.owner.call("question.answer", { id, answer: "yes" });
        const done = await client.call("freehold_result", { question: id });
        assert.equal(done.isError, false, done.text);
        assert.match(done.text, /Successfully wrote/);
        assert.equal(readFileSync(path, "utf8"), name);

        const denied = await client.call("files__read_text_file", { path: 7 });
        assert.match(denied.text, /Denied \(C0\)/);
        const failed = await client.call("files__read_text_file", { path: join(notes, "absent.txt") });
        assert.equal(failed.isError, true);
      } finally {
        await client.close();
      }
    });
  }

  await t.test("a client that waits gets the result itself when the owner answers in time", async () => {
    const patient = await second(given, "http", "auto");
    const path = join(notes, "patient.txt");
    const told = await patient.call("files__write_file", { path, content: "x" });
    const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
    await daemon.owner.call("question.answer", { id, answer: "no", note: "not now" });
    const refused = await patient.call("freehold_result", { question: id });
    assert.match(refused.text, /the owner said no: not now/);
    await patient.close();
  });
});
