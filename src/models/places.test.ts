import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { test, type TestContext } from "node:test";
import type { JsonObject, PermitConnection, Place } from "../kernel/index.ts";
import { resolverFor } from "./addresses.ts";
import type { ProvenPlace } from "./peer.ts";
import { openPlace, type PlaceProof } from "./places.ts";

type Answers = Readonly<Record<string, JsonObject | string | number>>;

interface Runner {
  readonly url: URL;
  readonly asked: string[];
  answers: Answers;
}

const LLAMA: Answers = { "/props": { default_generation_settings: { n_ctx: 8192 }, model_path: "/m/qwen.gguf" } };
const TAG = { name: "qwen3:4b", model: "qwen3:4b", size: 1, digest: "a".repeat(64) };
const OLLAMA: Answers = {
  "/": "Ollama is running",
  "/api/tags": { models: [TAG] },
  "/api/show": { model_info: { "general.architecture": "qwen3" } },
};

/** Until the test ends. A number is the status of an empty answer. */
async function runner(t: TestContext, answers: Answers): Promise<Runner> {
  const one = { asked: [] as string[], answers, url: new URL("http://127.0.0.1/v1") };
  const server = createServer((request: IncomingMessage, response) => {
    const path = request.url ?? "";
    one.asked.push(`${request.method ?? ""} ${path}`);
    const said = Object.hasOwn(one.answers, path) ? (one.answers[path] ?? 404) : 404;
    request.resume();
    response.writeHead(typeof said === "number" ? said : 200);
    response.end(typeof said === "number" ? "" : typeof said === "string" ? said : JSON.stringify(said));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  one.url.port = String(typeof address === "object" && address !== null ? address.port : 0);
  t.after(
    () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  );
  return one;
}

interface Rig {
  readonly proof: PlaceProof;
  readonly permitted: string[];
  nowMs: number;
}

function rig(url: URL, options: { model?: string; place?: Place; permit?: PermitConnection; key?: string } = {}): Rig {
  const { model = "qwen3:4b", place = "this-machine" } = options;
  const permitted: string[] = [];
  const permit: PermitConnection = async ({ host, port }) => {
    permitted.push(`${host}:${port}`);
    return options.permit === undefined || options.permit({ host, port });
  };
  const lookUp = async (host: string): Promise<readonly string[]> =>
    ({ "box.lan": ["10.1.2.3"], "half.lan": ["10.1.2.3", "93.184.215.14"], "here.lan": ["127.0.0.1"] })[host] ?? [];
  const parts = {
    name: "local",
    declared: { model, place },
    url,
    permit,
    resolve: resolverFor(place, lookUp),
    key: () => Promise.resolve(options.key ?? null),
  };
  const made: Rig = { permitted, nowMs: 1_000, proof: openPlace({ ...parts, nowMs: () => made.nowMs }) };
  return made;
}

function placeOf(proven: ProvenPlace): string {
  return proven.kind === "proven" ? proven.place : proven.kind;
}

function whyOf(proven: ProvenPlace): string {
  return proven.kind === "proven" ? proven.how : proven.why;
}

test("a llama.cpp server on a loopback address is this machine, with the context it was started with", async (t) => {
  const { url } = await runner(t, LLAMA);
  const { proof, permitted } = rig(url);
  assert.equal(placeOf(await proof.place()), "this-machine");
  assert.equal(proof.contextTokens(), 8192);
  assert.deepEqual(permitted, [`127.0.0.1:${url.port}`], "one look is one connection");
});

test("Ollama with a model of its own is this machine; its context is as loaded, else as written", async (t) => {
  const served = await runner(t, OLLAMA);
  const { proof } = rig(served.url);
  assert.equal(placeOf(await proof.place()), "this-machine");
  assert.equal(proof.contextTokens(), 4096);
  served.answers = { ...OLLAMA, "/api/show": { model_info: {}, parameters: "stop x\nnum_ctx   16384\n" } };
  const other = rig(served.url);
  await other.proof.place();
  assert.equal(other.proof.contextTokens(), 16_384);
  served.answers = { ...OLLAMA, "/api/ps": { models: [{ name: "qwen3:4b", context_length: 32_768 }] } };
  const third = rig(served.url);
  await third.proof.place();
  assert.equal(third.proof.contextTokens(), 32_768);
});

test("a model that Ollama passes on to its cloud does not run on this machine, however it shows", async (t) => {
  const remote = { remote_host: "https://ollama.com:443", remote_model: "gpt-oss:120b" };
  const cases: readonly (readonly [string, Answers])[] = [
    ["qwen3:4b", { ...OLLAMA, "/api/tags": { models: [{ ...TAG, ...remote }] } }],
    ["qwen3:4b", { ...OLLAMA, "/api/show": { model_info: {}, ...remote } }],
    ["gpt-oss:120b-cloud", { ...OLLAMA, "/api/tags": { models: [{ name: "gpt-oss:120b-cloud" }] } }],
    ["glm:cloud", { ...OLLAMA, "/api/tags": { models: [{ name: "glm:cloud" }] } }],
    ["alias", { ...OLLAMA, "/api/tags": { models: [{ name: "alias:latest", remote_model: "big" }] } }],
    ["qwen3:4b", { ...OLLAMA, "/api/show": 404 }],
    ["qwen3:4b", { ...OLLAMA, "/api/tags": { models: [] } }],
  ];
  for (const [model, answers] of cases) {
    const { url } = await runner(t, answers);
    assert.equal(placeOf(await rig(url, { model }).proof.place()), "false", JSON.stringify(answers));
  }
});

test("LM Studio may use a linked device without saying so, so it is no nearer than the owner's network", async (t) => {
  const data = [{ id: "qwen3:4b", compatibility_type: "gguf", state: "loaded", loaded_context_length: 4096 }];
  const { url } = await runner(t, { "/api/v0/models": { object: "list", data } });
  const { proof } = rig(url);
  assert.equal(placeOf(await proof.place()), "my-network");
  assert.equal(proof.contextTokens(), 4096);
});

test("anything else on a loopback address is unproven: it may pass on what it is asked", async (t) => {
  const cases: readonly Answers[] = [
    { "/v1/models": { object: "list", data: [{ id: "qwen3:4b" }] } },
    { "/props": "<html>", "/": "hello", "/api/tags": { models: [TAG] }, "/api/v0/models": {} },
    { "/props": { default_generation_settings: { n_ctx: 1 } } },
    { "/props": 302, "/": 500, "/api/v0/models": 401 },
  ];
  for (const answers of cases) {
    const { url } = await runner(t, answers);
    assert.equal(placeOf(await rig(url).proof.place()), "unproven", JSON.stringify(answers));
  }
});

test("what does not answer, or may not be connected to, is not asked", async (t) => {
  const { url } = await runner(t, LLAMA);
  const refused = await rig(url, { permit: () => Promise.resolve(false) }).proof.place();
  assert.equal(placeOf(refused), "false");
  assert.match(whyOf(refused), /not permitted/);
  const nobody = await rig(new URL("http://127.0.0.1:1/v1")).proof.place();
  assert.equal(placeOf(nobody), "false");
  assert.match(whyOf(nobody), /^local: it cannot be reached at 127\.0\.0\.1:1/);
  const elsewhere = await rig(new URL("http://192.0.2.1:8080/v1")).proof.place();
  assert.match(whyOf(elsewhere), /is not this machine/);
});

test("what is known is told without a look, and only while the last look holds", async (t) => {
  const { url } = await runner(t, LLAMA);
  const one = rig(url);
  assert.equal(one.proof.known(), null);
  await one.proof.place();
  assert.equal(one.proof.known()?.kind, "proven");
  one.nowMs += 6 * 60_000;
  assert.equal(one.proof.known(), null);
  assert.equal(one.permitted.length, 1, "nobody was asked for it");
});

test("an endless or huge answer is given up", async (t) => {
  const { url } = await runner(t, { ...LLAMA, "/props": `{"a":"${"x".repeat(3_000_000)}"}` });
  assert.equal(placeOf(await rig(url).proof.place()), "unproven");
});

test("the owner's network is proven by every address of the name", async () => {
  const at = async (url: string): Promise<ProvenPlace> =>
    rig(new URL(url), { place: "my-network", permit: () => Promise.resolve(false) }).proof.place();
  for (const url of [
    "http://box.lan:8080/v1",
    "http://192.168.1.7/v1",
    "http://100.100.1.1/v1",
    "http://[fd00::1]/v1",
  ]) {
    assert.equal(placeOf(await at(url)), "my-network", url);
  }
  for (const url of [
    "http://half.lan/v1",
    "http://here.lan/v1",
    "http://nobody.lan/v1",
    "http://127.0.0.1/v1",
    "http://169.254.1.1/v1",
    "http://[fe80::1]/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::1]/v1",
    "http://93.184.215.14/v1",
  ]) {
    assert.equal(placeOf(await at(url)), "false", url);
  }
});

test("the cloud needs no proof and is not asked for any", async () => {
  const { proof, permitted } = rig(new URL("https://api.example.org/v1"), { place: "cloud" });
  assert.equal(placeOf(await proof.place()), "cloud");
  assert.deepEqual(permitted, []);
});

test("a proof is kept for minutes, a doubt for seconds", async (t) => {
  const served = await runner(t, LLAMA);
  const one = rig(served.url);
  await Promise.all([one.proof.place(), one.proof.place()]);
  one.nowMs += 4 * 60_000;
  await one.proof.place();
  assert.equal(served.asked.length, 1);
  one.nowMs += 61_000;
  served.answers = {};
  assert.equal(placeOf(await one.proof.place()), "unproven");
  one.nowMs += 9_000;
  served.answers = LLAMA;
  assert.equal(placeOf(await one.proof.place()), "unproven");
  one.nowMs += 1_001;
  assert.equal(placeOf(await one.proof.place()), "this-machine");
});

test("a new connection is refused when another program has taken the port since the proof", async (t) => {
  const served = await runner(t, LLAMA);
  const one = rig(served.url);
  assert.equal(await one.proof.isStill(), false, "nothing was proven yet");
  await one.proof.place();
  one.nowMs += 30_000;
  assert.equal(await one.proof.isStill(), true);
  served.answers = { "/v1/models": { data: [] } };
  one.nowMs += 30_000;
  assert.equal(await one.proof.isStill(), false);
});
