// Model files in the real llama.cpp, through the door: what they say, how they fail, and that only the child falls.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { JsonObject, ModelAnswer, ModelEvent, ModelRequest } from "../../src/kernel/index.ts";
import {
  recordingPeer,
  replayingPeer,
  type EngineModel,
  type EngineModelOptions,
  type ModelPeer,
} from "../../src/models/index.ts";
import { processTree } from "../../src/sandbox/limits.ts";
import { openFixture, type DoorFixture } from "../fixtures/door.ts";
import { abortingGguf, embeddingGguf, randomGguf, scriptedGguf, type Script } from "../fixtures/gguf.ts";
import { openLlamaHome, whyNoLlama, type LlamaHome } from "../fixtures/llama.ts";

const SCRIPTS: readonly Script[] = [
  { after: "hello", says: ["Good", " morning", ", ", "Ada", "."] },
  { after: "time?", says: ["||call: ", "getTime", "(", '{"city": "', "Paris", '"}', ")"] },
  // What stands at the end of a tool's result.
  { after: "<0x0A>", says: ["It is noon", " in Paris", " by my clock."] },
  { after: "record!", says: ['{"name": "', "Bea", '", "age": ', "42", "}"] },
  { after: "huge!", says: ['{"age": 1', "e999", "}\n"] },
  // Nothing ends it but a limit.
  { after: "on!", says: ["la ", "li ", "on!"] },
];
const CLOCK: JsonObject = {
  type: "function",
  function: {
    name: "getTime",
    description: "Tells the time",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

let lab: LlamaHome;
let small: EngineModel;
const skip = (await whyNoLlama()) ?? false;

before(async () => {
  if (skip !== false) return;
  lab = await openLlamaHome();
  small = await lab.open("small", scriptedGguf(SCRIPTS));
});
after(() => lab?.end());

/** As the router makes a peer of it. */
function doorOver(model: EngineModel, name = "small"): DoorFixture {
  const proof = { kind: "proven", place: "this-machine", how: "a child of ours" } as const;
  const peer: ModelPeer = { ...model, name, price: null, place: async () => proof };
  return openFixture({ models: { routes: () => [name], peer: () => peer } });
}

type Asking = Partial<Omit<ModelRequest, "body">> & { readonly body: JsonObject };

async function think(model: EngineModel, asking: Asking): Promise<ModelAnswer> {
  const fixture = doorOver(model);
  try {
    const principal = { kind: "agent", name: "" } as const;
    return await fixture.door.think({ session: "s-1", principal, model: null, dialect: "openai-chat", ...asking });
  } finally {
    fixture.end();
  }
}

function ask(text: string, more: JsonObject = {}): JsonObject {
  return { messages: [{ role: "user", content: text }], temperature: 0, ...more };
}

function answered(answer: ModelAnswer): Extract<ModelAnswer, { readonly kind: "answered" }> {
  assert.equal(answer.kind, "answered", JSON.stringify(answer));
  assert.ok(answer.kind === "answered");
  return answer;
}

function refused(answer: ModelAnswer): Extract<ModelAnswer, { readonly kind: "refused" }> {
  assert.ok(answer.kind === "refused", JSON.stringify(answer));
  return answer;
}

describe("a model file", { skip }, () => {
  test("says word by word what its weights say, and its tokens are counted by its own tokenizer", async () => {
    const events: ModelEvent[] = [];
    const body = ask("say hello", { stream: true });
    const { text, end, usage } = answered(await think(small, { body, onEvent: (event) => events.push(event) }));
    assert.equal(text, "Good morning, Ada.");
    assert.equal(end, "stop");
    assert.deepEqual({ ...usage, cacheRead: 0 }, { input: 12, cacheRead: 0, cacheWrite: 0, output: 6, reasoning: 0 });
    const pieces = events.flatMap((event) => (event.kind === "text" ? [event.text] : []));
    assert.deepEqual(pieces, ["Good", " morning", ", ", "Ada", "."]);
    assert.equal(events.findLast((event) => event.kind === "raw")?.data, "[DONE]");
  });

  test("answers whole where no stream was asked for, in every dialect", async () => {
    const { body } = answered(await think(small, { body: ask("say hello") }));
    const [choice] = Array.isArray(body?.["choices"]) ? body["choices"] : [];
    assert.deepEqual(choice, {
      index: 0,
      message: { role: "assistant", content: "Good morning, Ada." },
      finish_reason: "stop",
      logprobs: null,
    });
    const messages = { dialect: "anthropic-messages", body: { ...ask("say hello"), max_tokens: 50 } } as const;
    assert.equal(answered(await think(small, messages)).text, "Good morning, Ada.");
    const responses = { dialect: "openai-responses", body: { input: "say hello", temperature: 0 } } as const;
    assert.equal(answered(await think(small, responses)).text, "Good morning, Ada.");
  });

  test("calls a tool, and goes on from its result", async () => {
    const first = answered(await think(small, { body: ask("What is the time?", { tools: [CLOCK] }) }));
    assert.equal(first.end, "calls");
    const calls = first.calls.map(({ name, args }) => ({ name, args }));
    assert.deepEqual(calls, [{ name: "getTime", args: '{"city":"Paris"}' }]);
    const [call] = first.calls;
    const made = { id: call?.id ?? "", type: "function", function: { name: "getTime", arguments: '{"city":"Paris"}' } };
    const messages = [
      { role: "user", content: "What is the time?" },
      { role: "assistant", content: null, tool_calls: [made] },
      { role: "tool", tool_call_id: call?.id ?? "", content: "noon" },
    ];
    const { text, end } = answered(await think(small, { body: { messages, tools: [CLOCK], temperature: 0 } }));
    assert.equal(text, "It is noon in Paris by my clock.");
    assert.equal(end, "stop");
  });

  test("keeps a JSON schema, be its weights noise", async () => {
    const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } } };
    const format = { type: "json_schema", json_schema: { name: "person", schema } };
    const { text } = answered(await think(small, { body: ask("Give a record!", { response_format: format }) }));
    assert.deepEqual(JSON.parse(text), { name: "Bea", age: 42 });
    const noise = await lab.open("noise", randomGguf());
    const bits = { type: "object", properties: { yes: { type: "boolean" }, kind: { enum: ["a", "b"] } } };
    for (const word of ["one", "two", "three"]) {
      const asked = { response_format: { type: "json_schema", json_schema: { name: "bits", schema: bits } } };
      const said = answered(await think(noise, { body: ask(word, { ...asked, temperature: 1 }) }));
      const value = JSON.parse(said.text) as { yes: unknown; kind: unknown };
      assert.equal(typeof value.yes, "boolean");
      assert.ok(value.kind === "a" || value.kind === "b");
    }
    await noise.close();
  });

  test("whose JSON holds a number that no number can hold is refused", async () => {
    const schema = { type: "object", properties: { age: { type: "integer" } } };
    const format = { type: "json_schema", json_schema: { name: "age", schema } };
    const { why, reason, status } = refused(await think(small, { body: ask("huge!", { response_format: format }) }));
    assert.equal(why, "failed");
    assert.equal(status, 502);
    assert.match(reason, /no JSON that can be kept: .*does not survive as a JSON number/);
  });

  test("ends at the limit of the answer, and at a stop of the program's", async () => {
    const limited = answered(await think(small, { body: ask("go on!", { max_tokens: 5 }) }));
    assert.equal(limited.end, "length");
    assert.equal(limited.text, "la li on!la li ");
    const stopped = answered(await think(small, { body: ask("say hello", { stop: [", "] }) }));
    assert.equal(stopped.text, "Good morning");
  });

  test("is never asked what it cannot read whole: the refusal has the figures", async () => {
    const { why, reason } = refused(await think(small, { body: ask("word ".repeat(500)) }));
    assert.equal(why, "too-long");
    assert.match(reason, /it is 25\d\d tokens, and small has 2048 for question and answer together/);
  });

  test("fills what is left of its context and no more", async () => {
    const { end, usage } = answered(
      await think(small, { body: ask(`${"x".repeat(1_900)} on!`, { max_tokens: 4_000 }) }),
    );
    assert.equal(end, "length");
    assert.equal((usage?.input ?? 0) + (usage?.output ?? 0), 2_048);
  });

  test("is cancelled in the middle of a word, and answers the next one", async () => {
    const ending = new AbortController();
    let seen = "";
    const onEvent = (event: ModelEvent): void => {
      if (event.kind === "text") seen += event.text;
      if (seen.length > 20) ending.abort();
    };
    const body = ask("go on!", { stream: true, max_tokens: 1_900 });
    const { why, began } = refused(await think(small, { body, onEvent, signal: ending.signal }));
    assert.equal(why, "gone");
    assert.ok(began || seen.length < 200);
    assert.equal(answered(await think(small, { body: ask("say hello") })).text, "Good morning, Ada.");
  });

  test("is asked by one at a time; more than the line holds are refused at once", async () => {
    const model = await lab.open("narrow", scriptedGguf(SCRIPTS), { limits: { waitingMax: 1 } });
    const asked = ask("go on!", { max_tokens: 200 });
    const answers = await Promise.all([1, 2, 3].map(() => think(model, { body: asked })));
    const reasons = answers.flatMap((answer) => (answer.kind === "refused" ? [answer.reason] : []));
    assert.deepEqual(reasons, ["small: narrow has enough to do"]);
    await model.close();
  });

  test("runs in a child that has no network, and that ends when nobody asks", async () => {
    const model = await lab.open("idle", scriptedGguf(SCRIPTS), { limits: { idleMs: 1 } });
    const seen: string[] = [];
    const onEvent = (): void => {
      const inner = processTree(model.pid() ?? 0).at(-1) ?? 0;
      seen.push(readFileSync(`/proc/${inner}/net/dev`, "utf8"));
    };
    answered(await think(model, { body: ask("say hello", { stream: true }), onEvent }));
    const interfaces = [...(seen[0] ?? "").matchAll(/^ *([\w.-]+):/gm)].map(([, name]) => name);
    assert.deepEqual(interfaces, ["lo"]);
    await model.idle();
    assert.equal(model.pid(), null);
    assert.equal(answered(await think(model, { body: ask("say hello") })).text, "Good morning, Ada.");
  });

  test("takes images from nobody, and no choice of a tool that it could not keep", async () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const shown = { messages: [{ role: "user", content: [image] }] };
    assert.match(refused(await think(small, { body: shown })).reason, /reads text alone/);
    const forced = ask("hello", { tools: [CLOCK], tool_choice: "required" });
    assert.match(refused(await think(small, { body: forced })).reason, /cannot be made to call a tool/);
  });

  test("can be kept on a cassette, and its answer played without it", async () => {
    const file = join(lab.home.dir, "tape.jsonl");
    const body = ask("say hello", { stream: true });
    const proof = { kind: "proven", place: "this-machine", how: "a child of ours" } as const;
    const peer: ModelPeer = { ...small, name: "small", price: null, place: async () => proof };
    const told = async (one: ModelPeer): Promise<readonly ModelEvent[]> => {
      const events: ModelEvent[] = [];
      const wire = await one.wire({ dialect: "openai-chat", body });
      assert.ok(!("kind" in wire));
      await one.post({ wire, signal: new AbortController().signal, onEvent: (event) => events.push(event) });
      return events;
    };
    const said = await told(recordingPeer(peer, file));
    assert.deepEqual(await told(replayingPeer("small", file)), said);
    assert.ok(said.length > 5);
  });

  test("embeds texts: the same text is the same vector, packed or not", async () => {
    const model = await lab.open("vectors", embeddingGguf());
    const dialect = "openai-embeddings";
    const { body, usage } = answered(await think(model, { dialect, body: { input: ["a note", "a note", "other"] } }));
    const vectors = vectorsIn(body);
    assert.equal(vectors.length, 3);
    assert.equal(vectors[0]?.length, 64);
    assert.ok(cosine(vectors[0], vectors[1]) > 0.9999);
    assert.ok(cosine(vectors[0], vectors[2]) < 0.99);
    assert.equal(usage?.output, 0);
    const packed = answered(await think(model, { dialect, body: { input: "a note", encoding_format: "base64" } }));
    const [only] = Array.isArray(packed.body?.["data"]) ? packed.body["data"] : [];
    const text = typeof only === "object" && only !== null && "embedding" in only ? String(only["embedding"]) : "";
    assert.equal(Buffer.from(text, "base64").length, 256);
    await model.close();
  });
});

describe("a model file that is broken", { skip }, () => {
  const sound = scriptedGguf(SCRIPTS);
  const broken: Readonly<Record<string, [Buffer, RegExp]>> = {
    "has another magic": [Buffer.concat([Buffer.from("GGML"), sound.subarray(4)]), /cannot be loaded/],
    "is cut off": [sound.subarray(0, sound.length - 5_000), /cannot be loaded/],
    "aborts the process": [abortingGguf(), /was ended by SIG|ended with 134|GGML_ASSERT/],
  };
  for (const [what, [bytes, reason]] of Object.entries(broken)) {
    test(`and ${what} fails alone: it rests, and other models answer`, async () => {
      let nowMs = 1_000_000;
      const model = await lab.open("broken", bytes, { nowMs: () => nowMs });
      const failed = refused(await think(model, { body: ask("say hello") }));
      assert.equal(failed.why, "failed");
      assert.match(failed.reason, reason);
      assert.ok((failed.retryAfterMs ?? 0) > 0);
      assert.match(refused(await think(model, { body: ask("say hello") })).reason, /broken rests, for it failed: /);
      for (const restMs of [2_000, 15_000]) {
        nowMs += restMs;
        await think(model, { body: ask("say hello") });
      }
      const { reason: why, retryAfterMs } = refused(await think(model, { body: ask("say hello") }));
      assert.match(why, /broken rests, for it failed, 3 times in a row: /);
      assert.equal(retryAfterMs, 600_000);
      assert.equal(model.pid(), null);
      assert.equal(answered(await think(small, { body: ask("say hello") })).text, "Good morning, Ada.");
    });
  }

  test("by one byte since it was locked is not loaded at all", async () => {
    const differs: Partial<EngineModelOptions> = { verify: () => Promise.reject(new Error("its bytes were changed")) };
    const model = await lab.open("changed", sound, differs);
    assert.match(refused(await think(model, { body: ask("say hello") })).reason, /its bytes were changed/);
    assert.equal(model.pid(), null);
  });
});

function vectorsIn(body: JsonObject | null): readonly (readonly number[])[] {
  const data = Array.isArray(body?.["data"]) ? body["data"] : [];
  return data.map((one: JsonObject) => {
    const vector = one["embedding"];
    return Array.isArray(vector) ? vector.map(Number) : [];
  });
}

function cosine(a: readonly number[] = [], b: readonly number[] = []): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
