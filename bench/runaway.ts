// A model that never stops calling: what it gets. One makes the same call for ever, one always another.

import type { JsonObject } from "../src/kernel/index.ts";
import type { Script } from "../tests/fixtures/agent.ts";
import { openAgentStack, tokensOf } from "./parts/agent-stack.ts";
import type { Bench, BenchOptions } from "./lib.ts";

interface Runaway {
  readonly calls: number;
  readonly tokens: number;
  readonly receipt: JsonObject;
}

export const run: Bench = async (options) => {
  const other = await runaway((_body, turn) => ({ calls: [["find", { query: `another thing ${turn}` }]] }), options);
  const same = await runaway(() => ({ calls: [["find", { query: "the same thing" }]] }), options);
  return { ...other, sameCalls: same.calls, sameTokens: same.tokens, sameReceipt: same.receipt };
};

async function runaway(script: Script, { note }: BenchOptions): Promise<Runaway> {
  const stack = await openAgentStack(script, note);
  try {
    const receipt = await stack.ask("Do it.");
    const tokens = stack.llama.asked.reduce((sum, { text }) => sum + tokensOf(text), 0);
    return { calls: stack.llama.asked.length, tokens, receipt };
  } finally {
    await stack.close();
  }
}
