import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, isObject, type JsonValue } from "../kernel/index.ts";
import { decodeHeader, encodeHeader } from "./eras.ts";
import { readInbound } from "./inbound.ts";
import { parseIncoming, replyText, requestText } from "./messages.ts";
import { createSseReader, sseText } from "./sse.ts";

/** Like messages of the protocol, but never sure to be one. */
const nearMessage = fc.record(
  {
    jsonrpc: fc.constantFrom("2.0", "1.0"),
    id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.double()),
    method: fc.oneof(fc.constantFrom("tools/call", "initialize", "ping"), fc.jsonValue()),
    params: fc.oneof(fc.jsonValue(), fc.record({ _meta: fc.jsonValue(), name: fc.jsonValue() })),
    result: fc.jsonValue(),
    error: fc.jsonValue(),
  },
  { requiredKeys: ["jsonrpc"] },
);
const anyText = fc.oneof(
  fc.string(),
  fc.json(),
  nearMessage.map((value) => JSON.stringify(value)),
);

test("no text from a server makes us fail, and what is taken can be hashed and sent on", () => {
  const check = (text: string): void => {
    const incoming = parseIncoming(text);
    if (incoming.kind === "noise") return;
    for (const message of incoming.messages) {
      if (message.kind === "reply" && message.reply.kind === "result") canonical(message.reply.result);
      if (message.kind === "reply") JSON.parse(replyText(message.id, message.reply));
    }
  };
  fc.assert(fc.property(anyText, check), { numRuns: 2000 });
});

test("no body from a client makes us fail, and each is a message or a refusal with a code", () => {
  const headers = fc.dictionary(
    fc.constantFrom("mcp-protocol-version", "mcp-method", "mcp-name"),
    fc.oneof(fc.constantFrom("2026-07-28", "2025-11-25", "tools/call"), fc.string()),
  );
  const body = fc.oneof(
    fc.uint8Array(),
    anyText.map((text) => Buffer.from(text, "utf8")),
  );
  const check = (bytes: Uint8Array, named: Record<string, string>): void => {
    const inbound = readInbound(Buffer.from(bytes), named);
    if (inbound.kind === "refused") assert.equal(inbound.refusal.status, 400);
    else assert.ok(inbound.message.kind === "reply" || isObject(inbound.message.params));
  };
  fc.assert(fc.property(body, headers, check), { numRuns: 2000 });
});

test("the arguments' text goes out byte for byte behind the protocol's own key", () => {
  const params = fc.dictionary(
    fc.string().filter((key) => key !== "_meta" && key !== "__proto__"),
    fc.jsonValue(),
  );
  const check = (value: Record<string, unknown>): void => {
    const paramsText = canonical(JSON.parse(JSON.stringify(value)) as JsonValue);
    const text = requestText({ id: 1, method: "m", paramsText, meta: { progressToken: 1 } });
    assert.ok(text.endsWith(`${paramsText.slice(1)}}`));
    const { params: sent } = JSON.parse(text) as { params: object };
    assert.deepEqual(sent, { _meta: { progressToken: 1 }, ...(JSON.parse(paramsText) as object) });
  };
  fc.assert(fc.property(params, check), { numRuns: 500 });
});

test("any name survives the header", () => {
  const name = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(name, (text) => assert.equal(decodeHeader(encodeHeader(text)), text)));
  for (const forged of ["=?base64?!?=", "=?base64?YQ?=", "=?base64?/w==?="]) assert.equal(decodeHeader(forged), null);
});

test("events are the same however the bytes are cut", () => {
  const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 5 });
  const check = (texts: readonly string[], places: readonly number[]): void => {
    const sent = texts.map((text) => JSON.stringify(text));
    const bytes = Buffer.from(sent.map((text) => sseText(text)).join(""), "utf8");
    const heard: string[] = [];
    const reader = createSseReader(10_000, (event) => heard.push(event.data));
    let start = 0;
    for (const end of [...places.toSorted((a, b) => a - b), bytes.length]) {
      assert.ok(reader.feed(bytes.subarray(start, Math.max(start, end))));
      start = Math.max(start, end);
    }
    assert.deepEqual(heard, sent);
  };
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" })), cuts, check));
});
