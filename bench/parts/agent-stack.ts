// The built product with an agent: recorded servers declared, and a model server that answers by a script.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { ControlClient } from "../../src/control/index.ts";
import { isObject, textAt, type JsonObject, type JsonValue } from "../../src/kernel/index.ts";
import type { Script } from "../../tests/fixtures/agent.ts";
import { startLlama, type LlamaServer } from "../../tests/fixtures/llama-server.ts";
import { applyAll, asOwner, makeHome, startDaemonProcess } from "./product.ts";
import { addRecorded, readRecorded, type RecordedServer } from "./replay.ts";
import { TOOL_CASES } from "./tool-cases.ts";

const PERSONAL = "personal";

export interface AgentStack {
  readonly dir: string;
  readonly llama: LlamaServer;
  readonly control: ControlClient;
  readonly servers: readonly RecordedServer[];
  readonly toolCount: number;
  /** One message in a new conversation; answers the receipt. */
  ask(words: string): Promise<JsonObject>;
  close(): Promise<void>;
}

/** The model named in stack.yaml is of this machine, as llama.cpp's server. */
export async function openAgentStack(script: Script, note: (text: string) => void): Promise<AgentStack> {
  const home = makeHome();
  const llama = await startLlama(script);
  const stack = join(home.dir, "stack.yaml");
  const model = `models:\n  local: { speaks: openai-chat, url: "${llama.url}", model: m, place: this-machine }\n`;
  writeFileSync(stack, readFileSync(stack, "utf8").replace("models: {}\n", model));
  const daemon = await startDaemonProcess(home.dir);
  const control = await asOwner(home.dir);
  const servers = readRecorded(join(TOOL_CASES, "definitions.jsonl"));
  note(`adding ${servers.length} servers`);
  for (const server of servers) await addRecorded(home.dir, control, { server, compartment: PERSONAL });
  await applyAll(control);
  return {
    dir: home.dir,
    llama,
    control,
    servers,
    toolCount: servers.reduce((sum, { tools }) => sum + tools.length, 0),
    async ask(words) {
      const session = textAt(await control.call("chat.open", {}), "session") ?? "";
      const { receipt } = await control.call("chat.say", { session, text: words });
      return isObject(receipt ?? null) && isObject(receipt) ? receipt : {};
    },
    async close() {
      control.close();
      await daemon.stop();
      await llama.close();
      home.remove();
    },
  };
}

export function tokensOf(value: JsonValue): number {
  return countTokens(typeof value === "string" ? value : JSON.stringify(value));
}

export function messagesIn(body: JsonObject): readonly JsonObject[] {
  const messages = body["messages"];
  return Array.isArray(messages) ? messages.filter((one: JsonValue) => isObject(one)) : [];
}
