import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { diffServers } from "./diff-servers.ts";
import { parseStack } from "./stack.ts";

function stackOf(server: string) {
  const owner = "owner: { name: Ada, timezone: UTC, currency: { code: EUR, usd: 1 } }";
  return parseStack(`version: 1\n${owner}\ncompartments: { work: {} }\nservers:\n  a: ${server}\n`, "stack.yaml");
}

const remote = (oauth: string): string => `{ source: "https://a.example/mcp", compartment: work, oauth: ${oauth} }`;

test("how the owner signs in is read, and each change of it is shown as one that widens", () => {
  const plain = stackOf(remote("{}"));
  const all = "{ client: me, secret: 'secret:me', issuer: 'https://login.example/t', scopes: [read, 'a:b'] }";
  const stack = stackOf(remote(all));
  assert.deepEqual(stack.servers["a"]?.oauth, {
    client: "me",
    secret: "secret:me",
    document: null,
    issuer: "https://login.example/t",
    scopes: ["read", "a:b"],
  });
  const [change] = diffServers(plain, stack);
  const what = "server a signs in as client me, with secret:me, only at https://login.example/t, for read a:b";
  assert.deepEqual(change, { kind: "changed", file: "stack.yaml", what, wider: true });
  assert.match(diffServers(stack, plain)[0]?.what ?? "", /signs in as the server says/);
  assert.deepEqual(diffServers(stack, stack), []);
});

const REFUSED: Readonly<Record<string, string>> = {
  "an unknown key": remote("{ klient: me }"),
  "a secret in plain text": remote("{ client: me, secret: hunter2hunter2 }"),
  "a secret without a client": remote("{ secret: 'secret:me' }"),
  "two ways to be known": remote("{ client: me, document: 'https://a.example/me.json' }"),
  "an issuer without https": remote("{ issuer: 'http://login.example' }"),
  "a document with a password in its address": remote("{ document: 'https://u:p@a.example/me.json' }"),
  "a scope of two words": remote("{ scopes: ['a b'] }"),
  "a server that runs here": "{ source: 'npm:a@1.0.0', compartment: work, oauth: {} }",
};
for (const [what, server] of Object.entries(REFUSED)) {
  test(`a login is refused for ${what}`, () => {
    assert.throws(
      () => stackOf(server),
      (error: unknown) => error instanceof Fault && (error.at ?? "").startsWith("stack.yaml:5"),
    );
  });
}
