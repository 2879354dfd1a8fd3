import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "../kernel/index.ts";
import { parseStack } from "../manifest/index.ts";
import { issuerKeys, verifyToken, type FindKey, type TokenVerdict } from "./access-token.ts";
import { identify } from "./auth.ts";

const NOW = Date.UTC(2027, 0, 1);
const SECONDS = NOW / 1000;
const EXPECTED = { issuer: "https://login.example", audience: "https://freehold.example/mcp", nowMs: NOW };
const GOOD: JsonObject = {
  iss: EXPECTED.issuer,
  aud: EXPECTED.audience,
  sub: "ada",
  client_id: "app",
  exp: SECONDS + 600,
  iat: SECONDS,
  scope: "read write",
};

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PAIRS: Readonly<Record<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>> = {
  RS256: RSA,
  PS256: RSA,
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
const SIGNING: Readonly<Record<string, object>> = {
  RS256: {},
  PS256: { padding: 6, saltLength: 32 },
  ES256: { dsaEncoding: "ieee-p1363" },
};

function part(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signed(alg: string, claims: JsonObject, header: JsonObject = {}): string {
  return signedText(alg, `${part({ alg, typ: "at+jwt", kid: alg, ...header })}.${part(claims)}`);
}

function signedText(alg: string, text: string): string {
  const key = PAIRS[alg]?.privateKey;
  assert.ok(key !== undefined);
  const how = alg === "EdDSA" ? { key } : { key, ...SIGNING[alg] };
  return `${text}.${sign(alg === "EdDSA" ? null : "sha256", Buffer.from(text), how).toString("base64url")}`;
}

function jwk(alg: string, more: JsonObject = {}): JsonObject {
  const exported = PAIRS[alg]?.publicKey.export({ format: "jwk" });
  return { ...(JSON.parse(JSON.stringify(exported)) as JsonObject), kid: alg, ...more };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=".split("");
const KEYS = issuerKeys(Object.keys(PAIRS).map((alg) => jwk(alg)));
const find: FindKey = (id) => Promise.resolve(KEYS.find((key) => key.id === id) ?? "unknown");

function judge(token: string, finder = find): Promise<TokenVerdict> {
  return verifyToken(token, EXPECTED, finder);
}

async function refusal(token: string, finder = find): Promise<string> {
  const verdict = await judge(token, finder);
  return verdict.kind === "refused" ? verdict.reason : verdict.kind;
}

for (const alg of Object.keys(PAIRS)) {
  test(`a token that the issuer signed with ${alg} says who comes`, async () => {
    const verdict = await judge(signed(alg, GOOD));
    assert.deepEqual(verdict, { kind: "good", claims: { subject: "ada", clientId: "app", scopes: ["read", "write"] } });
  });
}

test("a token for more audiences, of the full type's name, without a client id, is as good", async () => {
  const aud = ["https://other.example", EXPECTED.audience];
  const claims = { iss: EXPECTED.issuer, aud, sub: "ada", exp: SECONDS - 29, nbf: SECONDS + 30 };
  const verdict = await judge(signed("ES256", claims, { typ: "application/at+JWT" }));
  assert.equal(verdict.kind === "good" && verdict.claims.clientId, null);
});

const SIGNATURE_OF_EVE = signed("RS256", { ...GOOD, sub: "eve" })
  .split(".")
  .at(-1);

const REFUSED: Readonly<Record<string, readonly [string, string]>> = {
  "another audience": [signed("ES256", { ...GOOD, aud: "https://other.example/mcp" }), "it is for another audience"],
  "an audience that only begins alike": [
    signed("ES256", { ...GOOD, aud: `${EXPECTED.audience}/x` }),
    "it is for another audience",
  ],
  "no audience": [signed("ES256", { ...GOOD, aud: [] }), "it is for another audience"],
  "another issuer": [signed("ES256", { ...GOOD, iss: "https://login.example/" }), "it is of another issuer"],
  "its end": [signed("ES256", { ...GOOD, exp: SECONDS - 30 }), "it has expired"],
  "no end": [signed("ES256", { ...GOOD, exp: "never" }), "it has expired"],
  "a start in the future": [signed("ES256", { ...GOOD, nbf: SECONDS + 31 }), "it is not valid yet"],
  "no subject": [signed("ES256", { ...GOOD, sub: "" }), "it has no subject"],
  "an id token's type": [signed("ES256", GOOD, { typ: "JWT" }), "its type is not at+jwt"],
  "a demand that is not known": [signed("ES256", GOOD, { crit: ["b64"] }), "it demands what is not known here"],
  "a key of its holder": [signed("ES256", { ...GOOD, cnf: { jkt: "x" } }), "it is bound to a key of its holder"],
  "an unknown key": [signed("ES256", GOOD, { kid: "other" }), "the issuer has no such key"],
  "a key of another kind": [signed("ES256", GOOD, { kid: "RS256" }), "the issuer has no such key"],
  "a key of the same kind that did not sign it": [
    signed("RS256", GOOD).replace(/\.[^.]+$/, `.${SIGNATURE_OF_EVE}`),
    "its signature is wrong",
  ],
  "no algorithm": [`${part({ alg: "none", typ: "at+jwt" })}.${part(GOOD)}.`, "it is no JWT"],
  "no algorithm, and something for a signature": [
    `${part({ alg: "none", typ: "at+jwt" })}.${part(GOOD)}.AAAA`,
    "its algorithm is not accepted",
  ],
  "a claim twice": [
    signedText(
      "ES256",
      `${part({ alg: "ES256" })}.${btoa(`{"sub":"eve",${JSON.stringify(GOOD).slice(1)}`).replace(/=+$/, "")}`,
    ),
    "it is no JWT",
  ],
  "four parts": [`${signed("ES256", GOOD)}.AAAA`, "it is no JWT"],
  "its length": [signed("ES256", { ...GOOD, more: "x".repeat(8_192) }), "it is no JWT"],
  padding: [`${signed("ES256", GOOD)}=`, "it is no JWT"],
};
for (const [what, [token, reason]] of Object.entries(REFUSED)) {
  test(`an access token is refused for ${what}`, async () => assert.equal(await refusal(token), reason));
}

test("a token signed with the public key as if it were a shared secret is refused", async () => {
  const pem = RSA.publicKey.export({ type: "spki", format: "pem" });
  for (const alg of ["HS256", "hs256", "HS512"]) {
    const text = `${part({ alg, typ: "at+jwt", kid: "RS256" })}.${part(GOOD)}`;
    const mac = createHmac("sha256", pem).update(text).digest("base64url");
    assert.equal(await refusal(`${text}.${mac}`), "its algorithm is not accepted");
  }
});

test("no key is looked for before issuer, audience and time are right", async () => {
  const never: FindKey = () => assert.fail("a key was looked for");
  for (const claims of [
    { ...GOOD, iss: "x" },
    { ...GOOD, aud: "x" },
    { ...GOOD, exp: 1 },
  ]) {
    await refusal(signed("ES256", claims), never);
  }
  assert.deepEqual(await judge(signed("ES256", GOOD), () => Promise.resolve("unavailable")), { kind: "unavailable" });
});

test("only public signing keys of an accepted kind and strength are taken from an issuer", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const curve = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" });
  const others = [
    { kty: "oct", k: "c2VjcmV0" },
    { kty: "RSA", n: "AQAB", e: "AQAB" },
    { kty: "RSA", n: "x".repeat(1_367), e: "AQAB" },
    { kty: "EC", crv: "P-256", x: "AA", y: "AA" },
    jwk("ES256", { use: "enc" }),
    jwk("ES256", { alg: "RS256" }),
    JSON.parse(JSON.stringify(small)) as JsonObject,
    JSON.parse(JSON.stringify(curve)) as JsonObject,
    {},
  ];
  assert.deepEqual(issuerKeys(others), []);
  assert.deepEqual(issuerKeys([jwk("RS256", { alg: "PS256" })])[0]?.algorithms, ["PS256"]);
});

test("no change of a good token is a good token", async () => {
  const token = signed("ES256", GOOD);
  const place = fc.nat(token.length - 1);
  const letter = fc.constantFrom(...LETTERS);
  await fc.assert(
    fc.asyncProperty(place, letter, async (at, put) => {
      const changed = token.slice(0, at) + put + token.slice(at + 1);
      assert.equal((await judge(changed)).kind, changed === token ? "good" : "refused");
    }),
    { numRuns: Number(process.env["RUNS"] ?? 200) },
  );
});

test("claims are one client or nobody", () => {
  const text = "version: 1\nowner: { name: Ada }\nclients: { plain: { compartments: [] } }\n";
  const { plain } = parseStack(text, "stack.yaml").clients;
  assert.ok(plain !== undefined);
  const clients = {
    shell: { ...plain, subject: null, clientId: null },
    phone: { ...plain, subject: "ada", clientId: "phone" },
    tablet: { ...plain, subject: "ada", clientId: "tablet" },
    bob: { ...plain, subject: "bob", clientId: null },
    twin: { ...plain, subject: "eve", clientId: null },
    other: { ...plain, subject: "eve", clientId: "x" },
  };
  const who = (subject: string, clientId: string | null): string | undefined =>
    identify(clients, EXPECTED.issuer, { subject, clientId, scopes: [] })?.principal.name;
  assert.equal(who("ada", "phone"), "phone");
  assert.equal(who("ada", "tablet"), "tablet");
  assert.equal(who("bob", null), "bob");
  for (const [subject, id] of [
    ["ada", null],
    ["ada", "other"],
    ["eve", "x"],
    ["null", null],
    ["", null],
  ] as const) {
    assert.equal(who(subject, id), undefined);
  }
});
