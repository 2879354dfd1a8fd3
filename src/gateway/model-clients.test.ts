import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { endpointRig, type EndpointRig } from "../../tests/fixtures/model-endpoint.ts";
import { golden, says, streams } from "../../tests/fixtures/model-provider.ts";

interface Rig extends EndpointRig {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
}

/** The official clients, with no option but the address and the token. */
async function rig(t: TestContext): Promise<Rig> {
  const one = await endpointRig(t);
  const openai = new OpenAI({ baseURL: `${one.url}/v1`, apiKey: one.tokens.shell, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: one.url, apiKey: one.tokens.shell, maxRetries: 0 });
  return Object.assign(one, { openai, anthropic });
}

const HELLO = [{ role: "user", content: "hello" }] as const;
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";
const SCHEMA = { type: "object" as const, properties: { city: { type: "string" } } };
const CHAT_TOOL = { type: "function" as const, function: { name: "get_weather", parameters: SCHEMA } };
const WEATHER = { name: "get_weather", args: { city: "Paris" } };
const TIME = { name: "get_time", args: {} };

describe("the official OpenAI client", () => {
  for (const model of ["gpt", "claude"]) {
    test(`streams text from ${model}`, async (t) => {
      const one = await rig(t);
      const stream = await one.openai.chat.completions.create({
        model,
        messages: [...HELLO],
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let usage: number | undefined;
      let end: string | null = null;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        end = chunk.choices[0]?.finish_reason ?? end;
        usage = chunk.usage?.completion_tokens ?? usage;
      }
      assert.deepEqual([text, end, usage], ["Grüße, Ada 🙂.", "stop", model === "gpt" ? 10 : 15]);
    });

    test(`gets the calls of ${model}, and gives back their results`, async (t) => {
      const one = await rig(t);
      one.gpt.answer = streams(golden("chat-calls"));
      one.claude.answer = streams(golden("messages-calls"));
      const runner = one.openai.chat.completions.stream({ model, messages: [...HELLO], tools: [CHAT_TOOL] });
      const { message, finish_reason: reason } = (await runner.finalChatCompletion()).choices[0] ?? {};
      const calls = (message?.tool_calls ?? []).filter((call) => call.type === "function");
      assert.equal(reason, "tool_calls");
      assert.deepEqual(
        calls.map(({ function: called }) => ({ name: called.name, args: JSON.parse(called.arguments) as unknown })),
        [WEATHER, TIME],
      );
      const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "rain" }));
      one.gpt.answer = streams(golden("chat-text"));
      one.claude.answer = streams(golden("messages-text"));
      const said = { role: "assistant" as const, content: null, tool_calls: calls };
      const next = one.openai.chat.completions.stream({
        model,
        messages: [...HELLO, said, ...results],
        tools: [CHAT_TOOL],
      });
      assert.equal(await next.finalContent(), "Grüße, Ada 🙂.");
      const sent = (model === "gpt" ? one.gpt : one.claude).asked.at(-1)?.text ?? "";
      for (const { id } of calls)
        assert.equal(sent.split(id).length, 3, "each call is named once, and its result once");
    });
  }

  test("gets whole answers, from both, and an image passes through to both", async (t) => {
    const one = await rig(t);
    const image = { type: "image_url" as const, image_url: { url: `data:image/png;base64,${PIXEL}` } };
    const messages = [{ role: "user" as const, content: [image, { type: "text" as const, text: "What is it?" }] }];
    const usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 };
    const message = { role: "assistant", content: "A dot.", future: 1 };
    one.gpt.answer = says({
      id: "x",
      object: "chat.completion",
      future: [1],
      choices: [{ index: 0, message, finish_reason: "stop" }],
      usage,
    });
    const first = await one.openai.chat.completions.create({ model: "gpt", messages });
    assert.deepEqual(JSON.parse(JSON.stringify(first)), {
      id: "x",
      object: "chat.completion",
      future: [1],
      choices: [{ index: 0, message, finish_reason: "stop" }],
      usage,
    });
    assert.match(first._request_id ?? "", /./);
    assert.deepEqual(one.gpt.asked[0]?.body["messages"], messages);
    const content = [{ type: "text", text: "A dot." }];
    one.claude.answer = says({
      type: "message",
      role: "assistant",
      model: "c",
      content,
      stop_reason: "max_tokens",
      usage: { input_tokens: 3, output_tokens: 2 },
    });
    const second = await one.openai.chat.completions.create({ model: "claude", messages });
    assert.deepEqual([second.choices[0]?.message.content, second.choices[0]?.finish_reason], ["A dot.", "length"]);
    assert.equal(second.usage?.total_tokens, 5);
    const source = { type: "base64", media_type: "image/png", data: PIXEL };
    assert.deepEqual(one.claude.asked[0]?.body["messages"], [
      {
        role: "user",
        content: [
          { type: "image", source },
          { type: "text", text: "What is it?" },
        ],
      },
    ]);
  });

  for (const model of ["gpt", "claude"]) {
    test(`speaks Responses with ${model}: text, calls and usage`, async (t) => {
      const one = await rig(t);
      one.claude.answer = streams(golden("messages-calls"));
      one.gpt.answer = streams(golden("chat-calls"));
      const tools = [{ type: "function" as const, name: "get_weather", parameters: SCHEMA, strict: false }];
      const stream = one.openai.responses.stream({ model, input: "hello", tools });
      const deltas: string[] = [];
      stream.on("response.output_text.delta", ({ delta }) => deltas.push(delta));
      const response = await stream.finalResponse();
      assert.equal(response.status, "completed");
      const calls = response.output.filter((item) => item.type === "function_call");
      assert.deepEqual(
        calls.map(({ name, arguments: args }) => ({ name, args: JSON.parse(args) as unknown })),
        [WEATHER, TIME],
      );
      assert.equal(deltas.join(""), model === "claude" ? "Let me look." : "");
      assert.equal(response.usage?.output_tokens, model === "claude" ? 89 : 25);
    });
  }

  test("asks for embeddings and for the list of models", async (t) => {
    const one = await rig(t);
    one.gpt.answer = says({
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: [0.5, -1] }],
      model: "e",
      usage: { prompt_tokens: 1, total_tokens: 1 },
    });
    const { data } = await one.openai.embeddings.create({ model: "gpt", input: "hello", encoding_format: "float" });
    assert.deepEqual(data[0]?.embedding, [0.5, -1]);
    const names: string[] = [];
    for await (const { id } of one.openai.models.list()) names.push(id);
    assert.deepEqual(names, ["gpt", "claude"]);
    assert.equal((await one.openai.models.retrieve("gpt")).id, "gpt");
  });
});

describe("the official Anthropic client", () => {
  for (const model of ["claude", "gpt"]) {
    test(`streams text from ${model}`, async (t) => {
      const one = await rig(t);
      const stream = one.anthropic.messages.stream({ model, max_tokens: 50, system: "Be kind.", messages: [...HELLO] });
      const texts: string[] = [];
      stream.on("text", (text) => texts.push(text));
      const message = await stream.finalMessage();
      assert.equal(texts.join(""), "Grüße, Ada 🙂.");
      assert.equal(message.stop_reason, "end_turn");
      assert.equal(message.usage.output_tokens, model === "gpt" ? 10 : 15);
      const thought = message.content.find(({ type }) => type === "thinking");
      // Untouched in its own dialect, signature and all.
      if (model === "claude") assert.ok(thought?.type === "thinking" && thought.signature.startsWith("EqQ"));
    });

    test(`gets the calls of ${model}, and gives back their results`, async (t) => {
      const one = await rig(t);
      one.gpt.answer = streams(golden("chat-calls"));
      one.claude.answer = streams(golden("messages-calls"));
      const tools = [{ name: "get_weather", input_schema: SCHEMA }];
      const stream = one.anthropic.messages.stream({ model, max_tokens: 50, messages: [...HELLO], tools });
      const { content, stop_reason: reason } = await stream.finalMessage();
      const calls = content.filter((block) => block.type === "tool_use");
      assert.equal(reason, "tool_use");
      assert.deepEqual(
        calls.map(({ name, input }) => ({ name, args: input })),
        [WEATHER, TIME],
      );
      one.gpt.answer = streams(golden("chat-text"));
      one.claude.answer = streams(golden("messages-text"));
      const results = calls.map(({ id }) => ({ type: "tool_result" as const, tool_use_id: id, content: "rain" }));
      const messages = [...HELLO, { role: "assistant" as const, content }, { role: "user" as const, content: results }];
      const next = one.anthropic.messages.stream({ model, max_tokens: 50, messages, tools });
      assert.equal(await next.finalText(), "Grüße, Ada 🙂.");
      const sent = (model === "gpt" ? one.gpt : one.claude).asked.at(-1)?.text ?? "";
      for (const { id } of calls)
        assert.equal(sent.split(id).length, 3, "each call is named once, and its result once");
    });
  }

  test("gets a whole answer of the other dialect", async (t) => {
    const one = await rig(t);
    const message = {
      role: "assistant",
      content: "A dot.",
      tool_calls: [{ id: "a", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } }],
    };
    one.gpt.answer = says({
      choices: [{ index: 0, message, finish_reason: "tool_calls" }],
      usage: { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4 } },
    });
    const {
      content,
      usage,
      stop_reason: reason,
    } = await one.anthropic.messages.create({ model: "gpt", max_tokens: 9, messages: [...HELLO] });
    assert.deepEqual(content, [
      { type: "text", text: "A dot." },
      { type: "tool_use", id: "a", name: "get_weather", input: { city: "Paris" } },
    ]);
    assert.deepEqual(
      [usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens, reason],
      [5, 4, 1, "tool_use"],
    );
  });

  test("lists the models; how many tokens a text has, nobody guesses", async (t) => {
    const one = await rig(t);
    const names: string[] = [];
    for await (const { id } of one.anthropic.models.list()) names.push(id);
    assert.deepEqual(names, ["gpt", "claude"]);
    const counting = one.anthropic.messages.countTokens({ model: "claude", messages: [...HELLO] });
    await assert.rejects(
      counting,
      (error) => error instanceof Anthropic.NotFoundError && /not counted/.test(error.message),
    );
  });
});

describe("errors are the clients' own", () => {
  test("of a token, a model, a budget, a body, and of the provider", async (t) => {
    const one = await rig(t);
    const chat = (client: OpenAI, model = "gpt"): Promise<unknown> =>
      client.chat.completions.create({ model, messages: [...HELLO], stream: true });
    const messages = (client: Anthropic, model = "claude"): Promise<unknown> =>
      client.messages.create({ model, max_tokens: 9, messages: [...HELLO] });
    const badKey = { apiKey: "x".repeat(43), maxRetries: 0 };
    await assert.rejects(chat(new OpenAI({ ...badKey, baseURL: `${one.url}/v1` })), OpenAI.AuthenticationError);
    await assert.rejects(messages(new Anthropic({ ...badKey, baseURL: one.url })), Anthropic.AuthenticationError);
    await assert.rejects(
      chat(one.openai, "gpt-9"),
      (error) => error instanceof OpenAI.NotFoundError && /There are 'gpt', 'claude', 'auto'/.test(error.message),
    );
    await assert.rejects(messages(one.anthropic, "gpt-9"), Anthropic.NotFoundError);
    const office = { apiKey: one.tokens.office, maxRetries: 0 };
    await assert.rejects(chat(new OpenAI({ ...office, baseURL: `${one.url}/v1` })), OpenAI.PermissionDeniedError);
    await assert.rejects(messages(new Anthropic({ ...office, baseURL: one.url })), Anthropic.PermissionDeniedError);
    one.gpt.answer = says({ error: { message: "slow down", type: "requests", code: "rate" } }, 429, {
      "retry-after": "3",
    });
    await assert.rejects(
      chat(one.openai),
      (error) =>
        error instanceof OpenAI.RateLimitError && error.code === "rate" && error.headers.get("retry-after") === "3",
    );
    one.claude.answer = says({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, 529);
    await assert.rejects(
      messages(one.anthropic),
      (error) => error instanceof Anthropic.APIError && error.status === 529 && error.type === "overloaded_error",
    );
    one.claude.answer = says({ type: "error", error: { type: "authentication_error", message: "bad key" } }, 401);
    await assert.rejects(
      messages(one.anthropic),
      (error) => error instanceof Anthropic.APIError && error.status === 502,
    );
    // What a provider refuses before any work, nobody pays for.
    assert.deepEqual(one.store.budgets.spent("day:2027-01-15"), { spent: 0, held: 0 });
    one.budget("{ day: 0.0000001 }");
    // A budget does not come back by asking again: the clients are told so, and do not.
    const eager = new OpenAI({ baseURL: `${one.url}/v1`, apiKey: one.tokens.shell });
    const asked = one.gpt.asked.length;
    await assert.rejects(
      chat(eager),
      (error) => error instanceof OpenAI.RateLimitError && /budget/.test(error.message),
    );
    assert.equal(one.gpt.asked.length, asked);
    assert.equal(
      one.store.ledger.entries({ after: 0, limit: 1_000 }).filter(({ kind }) => kind === "denied").length,
      6,
    );
  });

  test("in the middle of a stream, in both dialects and across them", async (t) => {
    const one = await rig(t);
    const error = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    const [begun = ""] = golden("messages-text").split("event: message_delta");
    one.claude.answer = streams(`${begun}event: error\ndata: ${error}\n\n`);
    one.gpt.answer = streams(golden("chat-text").split("data: ").slice(0, 3).join("data: "));
    const own = one.anthropic.messages.stream({ model: "claude", max_tokens: 9, messages: [...HELLO] });
    await assert.rejects(own.finalMessage(), /Overloaded/);
    const other = one.anthropic.messages.stream({ model: "gpt", max_tokens: 9, messages: [...HELLO] });
    await assert.rejects(other.finalMessage(), /ended before its answer did/);
    for (const [model, reason] of [
      ["gpt", /ended before its answer did/],
      ["claude", /Overloaded/],
    ] as const) {
      const stream = await one.openai.chat.completions.create({ model, messages: [...HELLO], stream: true });
      let text = "";
      await assert.rejects(async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      }, reason);
      assert.match(text, /^Grüße/);
    }
    const responses = await one.openai.responses.create({ model: "gpt", input: "hello", stream: true });
    const types: string[] = [];
    await assert.rejects(async () => {
      for await (const { type } of responses) types.push(type);
    }, /ended before its answer did/);
    assert.ok(types.includes("response.output_text.delta") && !types.includes("response.completed"));
  });
});

test("what a client did not wait for is charged as what it was", async (t) => {
  const one = await rig(t);
  const [begun = "", rest = ""] = golden("messages-text").split("event: message_delta");
  const gone = Promise.withResolvers<void>();
  one.claude.answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(begun);
    gone.promise.finally(() => response.end(`event: message_delta${rest}`)).catch(() => response.destroy());
  };
  const settled = Promise.withResolvers<unknown>();
  one.store.ledger.onAppend(({ kind, facts }) => kind === "outcome" && settled.resolve(facts["usage"]));
  const stream = one.anthropic.messages.stream({ model: "claude", max_tokens: 50, messages: [...HELLO] });
  stream.on("text", () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  gone.resolve();
  assert.deepEqual(await settled.promise, { input: 132, cacheRead: 100, cacheWrite: 7, output: 15, reasoning: 0 });
});
