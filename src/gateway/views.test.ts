import assert from "node:assert/strict";
import { test } from "node:test";
import { surfaceRoot, textAt, type JsonObject, type Surface } from "../kernel/index.ts";
import { formatCardFile, formatLock, loadPolicy, pinsOf, type CardFile, type LockedServer } from "../manifest/index.ts";
import { activate, listingOf, type ActivePolicy } from "./policy.ts";
import { viewFor, type View } from "./views.ts";

type Offers = Readonly<Record<string, { readonly tools: readonly string[]; readonly prompts?: readonly string[] }>>;

function policyOf(offers: Offers, client: string): ActivePolicy {
  const servers: Record<string, LockedServer> = {};
  const cards: Record<string, string> = {};
  for (const [server, { tools, prompts = [] }] of Object.entries(offers)) {
    const surface: Surface = {
      protocol: "2025-11-25",
      instructions: null,
      serverInfo: {},
      capabilities: {},
      tools: tools.map((name): JsonObject => ({ name, inputSchema: { type: "object" } })),
      prompts: prompts.map((name): JsonObject => ({ name })),
      resources: [],
      templates: [],
    };
    servers[server] = {
      source: `https://${server}.example/mcp`,
      kind: "remote",
      version: null,
      integrity: null,
      tree: null,
      command: [],
      surface,
      surfaceRoot: surfaceRoot(surface),
    };
    const result = { trust: "third-party", compartments: ["family"], secret: false, mode: "inline" } as const;
    const entries = Array.from(pinsOf(server, surface), ([tool, pin]) => [
      tool,
      { tool, effect: "read" as const, result, roles: {}, ids: [], pin },
    ]);
    const file: CardFile = { server, cards: Object.fromEntries(entries) };
    cards[`cards/${server}.yaml`] = formatCardFile(file);
  }
  const declared = Object.keys(offers).map(
    (name) => `  ${name}: { source: "https://${name}.example/mcp", compartment: family }`,
  );
  const lines = ["version: 1", "owner: { name: Ada }", "compartments: { family: {} }", "servers:", ...declared];
  const files = { "stack.yaml": `${[...lines, `clients: { c: ${client} }`].join("\n")}\n`, ...cards };
  return activate(loadPolicy({ ...files, "stack.lock": formatLock({ version: 1, servers }) }));
}

function viewOf(offers: Offers, client: string): View {
  const policy = policyOf(offers, client);
  return viewFor(policy, ["family"], listingOf(policy.stack, "client", "c"));
}

const names = (items: readonly JsonObject[]): readonly string[] => items.map((item) => textAt(item, "name") ?? "");

test("a tool has its server's name before its own", () => {
  const view = viewOf({ files: { tools: ["read"], prompts: ["tidy"] } }, "{ compartments: [family] }");
  assert.deepEqual(names(view.tools).slice(1), ["files__read"]);
  assert.deepEqual(names(view.prompts), ["files__tidy"]);
});

test("with short names a tool keeps its own name unless another server has one alike", () => {
  const offers = {
    files: { tools: ["read", "write"], prompts: ["tidy"] },
    mail: { tools: ["read", "freehold_result"] },
  };
  const view = viewOf(offers, "{ compartments: [family], names: short }");
  assert.deepEqual(names(view.tools).slice(1), ["files__read", "write", "mail__read", "mail__freehold_result"]);
  assert.equal(view.toolOf.get("write")?.tool, "files.write");
  assert.equal(view.toolOf.get("read"), undefined);
  assert.deepEqual(names(view.prompts), ["tidy"]);
});

test("a short name that a client could not carry stays with its server's name and a mark", () => {
  const view = viewOf({ files: { tools: ["notes/read.all"] } }, "{ compartments: [family], names: short }");
  assert.match(names(view.tools)[1] ?? "", /^files__notes_read_all_[0-9a-f]{6}$/);
});
