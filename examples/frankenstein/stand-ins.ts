// What stands in for models: two files that a local engine would load, and a server that answers as such engines do.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The head of a GGUF file, version 3, without a tensor: small enough for an example, and a file like any other. */
export function tinyGguf(name: string): Buffer {
  const field = (text: string): Buffer => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const head = Buffer.alloc(24);
  head.write("GGUF");
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(1n, 16);
  const STRING = Buffer.from([8, 0, 0, 0]);
  return Buffer.concat([head, field("general.name"), STRING, field(name)]);
}

export interface ModelStandIn {
  readonly url: string;
  close(): void;
}

/** Speaks OpenAI's chat completions on loopback; says the same to everybody. */
export async function openModelStandIn(): Promise<ModelStandIn> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    const message = { role: "assistant", content: "I am a stand-in." };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const usage = { prompt_tokens: 1, completion_tokens: 5, total_tokens: 6 };
    response.end(JSON.stringify({ id: "1", object: "chat.completion", model: "stand-in", choices, usage }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
