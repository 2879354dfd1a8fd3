// Models through the real daemon: found, declared, tried, told of, and taken out; and what a person sees of it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { isObject, readJson, textAt, type JsonObject } from "../../src/kernel/index.ts";
import type { Scripted } from "../fixtures/agent.ts";
import { startLlama } from "../fixtures/llama-server.ts";
import { makeHome, PIN, removeTree, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const absent = hasPty() ? null : "python3 with its pty module is not installed";
const USAGE = { prompt_tokens: 21, completion_tokens: 1, total_tokens: 22 };

interface LlamaServer {
  readonly url: string;
  readonly asked: JsonObject[];
}

/** Speaks as a llama.cpp server does, and answers the one word. */
async function llamaServer(t: TestContext): Promise<LlamaServer> {
  const asked: JsonObject[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/props") {
        const settings = { n_ctx: 4096 };
        response.end(JSON.stringify({ default_generation_settings: settings, model_path: "/m/tiny.gguf" }));
        return;
      }
      const body = readJson(Buffer.concat(chunks).toString() || "{}");
      if (request.url !== "/v1/chat/completions" || !isObject(body)) {
        response.writeHead(404).end();
        return;
      }
      asked.push(body);
      const message = { role: "assistant", content: "ready" };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ id: "c", object: "chat.completion", model: "tiny", choices, usage: USAGE }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { asked, url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1` };
}

function rowsOf(reply: JsonObject, field: string): readonly JsonObject[] {
  const rows = reply[field];
  assert.ok(Array.isArray(rows), field);
  return rows.filter((row) => isObject(row));
}

function linesOf(reply: JsonObject): readonly string[] {
  const { lines } = reply;
  assert.ok(Array.isArray(lines));
  return lines.filter((line) => typeof line === "string");
}

async function declare({ owner }: TestDaemon, input: JsonObject): Promise<void> {
  const added = await owner.call("model.add", input);
  await owner.call("apply", { digest: added["digest"] ?? null, read: [] });
}

function typed(
  home: TestHome,
  options: { args: readonly string[]; steps: readonly Typing[]; env?: Record<string, string> },
) {
  return onTerminal({
    argv: [process.execPath, MAIN, ...options.args, "--home", home.paths.dir],
    env: { PATH: process.env["PATH"] ?? "", HOME: home.base, TERM: "dumb", NO_COLOR: "1", ...options.env },
    cwd: home.base,
    steps: options.steps,
  });
}

/** As a home whose owner has written none. */
function withoutBudgets(home: TestHome): TestHome {
  const written = readFileSync(home.paths.stack, "utf8");
  writeFileSync(home.paths.stack, written.replace(/^budgets: .*$/m, "budgets: {}"));
  return home;
}

function flat({ output }: Transcript): string {
  return output.replaceAll(/\s+/g, " ");
}

test("a model is found, declared, proven, asked through the door, and told of", async (t) => {
  const llama = await llamaServer(t);
  const home = makeHome(t);
  const daemon = await home.start();
  const { owner } = daemon;
  const [found] = rowsOf(await owner.call("model.find", { url: llama.url }), "engines");
  assert.equal(found?.["engine"], "llama.cpp");
  assert.deepEqual(rowsOf(await owner.call("model.list", {}), "declared"), [], "nothing is configured by finding it");
  await declare(daemon, {
    name: "local",
    speaks: "openai-chat",
    url: llama.url,
    model: "tiny",
    place: "this-machine",
  });
  const [listed] = rowsOf(await owner.call("model.list", {}), "declared");
  assert.equal(listed?.["proven"], "this-machine");
  assert.equal(listed?.["contextTokens"], 4096);
  assert.equal(listed?.["price"], null);

  const answer = await owner.call("model.test", { name: "local" });
  assert.equal(answer["text"], "ready");
  assert.equal(llama.asked[0]?.["model"], "tiny");
  const lines = linesOf(await owner.call("why", { id: textAt(answer, "request") ?? "" })).join("\n");
  assert.match(lines, /owner asked model local \(this-machine, 127\.0\.0\.1:\d+\)/);
  assert.match(lines, /It answered after \d+ ms.*; it calls itself tiny/);
  assert.match(lines, /Why this one: it was asked for by name/);
  assert.match(
    lines,
    /\d+ bytes went to it and stayed on this machine, with no compartment's data .*sha256 [0-9a-f]{64}/,
  );
  assert.match(lines, /It read 21 tokens and wrote 1\nOf what it read: owner about 21\nIt cost nothing/);

  const spend = await owner.call("spend", {});
  assert.deepEqual(rowsOf(spend, "models"), [
    { name: "local", calls: 1, costNanoUsd: 0, input: 21, output: 1, cost: 0 },
  ]);
  assert.deepEqual(
    rowsOf(spend, "principals").map(({ name }) => name),
    ["owner"],
  );
  const egress = await owner.call("egress", { spanMs: 3_600_000 });
  assert.equal(egress["bytes"], 0, "nothing left this machine");
  const [sent] = rowsOf(egress, "models");
  assert.equal(sent?.["place"], "this-machine");
  assert.equal(sent?.["requests"], 1);
  const purposes = new Set(rowsOf(egress, "connections").map(({ by }) => by));
  assert.deepEqual(purposes, new Set(["model:find", "model:local"]), "each connection is in the ledger");
});

test("a model in the cloud is not asked without a budget or a price, and its refusal is told", async (t) => {
  const home = withoutBudgets(makeHome(t));
  const daemon = await home.start();
  const { owner } = daemon;
  const far = { speaks: "openai-chat", url: "https://api.example.invalid/v1", model: "m", place: "cloud" };
  await declare(daemon, { name: "far", ...far });
  const refused = await owner.call("model.test", { name: "far" });
  assert.deepEqual([refused["why"], refused["reason"]], ["budget", "nobody knows the price of far"]);
  await owner.call("model.undeclare", { name: "far" });
  await declare(daemon, { name: "far", ...far, price: { input: 1, output: 2 } });
  const poor = await owner.call("model.test", { name: "far" });
  assert.match(textAt(poor, "reason") ?? "", /costs money, and stack\.yaml has no budget/);
  const lines = linesOf(await owner.call("why", { id: textAt(poor, "request") ?? "" })).join("\n");
  assert.match(lines, /owner asked model far; refused \(budget\): far costs money/);
  await assert.rejects(owner.call("model.test", { name: "fra" }), { code: "model.unknown" });
  await assert.rejects(owner.call("model.add", { name: "Far", ...far }), { code: "model.name" });
  await assert.rejects(owner.call("model.add", { name: "a", ...far, place: "clod" }), /Did you mean 'cloud'\?/);
  await assert.rejects(owner.call("egress", { spanMs: -1 }), { code: "ledger.since" });
});

test("a call that a kill cut off is charged in full, and told as that", async (t) => {
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
  const llama = await startLlama(() => {
    wasAsked();
    return Promise.withResolvers<Scripted>().promise;
  });
  t.after(() => llama.close());
  const home = makeHome(t);
  const daemon = await home.start();
  const price = { input: 10, output: 10 };
  const local = { speaks: "openai-chat", url: llama.url, model: "m", place: "this-machine", price };
  await declare(daemon, { name: "local", ...local });
  const cut = daemon.owner.call("model.test", { name: "local" }).catch((error: unknown) => String(error));
  await asked;
  await daemon.kill9();
  assert.equal(typeof (await cut), "string");

  const { owner } = await home.start();
  const spend = await owner.call("spend", {});
  const [row] = rowsOf(spend, "models");
  const [day] = rowsOf(spend, "budgets");
  assert.equal(row?.["calls"], 1);
  assert.ok(Number(row?.["cost"]) > 0, JSON.stringify(spend));
  assert.deepEqual([day?.["spent"], day?.["held"]], [row?.["cost"], 0]);
  const egress = await owner.call("egress", {});
  assert.equal(rowsOf(egress, "models")[0]?.["cutOff"], 1);
  const { entries } = await owner.call("ledger.tail", { limit: 10 });
  assert.ok(Array.isArray(entries));
  const lost = entries.find((entry) => isObject(entry) && entry["kind"] === "lost");
  const id = isObject(lost) ? (textAt(lost, "request") ?? "") : "";
  assert.match(
    linesOf(await owner.call("why", { id })).join("\n"),
    /It was cut off when Freehold ended; all that was held/,
  );
});

test("a person adds an engine's model, tries it, and sees what left", { skip: absent ?? false }, async (t) => {
  const llama = await llamaServer(t);
  const home = makeHome(t);
  await home.start();
  const pin = { expect: "Your PIN or passphrase: ", send: `${PIN}\r` };
  const added = await typed(home, {
    args: ["model", "add", "local", "--url", llama.url.replace("/v1", "")],
    steps: [{ expect: "Which one?", send: "1\r" }, pin, { expect: "Declare the model local?", send: "y\r" }],
  });
  assert.match(flat(added), /1 tiny\.gguf of llama\.cpp \(this machine\)/, added.output);
  assert.match(flat(added), /model local is new: tiny\.gguf at http:\/\/127\.0\.0\.1:\d+\/v1 \(this-machine\)/);
  assert.match(flat(added), /Try it: freehold model test local/);
  const tried = await typed(home, { args: ["model", "test", "local"], steps: [pin] });
  assert.match(flat(tried), /local says: ready/, tried.output);
  assert.match(flat(tried), /Receipt r-[0-9a-f]+ - owner asked model local/);
  const list = await typed(home, { args: ["model", "list"], steps: [] });
  assert.match(flat(list), /local tiny\.gguf this-machine, proven: llama\.cpp at .*; 4,096 tokens of context; free/);
  const left = await typed(home, { args: ["egress", "--since", "7d"], steps: [] });
  assert.match(flat(left), /^0 bytes left this machine for models since/);
  const spent = await typed(home, { args: ["spend"], steps: [] });
  assert.match(flat(spent), /0\.00 EUR since .* local 0\.00 EUR 1 call 21 tokens read, 1 written/);
  const wrong = await typed(home, { args: ["spend", "--since", "soon"], steps: [] });
  assert.match(flat(wrong), /--since 'soon' is no span/);
});

test(
  "a key of the environment is moved only after a yes, and money needs a budget",
  { skip: absent ?? false },
  async (t) => {
    const home = withoutBudgets(makeHome(t));
    const { owner } = await home.start();
    const env = { ANTHROPIC_API_KEY: "sk-test-0123456789" };
    const pin = { expect: "Your PIN or passphrase: ", send: `${PIN}\r` };
    const pick = [
      { expect: "Which one?", send: "1\r" },
      { expect: "exact name of Anthropic's model", send: "claude-haiku-4-5-20251001\r" },
    ];
    const no = await typed(home, {
      args: ["model", "add"],
      env,
      steps: [...pick, { expect: "Keep the key", send: "n\r" }],
    });
    assert.match(flat(no), /Anthropic, with the key in ANTHROPIC_API_KEY \(cloud\)/, no.output);
    assert.match(flat(no), /Nothing was changed/);
    assert.deepEqual(await owner.call("secret.list", {}), { names: [] });
    const yes = await typed(home, {
      args: ["model", "add", "cloud"],
      env,
      steps: [
        ...pick,
        { expect: "Keep the key", send: "y\r" },
        pin,
        { expect: "at most how much a day", send: "0.50\r" },
        { expect: "Declare the model cloud?", send: "y\r" },
      ],
    });
    assert.match(flat(yes), /No compartment's data goes to it yet/, yes.output);
    assert.equal(yes.output.includes("sk-test"), false);
    assert.deepEqual(await owner.call("secret.list", {}), { names: ["anthropic"] });
    const stack = readFileSync(home.paths.stack, "utf8");
    assert.match(stack, /secret:anthropic/);
    assert.match(stack, /day: 0\.5/);
    const [listed] = rowsOf(await owner.call("model.list", {}), "declared");
    assert.equal(listed?.["contextTokens"], 200_000);
    assert.equal(isObject(listed?.["price"]) && listed["price"]["input"], 1);
  },
);

test("a first start says what could be used, and configures none of it", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "freehold-first-"));
  const home = join(base, "home");
  const key = "sk-test-0123456789";
  const env = { PATH: process.env["PATH"] ?? "", HOME: base, NO_COLOR: "1", OPENAI_API_KEY: key };
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...args, "--home", home], { env, cwd: base, encoding: "utf8" });
  t.after(() => {
    run("shutdown");
    removeTree(base);
  });
  const first = run("start");
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /models: .*a key of OpenAI in OPENAI_API_KEY; \S*freehold model add/);
  assert.equal(first.stdout.includes(key), false);
  assert.match(readFileSync(join(home, "stack.yaml"), "utf8"), /^models: \{\}$/m);
  assert.deepEqual(readJson(run("secret", "list", "--json").stdout), { names: [] });
  assert.doesNotMatch(run("start").stdout, /models: /, "it is said once");
});
