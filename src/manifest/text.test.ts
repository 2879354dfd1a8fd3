import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EFFECTS, Fault, type JsonObject, type Rule } from "../kernel/index.ts";
import { guessEffect } from "./draft.ts";
import { READ_FILE, surfaceWith, WRITE_FILE } from "./fixture.test.ts";
import {
  draftCards,
  editRules,
  editStack,
  formatCardFile,
  nearest,
  parseCards,
  parseRules,
  parseStack,
  pinsOf,
  starterRules,
  starterStack,
  type StackEdit,
} from "./index.ts";

const owner = { name: "Ada", timezone: "Europe/Berlin", currency: { code: "EUR", usd: 1.08 } };
const name = fc
  .stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/)
  .filter((text) => text !== "constructor" && text !== "freehold" && !/^\d+$/.test(text));
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);

test("the starter is accepted whatever the owner is called, and grants nothing", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).filter((text) => /^[^\p{Cc}\ufeff]+$/u.test(text)),
      (called) => {
        const stack = parseStack(starterStack({ ...owner, name: called }), "stack.yaml");
        assert.equal(stack.owner.name, called);
        assert.deepEqual([stack.servers, stack.clients, stack.models], [{}, {}, {}]);
      },
    ),
    { numRuns: 100 },
  );
  assert.equal(starterStack(owner).split("\n")[0], "# yaml-language-server: $schema=./stack.schema.json");
  assert.deepEqual(parseRules(starterRules(), "rules.yaml"), []);
});

test("an edit keeps every other line, and taking it back gives the same text", () => {
  const text = `version: 1
owner: { name: Ada } # me
compartments:
    # mine
    family: {}   # at home

servers:
    one: { source: npm:a@1.0.0, compartment: family } # first
    two:
        source: npm:b@1.0.0
        compartment: family # second

# the end
`;
  const edits: readonly StackEdit[] = [
    {
      kind: "add-server",
      name: "three",
      server: { source: "npm:c@1.0.0", compartment: "family", args: ["${home}/x"] },
    },
    { kind: "add-compartment", name: "work", models: [] },
    { kind: "add-client", name: "cursor", compartments: ["family"] },
  ];
  const edited = editStack(text, edits);
  for (const line of text.split("\n")) assert.ok(edited.split("\n").includes(line), line);
  assert.match(edited, /compartment: family # second\n {4}three:\n {6}source: npm:c@1.0.0\n/);
  assert.equal(editStack(edited, [{ kind: "remove-server", name: "three" }]).includes("three"), false);
  const start = starterStack(owner);
  const server: StackEdit = {
    kind: "add-server",
    name: "a",
    server: { source: "npm:a@1.0.0", compartment: "personal" },
  };
  assert.equal(editStack(editStack(start, [server]), [{ kind: "remove-server", name: "a" }]), start);
  assert.match(
    editStack(edited, [{ kind: "change-source", name: "two", source: "npm:b@2.0.0" }]),
    /source: "npm:b@2.0.0"\n {8}compartment/,
  );
});

test("an edit works in any layout, and on a file without last newline", () => {
  const add: StackEdit = { kind: "add-client", name: "b", compartments: [] };
  for (const text of [
    "version: 1\nowner: { name: A }",
    "version: 1\nowner: { name: A }\nclients: {}",
    "version: 1\nowner: { name: A }\nclients: { a: { compartments: [] } }",
    "version: 1\nowner: { name: A }\nclients:\n  a: { compartments: [] }",
    "version: 1\nowner: { name: A }\nclients:\n  a:\n    compartments: []\nmodels: {}\n",
    '{ "version": 1, "owner": { "name": "A" }, "clients": { "a": { "compartments": [] } } }',
    '{ "version": 1, "owner": { "name": "A" } }',
    "version: 1\r\nowner: { name: A }\r\nclients:\r\n  a: { compartments: [] }\r\n",
  ]) {
    const edited = editStack(text, [add]);
    assert.ok(Object.hasOwn(parseStack(edited, "stack.yaml").clients, "b"), text);
    const back = parseStack(editStack(edited, [{ kind: "remove-client", name: "b" }]), "stack.yaml");
    assert.deepEqual(back, parseStack(text, "stack.yaml"), text);
  }
});

test("an edit that cannot be, or whose result would be refused, is refused", () => {
  const text = editStack(starterStack(owner), [{ kind: "add-client", name: "cursor", compartments: ["personal"] }]);
  const code = (edit: StackEdit): string => {
    try {
      return editStack(text, [edit]);
    } catch (error) {
      return error instanceof Fault ? error.code : String(error);
    }
  };
  assert.equal(code({ kind: "add-client", name: "cursor", compartments: [] }), "manifest.taken");
  assert.equal(code({ kind: "remove-client", name: "cursr" }), "manifest.unknown-name");
  assert.equal(code({ kind: "change-source", name: "none", source: "npm:x@1.0.0" }), "manifest.unknown-name");
  assert.equal(code({ kind: "add-client", name: "X", compartments: [] }), "manifest.bad-name");
  assert.equal(code({ kind: "add-client", name: "x", compartments: ["famly"] }), "manifest.unknown-name");
  assert.equal(
    code({ kind: "add-server", name: "x", server: { source: "npm:x@latest", compartment: "personal" } }),
    "manifest.bad-value",
  );
});

const match = fc.oneof(
  fc.constant({ kind: "any" } as const),
  fc
    .array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1, maxLength: 3 })
    .map((values) => ({ kind: "equals", values }) as const),
  fc.constantFrom("/a", "/home/ada/notes").map((folder) => ({ kind: "under", folder }) as const),
  fc.constant({ kind: "domain", domain: "example.org" } as const),
  fc.integer().map((limit) => ({ kind: "at-most", limit }) as const),
);
const rule = fc.record<Rule>({
  id: name,
  answer: fc.constantFrom("allow", "deny"),
  principals: fc.constantFrom([], ["agent"], ["client:cursor", "automation:weekly"]),
  tool: fc.constantFrom("files.write_file", "mail.send"),
  args: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), match, { maxKeys: 3 }),
  reason: fc.string({ minLength: 1, maxLength: 40 }).filter((text) => /^[^\p{Cc}]+$/u.test(text)),
  expiresAtMs: fc.option(fc.integer({ min: 20_000, max: 40_000 }).map((day) => day * 86_400_000)),
  perDayMax: fc.option(fc.integer({ min: 1, max: 50 })),
});

test("a rule that is added reads back as it was, and can be removed", () => {
  fc.assert(
    fc.property(rule, rule, (first, second) => {
      fc.pre(first.id !== second.id);
      const text = editRules(starterRules(), [
        { kind: "add-rule", rule: first },
        { kind: "add-rule", rule: second },
      ]);
      assert.deepEqual(plain(parseRules(text, "rules.yaml")), plain([first, second]));
      const rest = editRules(text, [{ kind: "remove-rule", id: first.id }]);
      assert.deepEqual(plain(parseRules(rest, "rules.yaml")), plain([second]));
      assert.equal(editRules(rest, [{ kind: "remove-rule", id: second.id }]), starterRules());
    }),
    { numRuns: 150 },
  );
  assert.throws(() => editRules(starterRules(), [{ kind: "remove-rule", id: "x" }]), /no rule 'x'/);
});

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll("-0", "0"));
}

test("a card file reads back as it was written", () => {
  const card = fc.record({
    effect: fc.constantFrom(...EFFECTS),
    pin: digest,
    roles: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 10 }).filter((key) => key !== "__proto__" && /^[^\p{Cc}]*$/u.test(key)),
      fc.constantFrom("critical", "content", "egress"),
      { maxKeys: 4 },
    ),
    ids: fc.constantFrom([], ["event.id"], ["id", "a.b"]),
    result: fc.record({
      trust: fc.constantFrom("owner", "system", "third-party"),
      compartments: fc.uniqueArray(name, { maxLength: 2 }).map((list) => list.toSorted()),
      secret: fc.boolean(),
      mode: fc.constantFrom("inline", "handle"),
    }),
  });
  const tools = fc.dictionary(
    fc.oneof(
      fc.constantFrom("@resources", "@prompts", "@completion"),
      fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/),
    ),
    card,
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(name, tools, (server, entries) => {
      const cards = Object.fromEntries(
        Object.entries(entries).map(([tool, rest]) => [`${server}.${tool}`, { tool: `${server}.${tool}`, ...rest }]),
      );
      assert.deepEqual(plain(parseCards(formatCardFile({ server, cards }), "cards/x.yaml")), plain({ server, cards }));
    }),
    { numRuns: 150 },
  );
});

const effectOf = (tool: string, more: JsonObject = {}): string => guessEffect({ name: tool, ...more });

test("a drafted card is cautious: only a clear read verb makes a read", () => {
  for (const tool of ["read_file", "listIssues", "get-weather", "search", "describe_table"])
    assert.equal(effectOf(tool), "read", tool);
  for (const tool of ["write_file", "get_or_create", "listAndDelete", "directory_tree", "weather", ""])
    assert.equal(effectOf(tool), "write", tool);
  for (const tool of ["send_mail", "postMessage", "share"]) assert.equal(effectOf(tool), "send", tool);
  for (const tool of ["run_query", "execute", "shell"]) assert.equal(effectOf(tool), "exec", tool);
  for (const tool of ["get_password", "listTokens", "login"]) assert.equal(effectOf(tool), "credential", tool);
  assert.equal(effectOf("create_payment"), "spend");
  assert.equal(effectOf("get_thing", { inputSchema: { properties: { command: {} } } }), "exec");
  assert.equal(effectOf("get_thing", { description: "Deletes the thing." }), "write");
});

test("annotations make a draft stricter and never milder", () => {
  assert.equal(effectOf("read_file", { annotations: { destructiveHint: true } }), "write");
  assert.equal(effectOf("read_file", { annotations: { readOnlyHint: false } }), "write");
  assert.equal(effectOf("read_file", { annotations: "odd" }), "write");
  assert.equal(effectOf("write_file", { annotations: { readOnlyHint: true, destructiveHint: false } }), "write");
  const rank = (tool: JsonObject): number => EFFECTS.indexOf(guessEffect(tool));
  fc.assert(
    fc.property(
      fc.constantFrom("read_a", "write_a", "send_a", "get_token", "run_a"),
      fc.jsonValue(),
      (tool, annotations) => {
        assert.ok(rank({ name: tool, annotations: annotations as JsonObject }) >= rank({ name: tool }));
      },
    ),
  );
});

test("a draft names addresses as egress, carried text as content, and everything else as critical", () => {
  const properties = {
    url: {},
    webhookUrl: {},
    apiHost: {},
    site: { type: "string", format: "uri" },
    to: { type: "string" },
    email: { type: "string" },
    emailAddress: { type: "string" },
    body: { type: "string" },
    message_text: { type: "string" },
    content: { type: "array" },
    note: { type: "string", enum: ["a"] },
  };
  const surface = surfaceWith([
    { name: "send_it", inputSchema: { type: "object", properties } },
    WRITE_FILE,
    READ_FILE,
  ]);
  const file = draftCards({ server: "s", surface, compartment: "family" });
  assert.deepEqual(file.cards["s.send_it"]?.roles, {
    url: "egress",
    webhookUrl: "egress",
    apiHost: "egress",
    site: "egress",
    to: "critical",
    email: "critical",
    emailAddress: "critical",
    body: "content",
    message_text: "content",
    content: "critical",
    note: "critical",
  });
  assert.deepEqual(file.cards["s.write_file"]?.roles, { path: "critical", content: "content" });
  assert.deepEqual(file.cards["s.read_file"]?.result, {
    trust: "third-party",
    compartments: ["family"],
    secret: false,
    mode: "inline",
  });
  assert.deepEqual(Object.keys(file.cards), [...pinsOf("s", surface).keys()]);
});

test("the pin of resources moves with any of them", () => {
  const one = surfaceWith([]);
  const pin = (resources: readonly JsonObject[]): string | undefined =>
    pinsOf("s", { ...one, resources }).get("s.@resources");
  assert.notEqual(pin([{ uri: "a" }]), pin([{ uri: "b" }]));
  assert.equal(pin([{ uri: "a" }, { uri: "b" }]), pin([{ uri: "b" }, { uri: "a" }]));
});

test("did you mean offers slips of the fingers only", () => {
  assert.equal(nearest("mial", ["mail", "files"]), "mail");
  assert.equal(nearest("x", ["mail"]), null);
  assert.equal(nearest("sandbxo", ["sandbox"]), "sandbox");
});
