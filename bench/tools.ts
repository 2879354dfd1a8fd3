// What a model reads of 256 tools: all listed, or four that find, describe and call the others; and whether the search
// finds what an owner means. Over the real gateway, with recorded definitions of real servers and their shipped cards.

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { ControlClient } from "../src/control/index.ts";
import { hasEgress, isObject, textAt, type JsonObject, type JsonValue, type ToolCard } from "../src/kernel/index.ts";
import { parseCards } from "../src/manifest/index.ts";
import { median, quantile, round, type Bench, type BenchOptions } from "./lib.ts";
import { jsonClient, type JsonClient } from "./parts/json-client.ts";
import { applyAll, asOwner, makeHome, startDaemonProcess, type DaemonProcess } from "./parts/product.ts";
import { addRecorded, readRecorded, type RecordedServer } from "./parts/replay.ts";
import { readQueries, sampleOf, TOOL_CASES, type Query } from "./parts/tool-cases.ts";

const SERVERS_DECLARED = 30;
const PERSONAL = "personal";
/** Beside the searched ones, so that more servers are declared than the search looks through. */
const SPARE = "spare";

export const run: Bench = async (options) => {
  const home = makeHome();
  const recorded = readRecorded(join(TOOL_CASES, "definitions.jsonl"));
  let daemon: DaemonProcess = await startDaemonProcess(home.dir);
  try {
    const control = await asOwner(home.dir);
    const tokens = await declare(home.dir, control, { recorded, options });
    control.close();
    const url = `${daemon.url}mcp`;
    const [listing, searching] = [await jsonClient(url, tokens.all), await jsonClient(url, tokens.search)];
    const all = (await listed(listing)).filter((tool) => textAt(tool, "name") !== "freehold_result");
    const cards = readCards(home.dir, recorded);
    const schemas = new Map(
      recorded.flatMap(({ name, tools }) =>
        tools.map((tool) => [`${name}.${textAt(tool, "name")}`, tool["inputSchema"] ?? {}] as const),
      ),
    );
    options.note("searching and calling");
    const found = await searched(searching, "queries.json");
    const heldOut = await searched(searching, "queries-held-out.json");
    const tasks = await carriedOut(searching, { cards, schemas, queries: readQueries("queries.json") });
    const coldMs: number[] = [];
    for (let turn = 0; turn < (options.quick ? 1 : 5); turn += 1) {
      await daemon.stop();
      daemon = await startDaemonProcess(home.dir);
      coldMs.push(await coldListMs(daemon, tokens.thirty));
    }
    return {
      tools: all.length,
      servers: recorded.length,
      allTokens: sum(all.map((tool) => countTokens(JSON.stringify(apiForm(tool))))),
      ...tasks,
      ...hits(found),
      queries: found.length,
      heldOut: { ...hits(heldOut), queries: heldOut.length },
      serversDeclared: SERVERS_DECLARED,
      coldListMs: round(median(coldMs), 1),
      coldListWorstMs: round(quantile(coldMs, 1), 1),
      loadAfter: round(loadavg()[0] ?? 0, 2),
    };
  } finally {
    await daemon.stop();
    home.remove();
  }
};

interface Declared {
  readonly recorded: readonly RecordedServer[];
  readonly options: BenchOptions;
}

/** Tokens of three clients: one is listed all that is searched, one searches it, one is listed all thirty servers. */
async function declare(
  home: string,
  control: ControlClient,
  { recorded, options }: Declared,
): Promise<{ readonly all: string; readonly search: string; readonly thirty: string }> {
  options.note(`adding ${SERVERS_DECLARED} servers`);
  for (const server of recorded) await addRecorded(home, control, { server, compartment: PERSONAL });
  for (let at = recorded.length; at < SERVERS_DECLARED; at += 1) {
    const server = recorded[at - recorded.length];
    if (server === undefined) throw new Error("too few servers are recorded");
    await addRecorded(home, control, { server: { ...server, name: `${server.name}-${at}` }, compartment: SPARE });
  }
  const client = async (name: string, more: JsonObject): Promise<string> => {
    const { token } = await control.call("client.add", { name, ...more });
    if (typeof token !== "string") throw new Error("no token was made");
    return token;
  };
  const all = await client("lists", { compartments: [PERSONAL] });
  const search = await client("searches", { compartments: [PERSONAL], view: "search" });
  const thirty = await client("lists-thirty", { compartments: [PERSONAL, SPARE] });
  await applyAll(control);
  return { all, search, thirty };
}

function readCards(home: string, recorded: readonly RecordedServer[]): ReadonlyMap<string, ToolCard> {
  const entries = recorded.flatMap(({ name }) => {
    const file = `cards/${name}.yaml`;
    return Object.entries(parseCards(readFileSync(join(home, file), "utf8"), file).cards);
  });
  return new Map(entries);
}

async function listed(client: JsonClient): Promise<readonly JsonObject[]> {
  const { tools } = await client.call("tools/list", {});
  if (!Array.isArray(tools)) throw new Error("no tools were listed");
  return tools.filter((tool: JsonValue) => isObject(tool));
}

/** As model APIs take a tool. */
function apiForm(tool: JsonObject): JsonObject {
  const { name = "", description = "", inputSchema = {} } = tool;
  return { name, description, input_schema: inputSchema };
}

function wireOf(tool: string): string {
  return tool.replace(".", "__");
}

/** For each query, the place of the first right tool among the five found, from 0; -1 where there is none. */
async function searched(client: JsonClient, file: string): Promise<readonly number[]> {
  const places: number[] = [];
  for (const { query, tools } of readQueries(file)) {
    const right = tools.map(wireOf);
    const names = namesIn(textIn(await ask(client, "freehold_find", { query })));
    places.push(names.findIndex((name) => right.includes(name)));
  }
  return places;
}

function hits(places: readonly number[]): Readonly<Record<"hit1" | "hit3" | "hit5", number>> {
  const within = (count: number): number => places.filter((place) => place >= 0 && place < count).length;
  return { hit1: within(1), hit3: within(3), hit5: within(5) };
}

function namesIn(found: string): readonly string[] {
  return found.split("\n").map((line) => line.split("(")[0] ?? "");
}

function ask(client: JsonClient, name: string, args: JsonObject): Promise<JsonObject> {
  return client.call("tools/call", { name, arguments: args });
}

function textIn(result: JsonObject): string {
  const content = Array.isArray(result["content"]) ? result["content"] : [];
  return content.map((item: JsonValue) => (isObject(item) ? (textAt(item, "text") ?? "") : "")).join("\n");
}

interface Tasks {
  readonly cards: ReadonlyMap<string, ToolCard>;
  readonly schemas: ReadonlyMap<string, JsonValue>;
  readonly queries: readonly Query[];
}

/**
 * Tokens of whole tasks: what is listed, and for each tool the model's search, what it found, its description, the call
 * and the result, as JSON. Over the tasks that are carried out without the owner: reads that reach no address of the
 * model's choice.
 */
async function carriedOut(client: JsonClient, { cards, schemas, queries }: Tasks): Promise<JsonObject> {
  const list = await listed(client);
  const listTokens = countTokens(JSON.stringify(list));
  const perTool: number[] = [];
  const describing: number[] = [];
  for (const { query, tools } of queries) {
    const first = tools[0] ?? "";
    const card = cards.get(first);
    const tool = wireOf(first);
    const described = await exchanged(client, "freehold_describe", { tool });
    const args = sampleOf(schemas.get(first));
    if (!isObject(args)) throw new Error(`${first} takes no object`);
    if (card === undefined || card.effect !== "read" || hasEgress(card, args)) continue;
    const found = await exchanged(client, "freehold_find", { query });
    const called = await exchanged(client, "freehold_call", { tool, arguments: args });
    if (called.result["isError"] === true) throw new Error(`${first}: ${textIn(called.result)}`);
    perTool.push(found.tokens + described.tokens + called.tokens);
    describing.push(described.tokens);
  }
  const mean = sum(perTool) / perTool.length;
  return {
    listTokens,
    oneToolTokens: Math.round(listTokens + mean),
    threeToolTokens: Math.round(listTokens + 3 * mean),
    oneToolMaxTokens: listTokens + Math.max(...perTool),
    oneToolUndescribedTokens: Math.round(listTokens + mean - sum(describing) / describing.length),
    tasks: perTool.length,
  };
}

async function exchanged(
  client: JsonClient,
  name: string,
  args: JsonObject,
): Promise<{ readonly result: JsonObject; readonly tokens: number }> {
  const result = await ask(client, name, args);
  return {
    result,
    tokens: countTokens(JSON.stringify({ name, arguments: args })) + countTokens(JSON.stringify(result)),
  };
}

/** The first request after a start, until a whole list of thirty servers has come; none of them runs. */
async function coldListMs(daemon: DaemonProcess, token: string): Promise<number> {
  const client = await jsonClient(`${daemon.url}mcp`, token);
  const from = performance.now();
  await client.text("tools/list", {});
  return performance.now() - from;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
