import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import type { Declarations, ModelDeclaration } from "./declaration.ts";
import { openModels, type ModelsParts, type OpenModels } from "./models.ts";

const BASE: ModelDeclaration = {
  speaks: "openai-chat",
  url: "http://127.0.0.1:1/v1",
  model: "m",
  place: "this-machine",
  secret: null,
  fallbackFor: [],
  context: null,
  maxOutput: null,
  price: null,
};

interface Rig {
  declared: Declarations;
  readonly models: OpenModels;
}

function rig(declared: Declarations, parts: Partial<ModelsParts> = {}): Rig {
  const made: { declared: Declarations } = { declared };
  const models = openModels({
    declared: () => made.declared,
    secret: async () => "k",
    permit: () => () => Promise.resolve(true),
    nowMs: () => 1_000,
    openLocal: () => null,
    ...parts,
  });
  return Object.assign(made, { models });
}

async function llama(t: TestContext, contextTokens: number): Promise<string> {
  const props = { default_generation_settings: { n_ctx: contextTokens }, model_path: "m.gguf" };
  const server = createServer((_request, response) => void response.end(JSON.stringify(props)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1`;
}

test("a model keeps its peer, and its proof, until its declaration changes", () => {
  const one = rig({ local: BASE });
  const first = one.models.peer("local");
  one.declared = { local: { ...BASE }, other: BASE };
  assert.equal(one.models.peer("local"), first);
  one.declared = { local: { ...BASE, place: "cloud" } };
  assert.notEqual(one.models.peer("local"), first);
  one.declared = {};
  assert.equal(one.models.peer("local"), null);
  assert.deepEqual(one.models.routes(null), []);
});

test("a price is the owner's before the list's, and a model on this machine has none unless it is written", () => {
  const price = { input: 1, output: 1, cacheRead: null, cacheWrite: null };
  const listed = {
    ...BASE,
    place: "cloud",
    speaks: "anthropic-messages",
    url: null,
    model: "claude-haiku-4-5",
  } as const;
  const { models } = rig({ local: BASE, listed, pinned: { ...listed, price }, odd: { ...listed, model: "mine" } });
  assert.equal(models.peer("local")?.price, null);
  assert.match(models.peer("listed")?.price?.source ?? "", /genai-prices/);
  assert.equal(models.peer("pinned")?.price?.source, "stack.yaml");
  assert.equal(models.peer("odd")?.price, null);
  assert.equal(models.peer("listed")?.address, "api.anthropic.com:443");
  assert.equal(models.contextTokens("listed"), 200_000);
});

test("the smaller of what is written and what the engine was loaded with is what fits", async (t) => {
  const url = await llama(t, 4_096);
  const { models } = rig({ more: { ...BASE, url, context: 32_000 }, less: { ...BASE, url, context: 1_000 } });
  assert.equal(models.contextTokens("more"), 32_000, "before it was asked");
  assert.equal((await models.peer("more")?.place())?.kind, "proven");
  assert.equal(models.contextTokens("more"), 4_096);
  await models.peer("less")?.place();
  assert.equal(models.contextTokens("less"), 1_000);
});

test("what is unproven is asked only where the owner wrote a price: it may be a cloud", async (t) => {
  const server = createServer((_request, response) => void response.writeHead(404).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1`;
  const price = { input: 0, output: 0, cacheRead: null, cacheWrite: null };
  const { models } = rig({ bare: { ...BASE, url }, priced: { ...BASE, url, price } });
  assert.match(JSON.stringify(await models.peer("bare")?.place()), /"false".*needs a price/);
  assert.equal((await models.peer("priced")?.place())?.kind, "unproven");
});

test("a model file is this machine by construction, and without an engine of our own it is not asked", async () => {
  const file = { ...BASE, speaks: "gguf", url: null, model: "small" } as const;
  const none = rig({ file }).models.peer("file");
  assert.deepEqual((await none?.place())?.kind, "false");
  const wire = { text: "{}", isStream: false, inputTokensMax: 2, outputTokensMax: 1 };
  const local = {
    dialect: "openai-chat",
    address: "here",
    wire: () => Promise.resolve(wire),
    post: () => Promise.reject(new Error("not asked")),
  } as const;
  const peer = rig({ file }, { openLocal: () => local }).models.peer("file");
  assert.deepEqual(await peer?.place(), { kind: "proven", place: "this-machine", how: "Freehold runs it itself" });
  assert.equal(await peer?.wire({ dialect: "openai-chat", body: {} }), wire);
});

test("nothing is sent to a program that has taken the port of a proven model", async (t) => {
  const props = { default_generation_settings: { n_ctx: 4_096 }, model_path: "m.gguf" };
  const asked: string[] = [];
  let isOther = false;
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    request.resume();
    if (isOther || request.url !== "/props") response.writeHead(404);
    response.end(JSON.stringify(props));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1`;
  let nowMs = 1_000;
  const peer = rig({ local: { ...BASE, url } }, { nowMs: () => nowMs }).models.peer("local");
  assert.equal((await peer?.place())?.kind, "proven");
  const wire = await peer?.wire({ dialect: "openai-chat", body: { messages: [{ role: "user", content: "private" }] } });
  assert.ok(wire !== undefined && !("kind" in wire), JSON.stringify(wire));
  isOther = true;
  nowMs += 30_000;
  const reply = await peer?.post({ wire, signal: new AbortController().signal, onEvent: () => undefined });
  assert.equal(reply?.kind === "failed" && reply.isUnsent, true, JSON.stringify(reply));
  assert.equal(asked.includes("/v1/chat/completions"), false);
});
