// A form that says that a call waits, on the wire of the real daemon, with the official clients of both revisions.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { addClient, addRogues, effects, makeHome, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";

const INFO = { name: "official", version: "1" };
const CAPABILITIES = { capabilities: { elicitation: {} } };

interface Given {
  readonly daemon: TestDaemon;
  readonly token: string;
  /** Called with what the form says; the program's answer to it. */
  readonly shown: (message: string, gone: AbortSignal | null) => Promise<"accept" | "cancel">;
}

interface Program {
  write(path: string): Promise<unknown>;
  close(): Promise<void>;
}

async function old({ daemon, token, shown }: Given): Promise<Program> {
  const client = new Client1(INFO, CAPABILITIES);
  client.setRequestHandler(ElicitRequestSchema, async ({ params }, { signal }) => ({
    action: await shown(params.message, signal),
  }));
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await client.connect(new Http1(new URL(`${daemon.url}mcp`), { requestInit }));
  return {
    write: (path) => client.callTool({ name: "one__write", arguments: { path } }),
    close: () => client.close(),
  };
}

async function present({ daemon, token, shown }: Given): Promise<Program> {
  const client = new Client2(INFO, { ...CAPABILITIES, versionNegotiation: { mode: "auto" } });
  client.setRequestHandler("elicitation/create", async ({ params }) => ({ action: await shown(params.message, null) }));
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new Http2(new URL(`${daemon.url}mcp`), { requestInit }));
  assert.equal(client.getProtocolEra(), "modern");
  return {
    write: (path) => client.callTool({ name: "one__write", arguments: { path } }),
    close: () => client.close(),
  };
}

async function informed(daemon: TestDaemon, { paths }: TestHome): Promise<string> {
  const token = await addClient(daemon, "official");
  const file = join(paths.dir, "stack.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("  official:\n", "$&    inform: elicitation\n"));
  const { digest } = await daemon.owner.call("plan", {});
  await daemon.owner.call("apply", { digest: digest ?? null });
  return token;
}

async function begin(t: TestContext) {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: 60_000 });
  const folder = home.folder("one");
  await addRogues(daemon, home.paths, [{ name: "one", folder }]);
  return { daemon, folder, token: await informed(daemon, home) };
}

function questionIn(message: string): string {
  return /question (\w+)\./.exec(message)?.[1] ?? "";
}

const PROGRAMS = [
  ["2025-11-25", old],
  ["2026-07-28", present],
] as const;

for (const [era, open] of PROGRAMS) {
  test(`${era}: the official client shows that its call waits, and goes on to the result`, async (t) => {
    const { daemon, folder, token } = await begin(t);
    const messages: string[] = [];
    const shown = async (message: string): Promise<"accept"> => {
      messages.push(message);
      assert.deepEqual(effects(folder), []);
      await daemon.owner.call("question.answer", { id: questionIn(message), answer: "yes" });
      return "accept";
    };
    const program = await open({ daemon, token, shown });
    const result = await program.write("secret-path");
    assert.doesNotMatch(JSON.stringify(result), /"isError":true/);
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? "", /^Freehold waits for the owner: one\.write, question \w+\. /);
    assert.doesNotMatch(messages[0] ?? "", /secret-path/);
    assert.equal(effects(folder).length, 1);
    await program.close();
  });
}

test("2025-11-25: a form that was left open is taken away once the owner answered elsewhere", async (t) => {
  const { daemon, folder, token } = await begin(t);
  const { promise: taken, resolve: take } = Promise.withResolvers<"cancel">();
  const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
  const shown = (message: string, gone: AbortSignal | null): Promise<"cancel"> => {
    gone?.addEventListener("abort", () => take("cancel"), { once: true });
    ask(questionIn(message));
    return taken;
  };
  const program = await old({ daemon, token, shown });
  const written = program.write("a");
  await daemon.owner.call("question.answer", { id: await asked, answer: "yes" });
  assert.doesNotMatch(JSON.stringify(await written), /"isError":true/);
  assert.equal(await taken, "cancel");
  assert.equal(effects(folder).length, 1);
  await program.close();
});
