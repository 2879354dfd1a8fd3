// node model-stand-in.ts: a model's server without a model, in a process of its own. Prints its port; answers at once,
// whole or as 20 messages without a pause between them. To who asks which engine it is, it is a llama.cpp server.

import { createServer, type ServerResponse } from "node:http";

const WORDS = Array.from({ length: 20 }, (_unused, at) => `token${at} stands here `);
const HEAD = { id: "chatcmpl-1", created: 1_700_000_000, model: "stand-in" };
const USAGE = { prompt_tokens: 30, completion_tokens: 60, total_tokens: 90 };
const PROPS = { default_generation_settings: { n_ctx: 131_072 }, build_info: "stand-in", model_path: "stand-in" };

const message = { role: "assistant", content: WORDS.join("") };
const WHOLE = JSON.stringify({
  ...HEAD,
  object: "chat.completion",
  choices: [{ index: 0, message, finish_reason: "stop" }],
  usage: USAGE,
});

function chunk(rest: object): string {
  return `data: ${JSON.stringify({ ...HEAD, object: "chat.completion.chunk", ...rest })}\n\n`;
}

const CHUNKS = [
  ...WORDS.map((content) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
  chunk({ choices: [], usage: USAGE }),
  "data: [DONE]\n\n",
];

function say(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => (body += text));
  request.once("end", () => {
    if (request.method === "GET") return say(response, JSON.stringify(PROPS));
    if (!body.includes('"stream":true')) return say(response, WHOLE);
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const text of CHUNKS) response.write(text);
    response.end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
