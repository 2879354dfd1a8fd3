import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { openIssuerKeys } from "./issuer-keys.ts";

const MINUTE = 60_000;
const ISSUER = "https://login.example";

function key(kid: string): JsonObject {
  const exported = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  return { ...(JSON.parse(JSON.stringify(exported)) as JsonObject), kid };
}

interface World {
  nowMs: number;
  fetches: string[];
  faults: number;
  keys: readonly JsonObject[] | null;
  find(id: string | null, issuer?: string): Promise<string>;
}

function world(keys: readonly JsonObject[] | null): World {
  const keysOf = openIssuerKeys({
    nowMs: () => here.nowMs,
    fetch(issuer) {
      here.fetches.push(issuer);
      return here.keys === null ? Promise.reject(new Error("down")) : Promise.resolve(here.keys);
    },
    onFault: () => void (here.faults += 1),
  });
  const here: World = {
    nowMs: 0,
    fetches: [],
    faults: 0,
    keys,
    async find(id, issuer = ISSUER) {
      const found = await keysOf(issuer)(id, "EdDSA");
      return typeof found === "string" ? found : `key ${found.id}`;
    },
  };
  return here;
}

test("keys are fetched once for many tokens, and again after an hour", async () => {
  const here = world([key("a")]);
  const found = await Promise.all(Array.from({ length: 50 }, () => here.find("a")));
  assert.deepEqual(new Set(found), new Set(["key a"]));
  here.nowMs = 59 * MINUTE;
  await here.find("a");
  assert.equal(here.fetches.length, 1);
  here.nowMs = 60 * MINUTE;
  here.keys = [key("b")];
  assert.equal(await here.find("a"), "unknown", "a key that the issuer took back is not kept");
  assert.equal(here.fetches.length, 2);
});

test("a new key is found, but made-up ids cause one fetch in five minutes", async () => {
  const here = world([key("a")]);
  await here.find("a");
  for (let second = 1; second < 300; second += 1) {
    here.nowMs = second * 1_000;
    assert.equal(await here.find(`made-up-${second}`), "unknown");
  }
  assert.equal(here.fetches.length, 1);
  here.keys = [key("a"), key("b")];
  here.nowMs = 5 * MINUTE;
  assert.equal(await here.find("b"), "key b");
  assert.equal(here.fetches.length, 2);
});

test("without keys nobody is judged, the issuer is not pressed, and it works again when the issuer does", async () => {
  const here = world(null);
  assert.equal(await here.find("a"), "unavailable");
  here.nowMs = 14_999;
  assert.equal(await here.find("a"), "unavailable");
  assert.deepEqual([here.fetches.length, here.faults], [1, 1]);
  here.keys = [key("a")];
  here.nowMs = 15_000;
  assert.equal(await here.find("a"), "key a");
  here.keys = null;
  here.nowMs += 60 * MINUTE;
  assert.equal(await here.find("a"), "unavailable", "old keys are not used on");
});

test("a token that names no key is matched where the issuer has one that fits", async () => {
  assert.equal(await world([key("a")]).find(null), "key a");
  assert.equal(await world([key("a"), key("b")]).find(null), "unknown");
});

test("another issuer's keys are never used", async () => {
  const here = world([key("a")]);
  await here.find("a");
  here.keys = [];
  assert.equal(await here.find("a", "https://other.example"), "unknown");
  assert.deepEqual(here.fetches, [ISSUER, "https://other.example"]);
});
