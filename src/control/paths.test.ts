import assert from "node:assert/strict";
import { test } from "node:test";
import { pinOf, type ArgumentRole, type Effect, type Principal, type Rule, type ToolCard } from "../kernel/index.ts";
import { loadPolicy, SANDBOX_DEFAULT, type LockedServer, type Policy, type StackServer } from "../manifest/index.ts";
import { meetingPaths, type MeetingPath } from "./paths.ts";

interface Given {
  readonly tool: string;
  readonly effect: Effect;
  readonly roles?: Readonly<Record<string, ArgumentRole>>;
  readonly trust?: "owner" | "third-party";
  readonly secret?: boolean;
}

interface Served {
  readonly compartment: string;
  readonly network?: boolean;
  readonly source?: string;
  readonly tools: readonly Given[];
}

/** Cards with the pins of what is locked, as after an apply. */
function policyOf(servers: Readonly<Record<string, Served>>, rules: readonly Rule[] = []): Policy {
  const stackText = "version: 1\nowner: { name: Ada, timezone: UTC }\ncompartments: { home: {}, work: {} }\n";
  const empty = loadPolicy({ "stack.yaml": `${stackText}clients: { shell: { compartments: [home] } }\n` });
  const cards = new Map<string, ToolCard>();
  const declared: Record<string, StackServer> = {};
  const locked: Record<string, LockedServer> = {};
  for (const [name, server] of Object.entries(servers)) {
    const { compartment, network = false, source = `npm:${name}@1.0.0` } = server;
    const sandbox = { ...SANDBOX_DEFAULT, network: network ? ["example.org:443"] : ("none" as const) };
    declared[name] = {
      source,
      connector: null,
      account: {},
      args: [],
      env: {},
      secrets: {},
      asks: [],
      compartment,
      sandbox,
    };
    const tools = server.tools.map((given) => {
      const properties = Object.fromEntries(Object.keys(given.roles ?? {}).map((argument) => [argument, {}]));
      return { name: given.tool, inputSchema: { type: "object", properties } };
    });
    for (const [at, { tool, effect, roles = {}, trust = "owner", secret = false }] of server.tools.entries()) {
      const result = { trust, compartments: [compartment], secret, mode: "inline" as const };
      const definition = tools[at];
      assert.ok(definition);
      cards.set(`${name}.${tool}`, { tool: `${name}.${tool}`, effect, roles, ids: [], result, pin: pinOf(definition) });
    }
    const surface = {
      protocol: "2025-11-25",
      instructions: null,
      serverInfo: {},
      capabilities: {},
      tools,
      prompts: [],
      resources: [],
      templates: [],
    };
    const place = { source, kind: "npm", version: "1.0.0", integrity: null, tree: null, command: [] } as const;
    locked[name] = { ...place, surface, surfaceRoot: "0".repeat(64) };
  }
  return {
    ...empty,
    stack: { ...empty.stack, servers: declared },
    lock: { version: 1, servers: locked },
    cards,
    rules,
  };
}

const AGENT: Principal = { kind: "agent", name: "" };
const SHELL: Principal = { kind: "client", name: "shell" };
const NOTES: Given = { tool: "read", effect: "read", roles: { path: "critical" } };
const WEB: Served = {
  compartment: "home",
  tools: [{ tool: "news", effect: "read", trust: "third-party" }],
};
const MAIL: Given = { tool: "send", effect: "send", roles: { to: "critical", body: "content" } };

function pathsIn(policy: Policy, principals: readonly Principal[] = [AGENT]) {
  return meetingPaths({ policy, principals, nowMs: 0 });
}

function triple(path: MeetingPath): string {
  return `${path.decision}: ${path.private.tool} + ${path.untrusted.tool} > ${path.out.tool} (${path.out.way})`;
}

test("notes, strangers' news and a way to send meet, and the sending is what asks", async () => {
  const policy = policyOf({
    notes: { compartment: "home", tools: [NOTES] },
    web: WEB,
    mail: { compartment: "home", tools: [MAIL] },
  });
  const { paths, counts } = await pathsIn(policy);
  assert.deepEqual(paths.map(triple), [
    "ask: notes.read + web.news > mail.send (sends)",
    "ask: web.news + web.news > mail.send (sends)",
  ]);
  assert.deepEqual(counts, { allow: 0, ask: 2, deny: 0 });
  const [path] = paths;
  assert.deepEqual([path?.private.decision, path?.untrusted.decision, path?.out.decision], ["allow", "allow", "ask"]);
  assert.equal(path?.out.because, "C3");
  assert.deepEqual(path?.private.compartments, ["home"]);
});

test("without a way out, or without a stranger, nothing meets", async () => {
  const notes = { compartment: "home", tools: [NOTES] };
  assert.deepEqual((await pathsIn(policyOf({ notes, web: WEB }))).paths, []);
  assert.deepEqual((await pathsIn(policyOf({ notes, mail: { compartment: "home", tools: [MAIL] } }))).paths, []);
});

test("a server with network takes what a read's arguments say: nothing stops that inside one compartment", async () => {
  const search: Given = { tool: "search", effect: "read", trust: "third-party", roles: { query: "critical" } };
  const now: Given = { tool: "now", effect: "read" };
  const notes = { compartment: "home", tools: [NOTES] };
  const same = await pathsIn(policyOf({ notes, web: { compartment: "home", network: true, tools: [search, now] } }));
  assert.deepEqual(same.paths.map(triple)[0], "allow: notes.read + web.search > web.search (has network)");
  const remote = { compartment: "home", source: "https://mcp.example.org/", tools: [search] };
  assert.equal((await pathsIn(policyOf({ notes, web: remote }))).counts.allow > 0, true);
  const apart = await pathsIn(policyOf({ notes, web: { compartment: "work", network: true, tools: [search] } }));
  const found = apart.paths.find((path) => path.private.tool === "notes.read");
  assert.deepEqual([found?.decision, found?.out.because], ["ask", "C1"]);
});

test("an address among a read's arguments is a way out of its own, and asks", async () => {
  const fetch: Given = {
    tool: "fetch",
    effect: "read",
    trust: "third-party",
    roles: { url: "egress", id: "critical" },
  };
  const policy = policyOf({
    notes: { compartment: "home", tools: [NOTES] },
    web: { compartment: "home", tools: [fetch] },
  });
  assert.deepEqual((await pathsIn(policy)).paths.map(triple), [
    "ask: notes.read + web.fetch > web.fetch (connects)",
    "ask: web.fetch + web.fetch > web.fetch (connects)",
  ]);
});

test("a rule that lets anything be sent shows as a path that nothing stops; a ban closes it", async () => {
  const servers = { notes: { compartment: "home", tools: [NOTES] }, web: WEB };
  const mail = { compartment: "home", tools: [MAIL] };
  const rule: Rule = {
    id: "mail",
    answer: "allow",
    principals: [],
    tool: "mail.send",
    args: { to: { kind: "domain", domain: "example.org" } },
    reason: "colleagues",
    expiresAtMs: null,
    perDayMax: null,
  };
  const open = await pathsIn(policyOf({ ...servers, mail }, [rule]));
  const [first] = open.paths;
  assert.equal(first?.decision, "allow");
  assert.match(first?.out.reason ?? "", /your rule mail: colleagues/);
  const ended = await pathsIn(policyOf({ ...servers, mail }, [{ ...rule, expiresAtMs: 0 }]));
  assert.equal(ended.counts.allow, 0);
  const banned = await pathsIn(policyOf({ ...servers, mail }, [rule, { ...rule, id: "no", answer: "deny", args: {} }]));
  assert.deepEqual([banned.counts.allow, banned.counts.ask], [0, 0]);
  assert.equal(banned.paths[0]?.out.because, "C0");
});

test("what a client may not be shown stops the path at its first step", async () => {
  const policy = policyOf({
    books: { compartment: "work", tools: [NOTES] },
    web: WEB,
    mail: { compartment: "home", tools: [MAIL] },
  });
  const path = (await pathsIn(policy, [SHELL])).paths.find((each) => each.private.tool === "books.read");
  assert.deepEqual([path?.decision, path?.private.decision, path?.private.because], ["deny", "deny", "C1"]);
  assert.equal(path?.principal, "client:shell");
});

test("after a secret every way out asks, whatever a rule says of reads", async () => {
  const policy = policyOf({
    keys: { compartment: "home", tools: [{ ...NOTES, secret: true }] },
    web: WEB,
    mail: { compartment: "home", tools: [MAIL] },
  });
  const path = (await pathsIn(policy)).paths.find((each) => each.private.tool === "keys.read");
  assert.deepEqual([path?.private.secret, path?.out.because], [true, "C1"]);
});

test("tools of one server that do the same are one path with their number", async () => {
  const tools = ["a", "b", "c"].map((tool) => ({ ...NOTES, tool }));
  const policy = policyOf({
    notes: { compartment: "home", tools },
    web: WEB,
    mail: { compartment: "home", tools: [MAIL, { ...MAIL, tool: "forward" }] },
  });
  const path = (await pathsIn(policy)).paths.find((each) => each.private.tool === "notes.a");
  assert.deepEqual([path?.private.alike, path?.out.alike], [2, 1]);
});

test("a card whose pin is not the locked one is no way to anything", async () => {
  const policy = policyOf({ notes: { compartment: "home", tools: [NOTES] }, web: WEB });
  const mail = policyOf({ mail: { compartment: "home", tools: [MAIL] } });
  const cards = new Map([...policy.cards, ...mail.cards]);
  const stack = { ...policy.stack, servers: { ...policy.stack.servers, ...mail.stack.servers } };
  const { counts } = await pathsIn({ ...policy, stack, cards });
  assert.deepEqual([counts.allow, counts.ask, counts.deny > 0], [0, 0, true]);
});
