// A program that speaks MCP to the gateway over HTTP, as an agent would; the drill's script decides what it calls.

import { isObject, parseStrict, textAt, type JsonObject } from "../kernel/index.ts";

export interface DrillClient {
  call(tool: string, args: JsonObject): Promise<{ readonly text: string; readonly isError: boolean }>;
}

export async function openDrillClient(where: { readonly url: string; readonly token: string }): Promise<DrillClient> {
  let session: string | null = null;
  let id = 0;

  async function post(method: string, params: JsonObject): Promise<JsonObject> {
    id += 1;
    const response = await fetch(where.url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${where.token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(session === null ? {} : { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
    });
    session ??= response.headers.get("mcp-session-id");
    const parsed = parseStrict(await response.text());
    return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
  }

  await post("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "scripted", version: "1" },
  });
  return {
    async call(tool, args) {
      const reply = await post("tools/call", { name: tool, arguments: args });
      const result = isObject(reply["result"]) ? reply["result"] : null;
      if (result === null) return { text: JSON.stringify(reply["error"] ?? {}), isError: true };
      const content = Array.isArray(result["content"]) ? result["content"].filter(isObject) : [];
      const text = content.map((item) => textAt(item, "text") ?? "").join("\n");
      return { text, isError: result["isError"] === true };
    },
  };
}
