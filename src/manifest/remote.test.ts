import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { diffPolicy } from "./diff.ts";
import { editStack } from "./edit.ts";
import { parseStack } from "./stack.ts";

const REMOTE = "{ url: 'https://freehold.example.org/mcp', issuer: 'https://login.example.org/t' }";

function text(remote: string | null, clients = "{}"): string {
  const owner = "owner: { name: Ada, timezone: UTC, currency: { code: EUR, usd: 1 } }";
  const head = `version: 1\n${owner}\ncompartments: { work: {} }\nclients: ${clients}\n`;
  return remote === null ? head : `${head}remote: ${remote}\n`;
}

function client(more: string): string {
  return `{ compartments: [work], ${more} }`;
}

function told(before: string, after: string): readonly string[] {
  const changes = diffPolicy({ "stack.yaml": before }, { "stack.yaml": after });
  return changes.map(({ what, wider }) => `${what}${wider ? " (wider)" : ""}`);
}

test("where programs from elsewhere come in, and by whose tokens, is read with what is left out filled in", () => {
  const { remote, clients } = parseStack(
    text(REMOTE, `{ phone: ${client("subject: ada, clientId: app")} }`),
    "stack.yaml",
  );
  const url = "https://freehold.example.org/mcp";
  assert.deepEqual(remote, { url, issuer: "https://login.example.org/t", audience: url, scopes: [] });
  assert.equal(clients["phone"]?.subject, "ada");
  assert.equal(clients["phone"]?.clientId, "app");
  assert.equal(parseStack(text(null, `{ shell: ${client("view: direct")} }`), "stack.yaml").remote, null);
});

test("each change of who may come from elsewhere is shown", () => {
  const none = text(null, `{ phone: ${client("view: direct")} }`);
  const open = text(REMOTE, `{ phone: ${client("subject: ada")} }`);
  const where =
    "programs reach the gateway as https://freehold.example.org/mcp with tokens of https://login.example.org/t";
  const who = "client phone comes from elsewhere as ada";
  assert.deepEqual(told(none, open).toSorted(), [`${who} (wider)`, `${where} (wider)`]);
  assert.deepEqual(told(open, none).toSorted(), [
    "client phone no longer comes from elsewhere",
    "no program reaches the gateway from elsewhere",
  ]);
  assert.deepEqual(told(open, open), []);
});

test("another view of its tools leaves a client's login as it was written", () => {
  const before = text(REMOTE, `\n  phone: ${client("subject: ada, clientId: app")}`);
  const after = editStack(before, [{ kind: "change-view", name: "phone", view: { view: "search" } }]);
  const { phone } = parseStack(after, "stack.yaml").clients;
  assert.deepEqual([phone?.view, phone?.subject, phone?.clientId], ["search", "ada", "app"]);
});

test("two programs of one subject are two clients where each has a clientId of its own", () => {
  const two = `{ a: ${client("subject: ada, clientId: x")}, b: ${client("subject: ada, clientId: y")} }`;
  assert.equal(Object.keys(parseStack(text(REMOTE, two), "stack.yaml").clients).length, 2);
});

const REFUSED: Readonly<Record<string, readonly [string, RegExp]>> = {
  "two clients with one subject": [
    text(REMOTE, `{ a: ${client("subject: ada")}, b: ${client("subject: ada")} }`),
    /clients 'a' and 'b' could be one and the same token/,
  ],
  "two of one subject where only one is narrowed": [
    text(REMOTE, `{ a: ${client("subject: ada, clientId: x")}, b: ${client("subject: ada")} }`),
    /could be one and the same token/,
  ],
  "a subject that nobody issues tokens for": [
    text(null, `{ a: ${client("subject: ada")} }`),
    /nothing says who issues/,
  ],
  "a clientId without a subject": [text(REMOTE, `{ a: ${client("clientId: x")} }`), /there is none/],
  "a misspelt subject": [text(REMOTE, `{ a: ${client("subjekt: ada")} }`), /Did you mean 'subject'/],
  "a misspelt issuer": [text("{ url: 'https://a.example/mcp', isuer: 'https://b.example' }"), /Did you mean 'issuer'/],
  "a public address without https": [
    text("{ url: 'http://a.example/mcp', issuer: 'https://b.example' }"),
    /public address/,
  ],
  "a public address of another path": [
    text("{ url: 'https://a.example/', issuer: 'https://b.example' }"),
    /public address/,
  ],
  "the port that https has anyway": [text("{ url: 'https://a.example:443/mcp', issuer: 'https://b.example' }"), /port/],
  "an issuer without https": [text("{ url: 'https://a.example/mcp', issuer: 'http://b.example' }"), /'remote.issuer'/],
  "a scope of two words": [
    text("{ url: 'https://a.example/mcp', issuer: 'https://b.example', scopes: ['a b'] }"),
    /a scope, one word/,
  ],
};
for (const [what, [stack, message]] of Object.entries(REFUSED)) {
  test(`the stack is refused for ${what}`, () => {
    assert.throws(
      () => parseStack(stack, "stack.yaml"),
      (error: unknown) =>
        error instanceof Fault && /^stack\.yaml:[45]$/.test(error.at ?? "") && message.test(error.message),
    );
  });
}
