// What one "hello" sends to a model on a fresh stack with 256 tools declared, by source, and what a day at rest sends.

import { mock } from "node:test";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../src/daemon/index.ts";
import { textAt, type JsonObject } from "../src/kernel/index.ts";
import { startLlama } from "../tests/fixtures/llama-server.ts";
import { messagesIn, openAgentStack, tokensOf } from "./parts/agent-stack.ts";
import { applyAll, asOwner, makeHome } from "./parts/product.ts";
import type { Bench } from "./lib.ts";

const MINUTES_A_DAY = 24 * 60;
const MINUTE_MS = 60_000;

export const run: Bench = async (options) => {
  const stack = await openAgentStack(() => ({ text: "Hello." }), options.note);
  try {
    await stack.ask("hello");
    const [first] = stack.llama.asked;
    if (first === undefined) throw new Error("the model was not asked");
    options.note("a day at rest");
    const idle = await idleRequests();
    const { text, body } = first;
    return {
      tokens: tokensOf(text),
      bytes: Buffer.byteLength(text),
      bySource: bySource(text, body),
      toolsDeclared: stack.toolCount,
      modelCalls: stack.llama.asked.length,
      ...idle,
    };
  } finally {
    await stack.close();
  }
};

function bySource(text: string, body: JsonObject): JsonObject {
  const ofRole = (role: string): number =>
    messagesIn(body)
      .filter((message) => textAt(message, "role") === role)
      .reduce((sum, message) => sum + tokensOf(textAt(message, "content") ?? ""), 0);
  const parts = {
    system: ofRole("system"),
    tools: tokensOf(body["tools"] ?? []),
    owner: ofRole("user"),
    history: ofRole("assistant"),
    memory: 0,
  };
  const named = Object.values(parts).reduce((sum, count) => sum + count, 0);
  return { ...parts, framing: tokensOf(text) - named };
}

/** The daemon in this process, its clock moved on by a day minute by minute; a conversation lies open. */
async function idleRequests(): Promise<{ readonly idleRequests: number; readonly idleMinutes: number }> {
  const home = makeHome();
  const llama = await startLlama(() => ({ text: "Hello." }));
  const file = join(home.dir, "stack.yaml");
  const model = `models:\n  local: { speaks: openai-chat, url: "${llama.url}", model: m, place: this-machine }\n`;
  writeFileSync(file, readFileSync(file, "utf8").replace("models: {}\n", model));
  mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const daemon = await startDaemon({ homeDir: home.dir, version: "bench", port: 0, isOwnUser: false, waitMs: 0 });
  try {
    const control = await asOwner(home.dir);
    await applyAll(control);
    const session = textAt(await control.call("chat.open", {}), "session") ?? "";
    await control.call("chat.say", { session, text: "hello" });
    const before = llama.paths.length;
    for (let minute = 0; minute < MINUTES_A_DAY; minute += 1) {
      mock.timers.tick(MINUTE_MS);
      await turnOfTheLoop();
    }
    control.close();
    return { idleRequests: llama.paths.length - before, idleMinutes: MINUTES_A_DAY };
  } finally {
    await daemon.stop();
    mock.timers.reset();
    await llama.close();
    home.remove();
  }
}
