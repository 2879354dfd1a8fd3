import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readJson, type Dialect, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { Wire, WireFault } from "./peer.ts";
import { wireFor, type Target } from "./wire.ts";

const CHAT: Target = {
  speaks: "openai-chat",
  url: "https://models.example/v1",
  model: "exact-chat",
  contextTokens: null,
  isLocal: false,
};
const MESSAGES: Target = { ...CHAT, speaks: "anthropic-messages", model: "exact-messages" };
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";

function wired(target: Target, dialect: Dialect, body: JsonObject): Wire {
  const wire = wireFor(target, { dialect, body });
  assert.ok(!("kind" in wire), "kind" in wire ? wire.reason : "");
  return wire;
}

function bodyOf(target: Target, dialect: Dialect, body: JsonObject): JsonValue {
  return readJson(wired(target, dialect, body).text);
}

function fault(target: Target, dialect: Dialect, body: JsonObject): WireFault {
  const wire = wireFor(target, { dialect, body });
  assert.ok("kind" in wire, "it was not refused");
  return wire;
}

const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const CHAT_BODY: JsonObject = {
  model: "auto",
  messages: [
    { role: "system", content: "Be short." },
    { role: "developer", content: [{ type: "text", text: "And kind." }] },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } },
        { id: "call_2", type: "function", function: { name: "weather", arguments: "" } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: "rain" },
    { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "sun" }] },
    { role: "user", content: "And now?" },
  ],
  tools: [
    { type: "function", function: { name: "weather", description: "Tells it.", parameters: SCHEMA, strict: true } },
  ],
  tool_choice: "required",
  parallel_tool_calls: false,
  max_tokens: 500,
  temperature: 0.5,
  top_p: 0.9,
  stop: "END",
  stream: true,
  response_format: { type: "json_schema", json_schema: { name: "answer", schema: SCHEMA, strict: true } },
  seed: 7,
  user: "ada",
};
const MESSAGES_BODY: JsonObject = {
  system: "Be short.\n\nAnd kind.",
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "tool_use", id: "call_1", name: "weather", input: { city: "Paris" } },
        { type: "tool_use", id: "call_2", name: "weather", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "rain" }] },
        { type: "tool_result", tool_use_id: "call_2", content: [{ type: "text", text: "sun" }] },
        { type: "text", text: "And now?" },
      ],
    },
  ],
  temperature: 0.5,
  top_p: 0.9,
  max_tokens: 500,
  stream: true,
  stop_sequences: ["END"],
  tools: [{ name: "weather", description: "Tells it.", input_schema: SCHEMA, strict: true }],
  tool_choice: { type: "any", disable_parallel_tool_use: true },
  output_config: { format: { type: "json_schema", schema: SCHEMA } },
  model: "exact-messages",
};

describe("a body in the model's own dialect", () => {
  test("keeps what nobody here knows; the model, the limit and the usage are ours", () => {
    const body: JsonObject = {
      model: "one",
      messages: [],
      future: { deep: [1, null] },
      stream: true,
      stream_options: { x: 1 },
    };
    assert.deepEqual(bodyOf(CHAT, "openai-chat", body), {
      ...body,
      model: "exact-chat",
      max_tokens: 8_192,
      stream_options: { x: 1, include_usage: true },
    });
    const other: JsonObject = {
      model: "one",
      max_tokens: 7,
      messages: [],
      future: [{ cache_control: { type: "ephemeral" } }],
    };
    assert.deepEqual(bodyOf(MESSAGES, "anthropic-messages", other), { ...other, model: "exact-messages" });
  });

  test("has one limit, in the words of the host, and never a higher one than there is room for", () => {
    const both: JsonObject = { messages: [], max_tokens: 50, max_completion_tokens: 40 };
    assert.deepEqual(bodyOf(CHAT, "openai-chat", both), { messages: [], max_tokens: 40, model: "exact-chat" });
    const openai = { ...CHAT, url: "https://api.openai.com/v1" };
    assert.deepEqual(bodyOf(openai, "openai-chat", both), {
      messages: [],
      max_completion_tokens: 40,
      model: "exact-chat",
    });
    for (const [target, limit] of [
      [{ ...CHAT, contextTokens: 4_096 }, 4_096],
      [{ ...CHAT, outputTokensMax: 1_000 }, 1_000],
      [CHAT, 131_072],
    ] as const) {
      assert.equal(wired(target, "openai-chat", { messages: [], max_tokens: 1e6 }).outputTokensMax, limit);
    }
  });
});

describe("a body of another dialect", () => {
  test("of chat is written as Messages", () => {
    assert.deepEqual(bodyOf(MESSAGES, "openai-chat", CHAT_BODY), MESSAGES_BODY);
  });

  test("of Messages is written as chat, and back to what it was", () => {
    const chat = bodyOf(CHAT, "anthropic-messages", MESSAGES_BODY);
    assert.ok(typeof chat === "object" && chat !== null && "messages" in chat);
    const { stream_options: options, ...rest } = chat;
    assert.deepEqual(options, { include_usage: true });
    assert.deepEqual(bodyOf(MESSAGES, "openai-chat", rest), MESSAGES_BODY);
  });

  test("of Messages keeps a failed call a failed one, and shows an image that a tool gave", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } };
    const results = [
      { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "seen" }, image] },
      { type: "tool_result", tool_use_id: "b", content: "not found", is_error: true },
    ];
    const thought = [
      { type: "thinking", thinking: "hm", signature: "x" },
      { type: "text", text: "I look." },
    ];
    const body = {
      max_tokens: 5,
      messages: [
        { role: "assistant", content: thought },
        { role: "user", content: results },
      ],
    };
    assert.deepEqual(bodyOf(CHAT, "anthropic-messages", body), {
      messages: [
        { role: "assistant", content: "I look." },
        { role: "tool", tool_call_id: "a", content: "seen\n(an image, which follows)" },
        { role: "tool", tool_call_id: "b", content: "Error: not found" },
        { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      ],
      max_tokens: 5,
      model: "exact-chat",
    });
  });

  test("of Responses is written as both", () => {
    const body: JsonObject = {
      model: "auto",
      instructions: "Be short.",
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "What is this?" },
            { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
          ],
        },
        { type: "reasoning", id: "rs_1", summary: [] },
        { type: "function_call", id: "fc_1", call_id: "call_1", name: "weather", arguments: '{"city":"Paris"}' },
        { type: "function_call_output", call_id: "call_1", output: "rain" },
      ],
      tools: [{ type: "function", name: "weather", parameters: SCHEMA, strict: false }],
      tool_choice: { type: "function", name: "weather" },
      max_output_tokens: 99,
      text: { format: { type: "json_schema", name: "answer", schema: SCHEMA } },
      store: false,
      reasoning: { effort: "low" },
    };
    assert.deepEqual(bodyOf(MESSAGES, "openai-responses", body), {
      system: "Be short.",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
          ],
        },
        { role: "assistant", content: [{ type: "tool_use", id: "call_1", name: "weather", input: { city: "Paris" } }] },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "rain" }] }],
        },
      ],
      max_tokens: 99,
      tools: [{ name: "weather", input_schema: SCHEMA }],
      tool_choice: { type: "tool", name: "weather" },
      output_config: { format: { type: "json_schema", schema: SCHEMA } },
      model: "exact-messages",
    });
    assert.deepEqual(bodyOf(CHAT, "openai-responses", { model: "x", input: "hello", stream: true }), {
      messages: [{ role: "user", content: "hello" }],
      stream: true,
      model: "exact-chat",
      max_tokens: 8_192,
      stream_options: { include_usage: true },
    });
  });
});

describe("what cannot be said is refused by name", () => {
  const user = { messages: [{ role: "user", content: "x" }] };
  const refusals: readonly (readonly [Dialect, Target, JsonObject, RegExp])[] = [
    ["openai-chat", MESSAGES, { ...user, logprobs: true }, /logprobs/],
    ["openai-chat", MESSAGES, { ...user, n: 2 }, /not n/],
    ["openai-chat", MESSAGES, { ...user, presence_penalty: 0.5 }, /penalties/],
    ["openai-chat", MESSAGES, { ...user, temperature: 1.5 }, /from 0 to 1/],
    ["openai-chat", MESSAGES, { ...user, response_format: { type: "json_object" } }, /json_object/],
    ["openai-chat", MESSAGES, { ...user, future: 1 }, /the body has 'future'/],
    ["openai-chat", MESSAGES, { ...user, tools: [{ type: "custom", custom: { name: "x" } }] }, /type 'custom'/],
    ["openai-chat", MESSAGES, { ...user, tool_choice: { type: "allowed_tools" } }, /tool_choice/],
    ["openai-chat", MESSAGES, { messages: [{ role: "user", content: [{ type: "file", file: {} }] }] }, /type 'file'/],
    ["openai-chat", MESSAGES, { messages: [{ role: "robot", content: "x" }] }, /'robot'/],
    ["openai-chat", MESSAGES, { messages: "x" }, /messages is no list/],
    [
      "openai-chat",
      MESSAGES,
      { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "b", arguments: "{" } }] }] },
      /no JSON object/,
    ],
    ["anthropic-messages", CHAT, { ...user, future: 1 }, /the body has 'future'/],
    ["anthropic-messages", CHAT, { ...user, tools: [{ type: "bash_20250124", name: "bash" }] }, /bash_20250124/],
    [
      "anthropic-messages",
      CHAT,
      { messages: [{ role: "user", content: [{ type: "document", source: {} }] }] },
      /type 'document'/,
    ],
    ["anthropic-messages", CHAT, { ...user, output_config: { format: { type: "xml" } } }, /format/],
    ["openai-responses", CHAT, { input: "x", previous_response_id: "resp_1" }, /nothing is stored here/],
    ["openai-responses", CHAT, { input: "x", background: true }, /background/],
    ["openai-responses", CHAT, { input: "x", tools: [{ type: "web_search" }] }, /type 'web_search'/],
    ["openai-responses", CHAT, { input: [{ type: "item_reference", id: "x" }] }, /item_reference/],
    ["openai-embeddings", MESSAGES, { input: "x" }, /no embeddings/],
    ["openai-embeddings", CHAT, { input: { a: 1 } }, /input is no text/],
  ];
  for (const [dialect, target, body, reason] of refusals) {
    test(`${dialect} to ${target.speaks}: ${reason.source}`, () => {
      const { kind, reason: said } = fault(target, dialect, body);
      assert.equal(kind, "malformed");
      assert.match(said, reason);
    });
  }
});

describe("an image that the model's engine would fetch is refused, so that nothing is told to its address", () => {
  const url = "https://pictures.example/a.png?notes=all";
  const content = (part: JsonObject): JsonObject => ({ messages: [{ role: "user", content: [part] }] });
  const image: JsonObject = { type: "image", source: { type: "url", url } };
  const bodies: readonly (readonly [Dialect, JsonObject])[] = [
    ["openai-chat", content({ type: "image_url", image_url: { url } })],
    ["openai-chat", content({ type: "image_url", image_url: { url: "file:///etc/passwd" } })],
    ["openai-chat", content({ type: "image_url", image_url: url })],
    ["openai-responses", { input: [{ role: "user", content: [{ type: "input_image", image_url: url }] }] }],
    ["anthropic-messages", content(image)],
    ["anthropic-messages", content({ type: "image", source: { type: "file", file_id: "f" } })],
    ["anthropic-messages", content({ type: "tool_result", tool_use_id: "c", content: [image] })],
  ];
  for (const [dialect, body] of bodies) {
    for (const target of [CHAT, MESSAGES]) {
      test(`${JSON.stringify(body).slice(0, 90)} for ${target.speaks}`, () => {
        assert.equal(fault(target, dialect, { max_tokens: 5, ...body }).kind, "malformed");
      });
    }
  }
});

describe("what has no bound in price is refused, also in the model's own dialect", () => {
  const user = { messages: [{ role: "user", content: "x" }] };
  const content = (part: JsonObject): JsonObject => ({ messages: [{ role: "user", content: [part] }] });
  const refusals: readonly (readonly [Dialect, JsonObject, RegExp])[] = [
    ["openai-chat", { ...user, web_search_options: {} }, /web_search_options/],
    ["openai-chat", { ...user, plugins: [{ id: "web" }] }, /plugins/],
    ["openai-chat", { ...user, models: ["dear"] }, /models/],
    ["openai-chat", { ...user, search_parameters: { mode: "on" } }, /search_parameters/],
    ["openai-chat", { ...user, max_tokens: 10, n_predict: -1 }, /n_predict/],
    ["openai-chat", { ...user, modalities: ["text", "audio"] }, /only text/],
    ["openai-chat", { ...user, service_tier: "priority" }, /'priority'/],
    ["openai-chat", { ...user, tools: [{ type: "web_search" }] }, /'web_search'/],
    ["openai-chat", { ...user, n: 100 }, /n is from 1/],
    ["openai-chat", { ...user, max_tokens: 0.5 }, /no whole number/],
    ["openai-chat", { ...user, stream: "yes" }, /neither true nor false/],
    ["openai-chat", content({ type: "input_audio", input_audio: {} }), /input_audio/],
    ["anthropic-messages", { ...user, mcp_servers: [] }, /mcp_servers/],
    ["anthropic-messages", { ...user, speed: "fast" }, /speed/],
    ["anthropic-messages", { ...user, inference_geo: "us" }, /inference_geo/],
    [
      "anthropic-messages",
      { ...user, tools: [{ type: "web_search_20250305", name: "web_search" }] },
      /web_search_20250305/,
    ],
    [
      "anthropic-messages",
      content({ type: "document", source: { type: "base64", data: "" } }),
      /document of type 'base64'/,
    ],
    ["anthropic-messages", content({ type: "container_upload" }), /container_upload/],
    [
      "anthropic-messages",
      content({ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }),
      /longer than 5 minutes/,
    ],
  ];
  for (const [dialect, body, reason] of refusals) {
    test(`${dialect}: ${reason.source}`, () => {
      const target = dialect === "openai-chat" ? CHAT : MESSAGES;
      assert.match(fault(target, dialect, { max_tokens: 5, ...body }).reason, reason);
    });
  }
});

describe("the bound", () => {
  test("is no less than the bytes of the body, and counts an image by its most and not by its bytes", () => {
    const body = (url: string): JsonObject => ({
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });
    const plain = wired(CHAT, "openai-chat", { messages: [{ role: "user", content: "Grüße" }] });
    assert.ok(plain.inputTokensMax >= Buffer.byteLength(plain.text));
    const small = wired(CHAT, "openai-chat", body(`data:image/png;base64,${PIXEL}`));
    const large = wired(CHAT, "openai-chat", body(`data:image/png;base64,${PIXEL.repeat(1_000)}`));
    assert.equal(small.inputTokensMax, large.inputTokensMax);
    assert.ok(small.inputTokensMax >= plain.inputTokensMax + 48_169);
    const messages = (data: string): JsonObject => ({
      max_tokens: 5,
      messages: [
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "a", content: [{ type: "image", source: { type: "base64", data } }] },
          ],
        },
      ],
    });
    assert.equal(
      wired(MESSAGES, "anthropic-messages", messages(PIXEL)).inputTokensMax,
      wired(MESSAGES, "anthropic-messages", messages(PIXEL.repeat(1_000))).inputTokensMax,
    );
  });

  test("counts every choice, and a prediction that may turn out wrong", () => {
    const body = { messages: [], max_tokens: 10, n: 3, prediction: { type: "content", content: "abc" } };
    assert.ok(wired(CHAT, "openai-chat", body).outputTokensMax > 30);
  });

  test("says what is too long for the model before it is sent, earlier where it would be cut off silently", () => {
    const body = (bytes: number): JsonObject => ({ messages: [{ role: "user", content: "x".repeat(bytes) }] });
    const target = { ...CHAT, contextTokens: 1_000 };
    assert.deepEqual(fault(target, "openai-chat", body(9_000)).kind, "too-long");
    wired(target, "openai-chat", body(6_000));
    assert.match(fault({ ...target, isLocal: true }, "openai-chat", body(6_000)).reason, /reads 1000/);
  });
});
