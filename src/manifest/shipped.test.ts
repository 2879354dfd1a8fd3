import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { EFFECTS, Fault, isObject, type JsonObject, type Surface } from "../kernel/index.ts";
import { formatCardFile } from "./card-text.ts";
import { parseCards } from "./cards.ts";
import { doubtsOf, draftCards, fittingDraft, guessEffect } from "./draft.ts";
import { parseShipped, shippedFile, shippedFor, type ShippedDraft } from "./shipped.ts";

const FOLDER = fileURLToPath(new URL("./shipped/", import.meta.url));
const RECORDED = fileURLToPath(new URL("../../tests/fixtures/shipped-surfaces.json", import.meta.url));
/** A promise of ours to whoever adds a server. */
const SERVERS_MIN = 20;

interface Recorded {
  readonly version: string;
  readonly tools: readonly { name: string; arguments: readonly string[]; annotations?: JsonObject }[];
}

const files = readdirSync(FOLDER);
const drafts = files.map((file) => parseShipped(readFileSync(FOLDER + file, "utf8"), file));
const recorded = JSON.parse(readFileSync(RECORDED, "utf8")) as Readonly<Record<string, Recorded>>;

function surfaceOf(tools: readonly JsonObject[]): Surface {
  return {
    protocol: "2025-11-25",
    instructions: null,
    serverInfo: {},
    capabilities: { tools: {} },
    tools,
    resources: [],
    templates: [],
    prompts: [],
  };
}

function definition(name: string, names: readonly string[], more: JsonObject = {}): JsonObject {
  const properties = Object.fromEntries(names.map((argument) => [argument, { type: "string" }]));
  return { name, inputSchema: { type: "object", properties }, ...more };
}

function nameOf(tool: JsonObject): string {
  return typeof tool["name"] === "string" ? tool["name"] : "";
}

/** As the package served it; where that may not be kept, what the draft itself says. */
function servedBy(draft: ShippedDraft): readonly JsonObject[] {
  const seen = recorded[draft.package];
  if (seen === undefined) {
    return Object.entries(draft.tools).map(([name, tool]) => definition(name, Object.keys(tool.roles)));
  }
  return seen.tools.map((tool) =>
    definition(tool.name, tool.arguments, tool.annotations === undefined ? {} : { annotations: tool.annotations }),
  );
}

test("at least twenty common servers have a draft, each in the file its package names", () => {
  assert.ok(files.length >= SERVERS_MIN, `${files.length}`);
  for (const [at, draft] of drafts.entries()) assert.equal(files[at], shippedFile(draft.package));
  for (const name of Object.keys(recorded)) assert.notEqual(shippedFor(`npm:${name}@1.0.0`), null, name);
});

test("each draft says which version it was read from, and lists every tool that version served", () => {
  for (const [at, draft] of drafts.entries()) {
    const first = readFileSync(FOLDER + files[at], "utf8").split("\n")[0] ?? "";
    const version = recorded[draft.package]?.version ?? "";
    assert.ok(first.startsWith(`# Read from ${draft.package} ${version}`), first);
    const served = servedBy(draft).map((tool) => tool["name"]);
    assert.deepEqual(Object.keys(draft.tools), served, draft.package);
  }
});

test("filled with the pins of what was served, every draft is a card file that parses to itself", () => {
  for (const draft of drafts) {
    const tools = servedBy(draft);
    for (const tool of tools) assert.notEqual(fittingDraft(tool, draft), null, `${draft.package} ${nameOf(tool)}`);
    const source = `npm:${draft.package}@1.0.0`;
    const cards = draftCards({ server: "s", surface: surfaceOf(tools), compartment: "work", source });
    assert.deepEqual(parseCards(formatCardFile(cards), "cards/s.yaml"), cards);
    for (const [name, known] of Object.entries(draft.tools)) {
      const card = cards.cards[`s.${name}`];
      assert.deepEqual([card?.effect, card?.result.trust], [known.effect, known.trust]);
      assert.deepEqual(card?.result.compartments, ["work"]);
    }
  }
});

test("a draft is used only for the package or host it was written for", () => {
  assert.equal(shippedFor("npm:tavily-mcp@0.2.22")?.package, "tavily-mcp");
  assert.equal(shippedFor("https://mcp.tavily.com/mcp/")?.package, "tavily-mcp");
  for (const source of [
    null,
    "npm:no-such-package@1.0.0",
    "npm:../draft@1.0.0",
    "npm:tavily__mcp@1.0.0",
    "path:./tavily-mcp",
    "http://mcp.tavily.com/mcp",
    "https://mcp.tavily.com:8443/mcp",
    "https://mcp.tavily.com.evil.example/mcp",
    "https://user@evil.example/mcp.tavily.com",
    "https:// nowhere",
  ]) {
    assert.equal(shippedFor(source), null, String(source));
  }
  for (const draft of drafts) {
    for (const host of draft.hosts) assert.equal(shippedFor(`https://${host}/mcp`)?.package, draft.package);
  }
});

const FILES_SOURCE = "npm:@modelcontextprotocol/server-filesystem@2026.8.31";

function cardOf(tool: JsonObject, source: string | null) {
  const { cards } = draftCards({ server: "s", surface: surfaceOf([tool]), compartment: "work", source });
  const card = cards[`s.${nameOf(tool)}`];
  assert.ok(card);
  return card;
}

test("a tool with an argument that the draft does not list gets the cautious draft", () => {
  const known = definition("directory_tree", ["path", "excludePatterns"]);
  assert.deepEqual(cardOf(known, FILES_SOURCE).roles, { path: "critical", excludePatterns: "critical" });
  const fewer = cardOf(definition("write_file", ["path"]), FILES_SOURCE);
  assert.deepEqual(fewer.roles, { path: "critical" });
  for (const tool of [
    definition("list_allowed_directories", ["upload_url"]),
    definition("list_allowed_directories", ["constructor"]),
    JSON.parse('{"name":"list_allowed_directories","inputSchema":{"properties":{"__proto__":{}}}}') as JsonObject,
    { name: "list_allowed_directories" },
    { name: "list_allowed_directories", inputSchema: { $ref: "#/x", $defs: {} } },
    { name: "list_allowed_directories", inputSchema: { anyOf: [{ properties: { url: {} } }] } },
    definition("read_everything", []),
    definition("constructor", []),
  ]) {
    assert.deepEqual(cardOf(tool, FILES_SOURCE), cardOf(tool, null), JSON.stringify(tool));
  }
});

test("what a server says of its tools never makes a shipped draft milder", () => {
  const strength = (tool: JsonObject): number => EFFECTS.indexOf(cardOf(tool, FILES_SOURCE).effect);
  const claims: readonly JsonObject[] = [
    {},
    { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    { readOnlyHint: false },
    { destructiveHint: true },
  ];
  for (const draft of drafts) {
    const source = `npm:${draft.package}@1.0.0`;
    for (const tool of servedBy(draft)) {
      const plain = cardOf({ ...tool, annotations: {} }, source);
      for (const annotations of claims) {
        const card = cardOf({ ...tool, annotations, description: "Reads only. Safe. No effect." }, source);
        assert.ok(EFFECTS.indexOf(card.effect) >= EFFECTS.indexOf(plain.effect), `${source} ${nameOf(tool)}`);
        const { trust, secret } = plain.result;
        assert.ok(card.result.trust === trust || card.result.trust === "third-party");
        assert.ok(card.result.secret || !secret);
      }
    }
  }
  const read = definition("read_text_file", ["path"]);
  assert.equal(strength(read), EFFECTS.indexOf("read"));
  const claimed = { ...read, annotations: { destructiveHint: true } };
  assert.ok(strength(claimed) > strength(read), "a read that is said to destroy is drafted as a change");
});

test("addresses are ways out in every draft, and nothing that strangers write is trusted", () => {
  for (const draft of drafts) {
    for (const [name, tool] of Object.entries(draft.tools)) {
      for (const [argument, role] of Object.entries(tool.roles)) {
        if (/^(?:url|urls|uri|webhook|webhookUrl|regionUrl|issueUrl|host)$/.test(argument)) {
          assert.equal(role, "egress", `${draft.package} ${name} ${argument}`);
        }
      }
      const isOwnList = name === "list_allowed_directories";
      assert.equal(tool.trust, isOwnList ? "system" : "third-party", `${draft.package} ${name}`);
      const looks = guessEffect(definition(name, Object.keys(tool.roles)));
      if (looks === "exec") assert.notEqual(tool.effect, "read", `${draft.package} ${name}`);
    }
  }
});

test("a shipped draft with a mistake is refused with its line", () => {
  const head = 'package: "a-b"\ntools:\n  t:\n';
  for (const [text, code] of [
    [`${head}    effect: red\n    result: { trust: third-party }\n`, "manifest.bad-value"],
    [
      `${head}    effect: read\n    critical: [a]\n    egress: [a]\n    result: { trust: system }\n`,
      "manifest.duplicate",
    ],
    [`${head}    effect: read\n`, "manifest.missing-key"],
    [`${head}    effect: read\n    pin: x\n    result: { trust: system }\n`, "manifest.unknown-key"],
    ['package: "../a"\ntools: {}\n', "manifest.bad-value"],
  ] as const) {
    assert.throws(
      () => parseShipped(text, "x.yaml"),
      (error) => error instanceof Fault && error.code === code && error.at?.startsWith("x.yaml:") === true,
      text,
    );
  }
});

test("a tool is put before the owner when it is dangerous or its draft is a guess", () => {
  const doubts = (tool: JsonObject, source: string | null) =>
    doubtsOf({ card: cardOf(tool, source), definition: tool, shipped: shippedFor(source) });
  const write = definition("write_file", ["path", "content"]);
  assert.deepEqual(doubts(write, FILES_SOURCE), { dangers: [], guesses: [] });
  assert.match(doubts(write, null).guesses.join(), /content: taken for text/);
  assert.match(doubts(definition("frobnicate", ["x"]), null).guesses.join(), /nothing says what it does/);
  assert.match(doubts(definition("send_mail", ["to"]), null).dangers.join(), /sends/);
  assert.match(doubts(definition("get_page", ["url"]), null).dangers.join(), /connects to what url says/);
  assert.deepEqual(doubts(definition("list_notes", ["folder"]), null), { dangers: [], guesses: [] });
});

test("the small files stay small, and only they are in the folder", () => {
  for (const file of files) {
    assert.match(file, /^[a-z0-9._-]+\.yaml$/);
    assert.ok(statSync(FOLDER + file).size < 16_384, file);
  }
  assert.ok(isObject(recorded));
});
