// One tool among 256, by the agent: find, call, answer. Tokens that tools take of the last request, and all of it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasEgress, isObject, textAt, type JsonObject, type JsonValue, type ToolCard } from "../src/kernel/index.ts";
import { parseCards } from "../src/manifest/index.ts";
import type { Scripted } from "../tests/fixtures/agent.ts";
import { messagesIn, openAgentStack, tokensOf, type AgentStack } from "./parts/agent-stack.ts";
import { quantile, type Bench } from "./lib.ts";
import { readQueries, sampleOf } from "./parts/tool-cases.ts";

interface Task {
  readonly query: string;
  readonly tool: string;
  readonly args: JsonObject;
}

export const run: Bench = async (options) => {
  let task: Task | null = null;
  let from = 0;
  const script = (_body: JsonObject, turn: number): Scripted => {
    if (task === null) return { text: "Nothing." };
    const { query, tool, args } = task;
    if (turn - from === 1) return { calls: [["find", { query }]] };
    return turn - from === 2 ? { calls: [["call", { tool: tool.replace(".", "__"), args }]] } : { text: "Done." };
  };
  const stack = await openAgentStack(script, options.note);
  try {
    const tasks = tasksOf(stack).slice(0, options.quick ? 3 : undefined);
    options.note(`${tasks.length} tasks`);
    const measured: Measured[] = [];
    for (const one of tasks) {
      [task, from] = [one, stack.llama.asked.length];
      const receipt = await stack.ask(one.query);
      if (receipt["why"] !== "done") throw new Error(`${one.tool}: ${JSON.stringify(receipt)}`);
      measured.push(measure(stack.llama.asked.slice(from)));
    }
    return {
      ...meanOf(measured),
      toolTokensMax: quantile(
        measured.map((one) => one.toolTokens),
        1,
      ),
      requestTokensMax: quantile(
        measured.map((one) => one.requestTokens),
        1,
      ),
      tasks: tasks.length,
      toolsDeclared: stack.toolCount,
    };
  } finally {
    await stack.close();
  }
};

interface Measured {
  readonly toolTokens: number;
  readonly requestTokens: number;
  /** Of all requests of the task together: most of it is in every one. */
  readonly allRequestsTokens: number;
}

function measure(asked: AgentStack["llama"]["asked"]): Measured {
  const last = asked.at(-1);
  if (last === undefined || asked.length !== 3) throw new Error(`a task took ${asked.length} requests`);
  const traffic = messagesIn(last.body).filter(
    (message) => textAt(message, "role") === "tool" || message["tool_calls"] !== undefined,
  );
  const failed = traffic.find((message) =>
    /^(?:Denied|Failed|There is no|It does not)/.test(textAt(message, "content") ?? ""),
  );
  if (failed !== undefined) throw new Error(textAt(failed, "content") ?? "");
  return {
    toolTokens: tokensOf(last.body["tools"] ?? []) + traffic.reduce((sum, message) => sum + tokensOf(message), 0),
    requestTokens: tokensOf(last.text),
    allRequestsTokens: asked.reduce((sum, { text }) => sum + tokensOf(text), 0),
  };
}

function meanOf(measured: readonly Measured[]): Measured {
  const mean = (pick: (one: Measured) => number): number =>
    Math.round(measured.reduce((sum, one) => sum + pick(one), 0) / measured.length);
  return {
    toolTokens: mean((one) => one.toolTokens),
    requestTokens: mean((one) => one.requestTokens),
    allRequestsTokens: mean((one) => one.allRequestsTokens),
  };
}

/** Those that are carried out without the owner: reads that reach no address of the model's choice. */
function tasksOf(stack: AgentStack): readonly Task[] {
  const cards = new Map<string, ToolCard>(
    stack.servers.flatMap(({ name }) => {
      const file = `cards/${name}.yaml`;
      return Object.entries(parseCards(readFileSync(join(stack.dir, file), "utf8"), file).cards);
    }),
  );
  const schemas = new Map<string, JsonValue>(
    stack.servers.flatMap(({ name, tools }) =>
      tools.map((tool) => [`${name}.${textAt(tool, "name")}`, tool["inputSchema"] ?? {}] as const),
    ),
  );
  return readQueries("queries.json").flatMap(({ query, tools }) => {
    const tool = tools[0] ?? "";
    const [card, args] = [cards.get(tool), sampleOf(schemas.get(tool))];
    const isPlain = card !== undefined && isObject(args) && card.effect === "read" && !hasEgress(card, args);
    return isPlain ? [{ query, tool, args }] : [];
  });
}
