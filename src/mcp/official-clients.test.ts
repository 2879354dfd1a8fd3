import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startToy, type Toy } from "../../tests/fixtures/toy-endpoint.ts";

const INFO = { name: "official", version: "1" };
const requestInit = { headers: { authorization: "Bearer ada-token" } };

async function toyFor(context: TestContext): Promise<Toy> {
  const toy = await startToy();
  context.after(() => toy.close());
  return toy;
}

test("the official client 1.x lists, calls, sees progress and changes, cancels and says goodbye", async (context) => {
  const toy = await toyFor(context);
  const client = new Client1(INFO);
  const transport = new Transport1(new URL(toy.url), { requestInit });
  await client.connect(transport);
  assert.equal(client.getInstructions(), "Hello ada");
  assert.equal((await client.listTools()).tools.length, 3);
  await client.ping();
  const steps: number[] = [];
  const onprogress = ({ progress }: { progress: number }): void => void steps.push(progress);
  await client.callTool({ name: "steps" }, undefined, { onprogress });
  assert.deepEqual(steps, [1, 2, 3]);
  const stop = new AbortController();
  const waiting = client.callTool({ name: "wait" }, undefined, { signal: stop.signal });
  const rejected = assert.rejects(waiting);
  while (!toy.events.includes("waiting")) await client.ping();
  stop.abort();
  await rejected;
  while (!toy.events.includes("cancelled")) await client.ping();
  await transport.terminateSession();
  assert.ok(toy.events.includes("closed ada"));
  await client.close();
});

test("the official client 2.x does the same as a legacy client", async (context) => {
  const toy = await toyFor(context);
  const client = new Client2(INFO);
  const transport = new Transport2(new URL(toy.url), { requestInit });
  const changed = Promise.withResolvers<void>();
  client.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
  await client.connect(transport);
  assert.equal((await client.listTools()).tools.length, 3);
  const steps: number[] = [];
  await client.callTool({ name: "steps" }, { onprogress: ({ progress }) => void steps.push(progress) });
  assert.deepEqual(steps, [1, 2, 3]);
  const tick = setInterval(() => toy.endpoint.notify(() => true, "notifications/tools/list_changed", {}), 1);
  await changed.promise;
  clearInterval(tick);
  assert.deepEqual(toy.events, ["opened ada 2025-11-25"]);
  await client.close();
});

test("the official client 2.x finds 2026-07-28, lists, calls, sees progress and cancels", async (context) => {
  const toy = await toyFor(context);
  const client = new Client2(INFO, { versionNegotiation: { mode: "auto" } });
  await client.connect(new Transport2(new URL(toy.url), { requestInit }));
  assert.equal(client.getProtocolEra(), "modern");
  assert.equal((await client.listTools()).tools.length, 3);
  const steps: number[] = [];
  await client.callTool({ name: "steps" }, { onprogress: ({ progress }) => void steps.push(progress) });
  assert.deepEqual(steps, [1, 2, 3]);
  const echoed = await client.callTool({ name: "grüße", arguments: { a: "ü" } });
  assert.match(JSON.stringify(echoed.content), /ü/);
  const stop = new AbortController();
  const rejected = assert.rejects(client.callTool({ name: "wait" }, { signal: stop.signal }));
  while (!toy.events.includes("waiting")) await client.listTools();
  stop.abort();
  await rejected;
  while (!toy.events.includes("cancelled")) await client.listTools();
  await assert.rejects(client.listPrompts());
  assert.ok(toy.seen.every((call) => call.wire.era === "modern"));
  await client.close();
});

test("a wrong token is told to the official clients as such", async (context) => {
  const toy = await toyFor(context);
  const wrong = { requestInit: { headers: { authorization: "Bearer eve" } } };
  await assert.rejects(new Client1(INFO).connect(new Transport1(new URL(toy.url), wrong)), /bearer token/);
  const modern = new Client2(INFO, { versionNegotiation: { mode: "auto" } });
  await assert.rejects(modern.connect(new Transport2(new URL(toy.url), wrong)));
});
