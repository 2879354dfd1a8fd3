import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, ModelEvent } from "../kernel/index.ts";
import { answered, CHAT, failed, HELLO, KEY, kinds, rig, WHOLE } from "../../tests/fixtures/http-model.ts";
import { golden, says, startProvider, streams, type ProviderAnswer } from "../../tests/fixtures/model-provider.ts";
import { openHttpModel, type HttpModelOptions } from "./http-model.ts";
import type { Wire } from "./peer.ts";

describe("an answer", () => {
  test("of the chat dialect comes as raw messages and as pieces, with its usage and its own name", async (t) => {
    const one = await rig(t, streams(golden("chat-text")));
    const reply = answered(await one.ask());
    assert.deepEqual(
      { ...reply, firstMs: null },
      {
        kind: "answered",
        identity: "gpt-test-2026-05-01",
        body: null,
        text: "Grüße, Ada 🙂.",
        calls: [],
        end: "stop",
        usage: { input: 19, cacheRead: 4, cacheWrite: 0, output: 10, reasoning: 2 },
        firstMs: null,
      },
    );
    assert.equal(kinds(one.events), "raw raw text raw text raw end raw");
    assert.ok((reply.firstMs ?? -1) >= 0);
  });

  test("of the Messages dialect comes the same way, its three kinds of input as one sum", async (t) => {
    const one = await rig(t, streams(golden("messages-text")), { speaks: "anthropic-messages" });
    const reply = answered(await one.ask());
    assert.equal(reply.text, "Grüße, Ada 🙂.");
    assert.deepEqual(reply.usage, { input: 132, cacheRead: 100, cacheWrite: 7, output: 15, reasoning: 0 });
    assert.equal(kinds(one.events), "raw raw raw raw thinking raw raw raw raw text raw text raw raw raw end");
    const [asked] = one.asked;
    assert.ok(asked !== undefined);
    assert.equal(asked.path, "/v1/messages");
    assert.deepEqual(
      ["x-api-key", "anthropic-version", "authorization"].map((name) => asked.headers[name]),
      [KEY, "2023-06-01", undefined],
    );
  });

  test("brings its calls, one without arguments too", async (t) => {
    const chat = await rig(t, streams(golden("chat-calls")));
    const messages = await rig(t, streams(golden("messages-calls")), { speaks: "anthropic-messages" });
    const expected = [
      { id: "call_DdmO9pD3xa9XTPNJ32zg2hcA", name: "get_weather", args: '{"city":"Paris"}' },
      { id: "call_2", name: "get_time", args: "{}" },
    ];
    const first = answered(await chat.ask());
    assert.deepEqual([first.calls, first.end], [expected, "calls"]);
    const second = answered(await messages.ask());
    assert.deepEqual([second.calls.map(({ args }) => args), second.end], [['{"city": "Paris"}', "{}"], "calls"]);
  });

  test("that is whole is kept as it came", async (t) => {
    const one = await rig(t, says(CHAT));
    const reply = answered(await one.ask(WHOLE));
    assert.deepEqual([reply.text, reply.body, one.events], ["hi", CHAT, []]);
    const [asked] = one.asked;
    assert.equal(asked?.headers.authorization, `Bearer ${KEY}`);
    assert.deepEqual(asked?.body, { ...WHOLE, model: "exact-2026", max_tokens: 8_192 });
  });

  test("that is whole though a stream was asked for is told in pieces", async (t) => {
    const one = await rig(t, says(CHAT));
    assert.equal(answered(await one.ask()).text, "hi");
    assert.equal(kinds(one.events), "text end");
  });

  test("with a call whose arguments are broken JSON is passed on as it was written", async (t) => {
    const broken = golden("chat-calls").replaceAll('\\"Paris\\"}', '\\"Par');
    const reply = answered(await (await rig(t, streams(broken))).ask());
    assert.equal(reply.calls[0]?.args, '{"city":"Par');
  });

  test("with no usage, or with one that is no count, has none", async (t) => {
    const none = golden("chat-text").replace(/"usage":\{.*\},"obfuscation"/, '"usage":null,"obfuscation"');
    assert.equal(answered(await (await rig(t, streams(none))).ask()).usage, null);
    for (const wrong of ["-1", '"19"', "1.5", "1e300"]) {
      const text = golden("chat-text").replace('"prompt_tokens":19', `"prompt_tokens":${wrong}`);
      assert.equal(answered(await (await rig(t, streams(text))).ask()).usage, null, wrong);
    }
    const zero = golden("chat-text").replace('"prompt_tokens":19', '"prompt_tokens":0');
    assert.equal(answered(await (await rig(t, streams(zero))).ask()).usage?.input, 0);
  });

  test("that is nested too deep to be written again is no answer, wherever it stands", async (t) => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const block = `{"type":"tool_use","id":"c","name":"n","input":{"a":${deep}}}`;
    const started = `data: {"type":"content_block_start","index":0,"content_block":${block}}\n\n`;
    const head = { "content-type": "application/json" };
    const answers: readonly ProviderAnswer[] = [
      (response) => response.writeHead(400, head).end(`{"error":{"message":"no"},"a":${deep}}`),
      (response) => response.writeHead(200, head).end(`{"content":[${block}],"choices":[{"message":{}}]}`),
      streams(started),
      streams(`data: {"error":{"message":"no"},"a":${deep}}\n\n`),
    ];
    for (const speaks of ["openai-chat", "anthropic-messages"] as const) {
      for (const answer of answers) failed(await (await rig(t, answer, { speaks })).ask());
    }
  });

  test("with nothing in it is an answer with nothing in it", async (t) => {
    const text = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    const reply = answered(await (await rig(t, streams(text))).ask());
    assert.deepEqual([reply.text, reply.calls, reply.end], ["", [], "stop"]);
  });

  test("with bytes that are no UTF-8 is read, and they are signs of replacement", async (t) => {
    const [before = "", after = ""] = golden("chat-text").split("Grüße");
    const one = await rig(t, (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe]), Buffer.from(after)]));
    });
    assert.equal(answered(await one.ask()).text, "\uFFFD\uFFFD, Ada 🙂.");
  });

  test("connections are permitted once each, and used again", async (t) => {
    const one = await rig(t, says(CHAT));
    for (let turn = 0; turn < 3; turn += 1) answered(await one.ask(WHOLE));
    assert.deepEqual([one.connections(), one.permitted], [1, [new URL(one.url).host]]);
  });

  test("a stream that is not closed after its last message is an answer all the same", async (t) => {
    const one = await rig(t, (response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).write(golden("chat-text")),
    );
    assert.equal(answered(await one.ask()).end, "stop");
  });
});

describe("a failure", () => {
  for (const [status, retry, ms] of [
    [429, { "retry-after": "7" }, 7_000],
    [429, { "retry-after": "99", "retry-after-ms": "1500" }, 1_500],
    [500, {}, null],
    [529, { "retry-after": "soon" }, null],
  ] as const) {
    test(`of the provider is told as it said it: ${status} ${JSON.stringify(retry)}`, async (t) => {
      const body = { error: { type: "some_error", message: "too much of it" } };
      const reply = failed(await (await rig(t, says(body, status, retry))).ask());
      const { reason, retryAfterMs, began, isUnsent } = reply;
      assert.deepEqual(
        { reason, status: reply.status, retryAfterMs, began, isUnsent, body: reply.body },
        { reason: `HTTP ${status}: too much of it`, status, retryAfterMs: ms, began: false, isUnsent: false, body },
      );
    });
  }

  test("over a wrong key does not tell the key, even where the provider does", async (t) => {
    const reply = failed(await (await rig(t, says({ error: { message: `Incorrect API key: ${KEY}` } }, 401))).ask());
    assert.deepEqual([reply.status, reply.reason], [401, "HTTP 401: Incorrect API key: [key]"]);
    assert.deepEqual(reply.body, { error: { message: "Incorrect API key: [key]" } });
  });

  test("without a key, with one that no header carries, or without a permit sends nothing", async (t) => {
    const cases: readonly [Partial<HttpModelOptions>, RegExp][] = [
      [
        { key: () => Promise.reject(new Error("the secrets are locked")) },
        /its key cannot be had: the secrets are locked/,
      ],
      [{ key: () => Promise.resolve("a\nb") }, /no header can carry/],
      [{ permit: () => Promise.resolve(false) }, /is not permitted/],
      [{ resolve: () => Promise.reject(new Error("it leads to 10.0.0.1")) }, /leads to 10\.0\.0\.1/],
      [{ url: "http://127.0.0.1:1/v1" }, /ECONNREFUSED/],
    ];
    for (const [options, reason] of cases) {
      const one = await rig(t, says(CHAT), options);
      const reply = failed(await one.ask());
      assert.match(reply.reason, reason);
      assert.deepEqual([reply.isUnsent, reply.status, one.asked.length], [true, null, 0]);
    }
  });

  test("goes to no other place: redirects are not followed", async (t) => {
    const other = await startProvider(t, says(CHAT));
    const one = await rig(t, (response) =>
      response.writeHead(307, { location: `${other.url}/chat/completions` }).end(),
    );
    assert.match(failed(await one.ask()).reason, /redirects are not followed/);
    assert.equal(other.asked.length, 0);
  });

  test("in the middle of a stream has begun, and its usage is not believed", async (t) => {
    const dropped = await rig(
      t,
      (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const cut = golden("messages-text").split("event: content_block_stop")[1] ?? "";
        response.write(golden("messages-text").slice(0, golden("messages-text").indexOf(cut) + cut.length), () =>
          response.destroy(),
        );
      },
      { speaks: "anthropic-messages" },
    );
    const reply = failed(await dropped.ask());
    assert.deepEqual([reply.began, reply.usage, reply.status, reply.isUnsent], [true, null, null, false]);
    const ended = await rig(t, streams(golden("chat-text").split("data: ").slice(0, 3).join("data: ")));
    assert.match(failed(await ended.ask()).reason, /ended before its answer did/);
  });

  test("after the end was said, and before the usage, is an answer without usage", async (t) => {
    const text = golden("chat-text").split("data: ").slice(0, 5).join("data: ");
    const reply = answered(await (await rig(t, streams(text))).ask());
    assert.deepEqual([reply.text, reply.usage], ["Grüße, Ada 🙂.", null]);
  });

  test("that the provider says in its stream has its status; before the first piece nothing was told", async (t) => {
    const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    const [start = ""] = golden("messages-text").split("event: content_block_start");
    const early = await rig(t, streams(start + error), { speaks: "anthropic-messages" });
    const first = failed(await early.ask());
    assert.deepEqual([first.status, first.reason, first.began, early.events], [529, "Overloaded", false, []]);
    const middle = golden("messages-text").split("event: message_delta")[0] ?? "";
    const late = await rig(t, streams(middle + error), { speaks: "anthropic-messages" });
    const second = failed(await late.ask());
    assert.deepEqual([second.status, second.began], [529, true]);
    assert.ok(!kinds(late.events).includes("end"));
  });

  test("of form is told: no JSON, no answer, a stream that was not asked for, a body that is packed", async (t) => {
    const html: ProviderAnswer = (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>");
    const packed: ProviderAnswer = (response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    const cases: readonly [ProviderAnswer, JsonObject, RegExp][] = [
      [html, HELLO, /no JSON/],
      [says({ ok: true }), WHOLE, /no answer of its dialect/],
      [says({ error: "model is loading" }), WHOLE, /model is loading/],
      [streams(golden("chat-text")), WHOLE, /streams, though it was not asked to/],
      [streams("data: {broken\n\n"), HELLO, /no answer of its dialect/],
      [packed, HELLO, /answered as gzip/],
    ];
    for (const [answer, body, reason] of cases)
      assert.match(failed(await (await rig(t, answer)).ask(body)).reason, reason);
  });

  test("of size is told: a line of 100 MB, an answer without end, a refusal that is a book", async (t) => {
    const flood =
      (head: string, type: string, status = 200): ProviderAnswer =>
      (response) => {
        response.writeHead(status, { "content-type": type });
        response.write(head);
        const chunk = Buffer.alloc(64 * 1024, "x");
        let sent = 0;
        const more = (): void => {
          while (!response.destroyed && sent < 100_000_000) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once("drain", more);
          }
          response.end();
        };
        more();
      };
    const line = await rig(t, flood("data: ", "text/event-stream"), { limits: { messageCharsMax: 1_000_000 } });
    assert.match(failed(await line.ask()).reason, /a message of its stream is over 1000000 characters/);
    const body = await rig(t, flood('{"a":"', "application/json"), { limits: { answerBytesMax: 1_000_000 } });
    assert.match(failed(await body.ask()).reason, /its answer is over 1000000 bytes/);
    const book = await rig(t, flood("sorry", "text/plain", 503));
    assert.deepEqual(failed(await book.ask()).reason, "HTTP 503");
  });

  test("of time is told: no first byte, a silence in the middle, too long over all, nobody at the door", async (t) => {
    const silent = await rig(t, () => undefined, { limits: { firstMs: 20 } });
    assert.match(failed(await silent.ask()).reason, /nothing came in time/);
    const half: ProviderAnswer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(golden("chat-text").slice(0, 900));
    };
    const idle = failed(await (await rig(t, half, { limits: { idleMs: 20 } })).ask());
    assert.match(idle.reason, /fell silent/);
    assert.equal(idle.began, true);
    const long = await rig(t, half, { limits: { totalMs: 20 } });
    assert.match(failed(await long.ask()).reason, /too long over all/);
    const resolve = (): Promise<string> => Promise.resolve("192.0.2.1");
    const nobody = failed(await (await rig(t, half, { resolve, limits: { connectMs: 20 } })).ask());
    assert.equal(nobody.isUnsent, true);
  });
});

describe("whoever asked is gone", () => {
  const begun: ProviderAnswer = (response) => {
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .write(golden("chat-text").split("data: ").slice(0, 3).join("data: "));
  };

  test("nothing is told any more, and the stream is read on for what it cost", async (t) => {
    const gone = new AbortController();
    const one = await rig(t, (response, asked) => {
      begun(response, asked);
      gone.signal.addEventListener("abort", () =>
        response.end(`data: ${golden("chat-text").split("data: ").slice(3).join("data: ")}`),
      );
    });
    const told: ModelEvent[] = [];
    const reply = failed(
      await one.ask(HELLO, gone.signal, (event) => {
        told.push(event);
        if (event.kind === "text") gone.abort();
      }),
    );
    assert.deepEqual([reply.usage?.output, reply.began, reply.reason], [10, true, "ended by whoever asked"]);
    assert.equal(kinds(told), "raw raw text");
  });

  test("a stream that does not end then is cut, by time and by bytes", async (t) => {
    const byTime = new AbortController();
    const slow = await rig(t, begun, { limits: { afterMs: 20 } });
    assert.equal(failed(await slow.ask(HELLO, byTime.signal, () => byTime.abort())).usage, null);
    await slow.asked[0]?.gone;
    const byBytes = new AbortController();
    const wide = await rig(
      t,
      (response, asked) => {
        begun(response, asked);
        byBytes.signal.addEventListener("abort", () => response.write(": more\n\n".repeat(10_000)));
      },
      { limits: { afterBytesMax: 1_000 } },
    );
    failed(await wide.ask(HELLO, byBytes.signal, () => byBytes.abort()));
    await wide.asked[0]?.gone;
  });

  test("a model of the owner's own is ended at once", async (t) => {
    const gone = new AbortController();
    const one = await rig(t, begun, { isLocal: true });
    assert.equal(failed(await one.ask(HELLO, gone.signal, () => gone.abort())).reason, "ended by whoever asked");
    await one.asked[0]?.gone;
  });

  test("before anything was sent, nothing is", async (t) => {
    const one = await rig(t, begun);
    const reply = failed(await one.ask(HELLO, AbortSignal.abort()));
    assert.deepEqual([reply.isUnsent, one.asked.length], [true, 0]);
  });
});

test("embeddings go to their own address and come back as they are", async (t) => {
  const body = {
    object: "list",
    data: [{ index: 0, embedding: [0.25] }],
    model: "e-2026",
    usage: { prompt_tokens: 3, total_tokens: 3 },
  };
  const provider = await startProvider(t, says(body));
  const model = openHttpModel({
    name: "e",
    speaks: "openai-chat",
    url: provider.url,
    model: "e",
    contextTokens: 512,
    key: () => Promise.resolve(null),
    permit: () => Promise.resolve(true),
    isLocal: true,
  });
  const wire = await model.wire({ dialect: "openai-embeddings", body: { model: "x", input: ["one", "two"] } });
  assert.ok(!("kind" in wire));
  const posted = await model.post({
    wire: wire satisfies Wire,
    signal: new AbortController().signal,
    onEvent: () => undefined,
  });
  const reply = answered(posted);
  assert.deepEqual([reply.body, reply.usage?.input, reply.usage?.output], [body, 3, 0]);
  assert.deepEqual([provider.asked[0]?.path, provider.asked[0]?.headers.authorization], ["/v1/embeddings", undefined]);
});
