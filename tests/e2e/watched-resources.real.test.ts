// A resource that changes at a server of either era is told to clients of either era that watch it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { openGateway, type Upstream } from "../../bench/parts/conformance-server.ts";
import { isObject, type JsonObject } from "../../src/kernel/index.ts";

const WATCHED = "test://watched-resource";
const UPSTREAMS: readonly Upstream[] = ["stdio", "stdio-2025", "http"];
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** In the new era: the messages of a stream that stays open, as they come. */
async function* listen(url: string, uris: readonly string[]): AsyncGenerator<JsonObject> {
  const params = { _meta: ENVELOPE, notifications: { resourceSubscriptions: uris } };
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "subscriptions/listen",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params }),
  });
  assert.ok(response.body !== null);
  let rest = "";
  for await (const chunk of response.body) {
    const lines = (rest + Buffer.from(chunk).toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message: unknown = line.startsWith("data: ") ? JSON.parse(line.slice(6)) : null;
      if (isObject(message)) yield message;
    }
  }
}

for (const upstream of UPSTREAMS) {
  test(`a change at a server over ${upstream} is told to both eras`, async (t) => {
    const { url } = await openGateway(t, upstream);
    const old = new Client({ name: "old", version: "1" });
    t.after(() => old.close());
    const told = Promise.withResolvers<string>();
    old.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told.resolve(params.uri));
    await old.connect(new StreamableHTTPClientTransport(new URL(url)));
    await old.subscribeResource({ uri: WATCHED });
    await assert.rejects(old.subscribeResource({ uri: "test://nothing" }), /-32602/);
    const stream = listen(url, [WATCHED, "test://nothing"]);
    const { value: first } = await stream.next();
    const params = isObject(first) ? first["params"] : null;
    assert.deepEqual(isObject(params) ? params["notifications"] : null, { resourceSubscriptions: [WATCHED] });
    await old.callTool({ name: "test_touch_watched" });
    assert.equal(await told.promise, WATCHED);
    const { value: second } = await stream.next();
    assert.ok(isObject(second) && second["method"] === "notifications/resources/updated");
    await stream.return(undefined);
  });
}
