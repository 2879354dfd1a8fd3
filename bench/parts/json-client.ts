// An MCP client that reads answers as they are meant to be read, for benches that look at what is said.

import { isObject, type JsonObject } from "../../src/kernel/index.ts";

const PROTOCOL = "2025-11-25";

export interface JsonClient {
  /** The result. Rejects when it is an error. */
  call(method: string, params: JsonObject): Promise<JsonObject>;
  /** The whole answer as it came, unread. */
  text(method: string, params: JsonObject): Promise<string>;
}

export async function jsonClient(url: string, token: string): Promise<JsonClient> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    authorization: `Bearer ${token}`,
  };
  const post = async (body: JsonObject): Promise<Response> => {
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...body }) });
    if (!response.ok) throw new Error(`${response.status}: ${(await response.text()).slice(0, 300)}`);
    return response;
  };
  const clientInfo = { name: "bench", version: "1" };
  const hello = await post({
    id: 0,
    method: "initialize",
    params: { protocolVersion: PROTOCOL, capabilities: {}, clientInfo },
  });
  await hello.text();
  headers["mcp-protocol-version"] = PROTOCOL;
  headers["mcp-session-id"] = hello.headers.get("mcp-session-id") ?? "";
  await (await post({ method: "notifications/initialized" })).text();
  let lastId = 0;
  async function text(method: string, params: JsonObject): Promise<string> {
    lastId += 1;
    return (await post({ id: lastId, method, params })).text();
  }
  return {
    text,
    async call(method, params) {
      const answer = await text(method, params);
      const data = /^data: (.*)$/m.exec(answer)?.[1] ?? answer;
      const reply: unknown = JSON.parse(data);
      if (!isObject(reply) || !isObject(reply["result"])) throw new Error(`${method}: ${answer.slice(0, 300)}`);
      return reply["result"];
    },
  };
}
