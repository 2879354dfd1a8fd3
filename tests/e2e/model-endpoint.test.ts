// Other programs ask models through a real daemon: by the official clients, at its port and at the jail's socket.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { startLlama } from "../fixtures/llama-server.ts";
import { makeHome } from "../fixtures/daemon.ts";

const HELLO = [{ role: "user" as const, content: "hello" }];

test("a program asks a model with its own token, and the owner sees what it was", async (t) => {
  const llama = await startLlama(() => Promise.resolve({ text: "it stands here" }));
  t.after(() => llama.close());
  const home = makeHome(t);
  const { owner, url } = await home.start();
  const { token } = await owner.call("client.add", { name: "editor" });
  assert.ok(typeof token === "string");
  const file = join(home.paths.dir, "stack.yaml");
  const model = `models:\n  near: { speaks: openai-chat, url: "${llama.url}", model: m, place: this-machine }\n`;
  const stack = readFileSync(file, "utf8").replace(/^models: \{\}\n/m, model);
  writeFileSync(file, stack.replace(/^ {2}editor:\n/m, "  editor:\n    models: [near]\n"));
  const { digest } = await owner.call("plan", {});
  await owner.call("apply", { digest: digest ?? "" });

  const openai = new OpenAI({ baseURL: `${url}v1`, apiKey: token, maxRetries: 0 });
  const stream = await openai.chat.completions.create({ model: "near", messages: HELLO, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, "it stands here");
  const anthropic = new Anthropic({ baseURL: url, apiKey: token, maxRetries: 0 });
  const message = await anthropic.messages.create({ model: "auto", max_tokens: 9, messages: HELLO });
  assert.deepEqual(message.content, [{ type: "text", text: "it stands here" }]);

  const why = await owner.call("why", { id: message._request_id ?? "" });
  assert.match(JSON.stringify(why), /client:editor asked/);
  assert.equal(await statusOverSocket(home.paths.gatewaySocket, token), 200);
  assert.equal(await statusOverSocket(home.paths.gatewaySocket, "x".repeat(43)), 401);
  assert.equal(llama.asked.length, 2);
});

function statusOverSocket(socketPath: string, token: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { host: "localhost", authorization: `Bearer ${token}` };
  const request = httpRequest({ socketPath, path: "/v1/models", headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  request.once("error", reject).end();
  return promise;
}
