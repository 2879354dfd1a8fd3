// An MCP server over stdio that serves the tools of tools.json beside it and answers each call with a short text.
// It stands alone: a bench copies it into a folder of its own, from where Freehold installs it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const RECORDED = readFileSync(join(import.meta.dirname, "tools.json"), "utf8");
const { serverInfo, tools } = JSON.parse(RECORDED) as {
  readonly serverInfo: object;
  readonly tools: readonly object[];
};

function answer(method: string): object | null {
  switch (method) {
    case "initialize":
      return { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo };
    case "tools/list":
      return { tools };
    case "tools/call":
      return { content: [{ type: "text", text: "Done." }] };
    default:
      return null;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line) as { readonly id?: number | string; readonly method: string };
  if (id === undefined) continue;
  const result = answer(method);
  const rest = result === null ? { error: { code: -32_601, message: "no such method" } } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...rest })}\n`);
}
