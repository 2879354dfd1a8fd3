// The owner session: who gets one, for how long, and how guessing is slowed down.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { ownerAuth, requireOwner, type OwnerAuth, type OwnerSession } from "./owner-auth.ts";

const PIN = "835274";
const MINUTE_MS = 60_000;

interface Place {
  nowMs: number;
  readonly kept: Map<string, string>;
  /** A new start over what was kept. */
  start(): OwnerAuth;
}

function place(): Place {
  const kept = new Map<string, string>();
  const settings = {
    get: (key: string) => kept.get(key) ?? null,
    set: (key: string, value: string) => void kept.set(key, value),
  };
  const here: Place = {
    nowMs: 1_800_000_000_000,
    kept,
    start: () => ownerAuth({ settings, nowMs: () => here.nowMs, randomBytes }),
  };
  return here;
}

async function enrolled(): Promise<Place & { readonly auth: OwnerAuth }> {
  const here = place();
  const auth = here.start();
  await auth.enrol(PIN);
  return Object.assign(here, { auth });
}

async function session(auth: OwnerAuth, secret = PIN): Promise<OwnerSession> {
  const proof = await auth.prove(secret);
  assert.ok(proof.kind === "owner");
  return proof.session;
}

const isFault = (code: string) => (error: unknown) => error instanceof Fault && error.code === code;

test("the right secret opens an owner session, also after a restart, and is stored nowhere", async () => {
  const here = await enrolled();
  assert.equal(here.auth.isSet(), true);
  assert.equal(requireOwner(await session(here.auth)).isLive(here.nowMs), true);
  assert.equal(requireOwner(await session(here.start())).isLive(here.nowMs), true);
  assert.equal(
    [...here.kept.values()].some((value) => value.includes(PIN)),
    false,
  );
});

test("a second enrolment is refused, also when both come at once", async () => {
  const here = place();
  const auth = here.start();
  const both = await Promise.allSettled([auth.enrol(PIN), auth.enrol("another long one")]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await assert.rejects(auth.enrol("another long one"), isFault("owner.already-set"));
  await assert.rejects(place().start().prove(PIN), isFault("owner.not-set"));
});

test("secrets that would be guessed first are refused", async () => {
  const auth = place().start();
  const weak = [
    "",
    "12345",
    "123456",
    "654321",
    "000000",
    "121212",
    "123123",
    "456789",
    "890123",
    "short77",
    "password1",
  ];
  weak.push("aaaaaaaa", "qwertyuiop", "abcdefgh", "Freehold1", "x".repeat(300));
  for (const secret of weak) await assert.rejects(auth.enrol(secret), isFault("owner.weak"), secret);
  assert.equal(auth.isSet(), false);
});

test("fifty guesses at once get five checks, and the count outlives a restart", async () => {
  const here = await enrolled();
  const guesses = await Promise.all(Array.from({ length: 50 }, (_, at) => here.auth.prove(`guess number ${at}`)));
  assert.equal(
    guesses.every(({ kind }) => kind === "refused"),
    true,
  );
  assert.deepEqual(JSON.parse(here.kept.get("owner.tries") ?? ""), { failed: 5, nextAtMs: here.nowMs + 2_000 });
  // The right one, too, has to wait: otherwise the answer would tell it from the wrong ones.
  assert.deepEqual(await here.start().prove(PIN), { kind: "refused", waitMs: 2_000 });
});

test("waits double from 2 s to an hour, and the right secret ends them", async () => {
  const here = await enrolled();
  const waits: number[] = [];
  for (let at = 0; at < 18; at += 1) {
    const proof = await here.auth.prove("wrong guess");
    assert.ok(proof.kind === "refused");
    waits.push(proof.waitMs / 1_000);
    here.nowMs += proof.waitMs;
  }
  assert.deepEqual(waits, [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]);
  await session(here.auth);
  assert.deepEqual(await here.auth.prove("wrong guess"), { kind: "refused", waitMs: 0 });
});

test("a clock that is set back locks nobody out for longer than an hour", async () => {
  const here = await enrolled();
  for (let at = 0; at < 5; at += 1) await here.auth.prove("wrong guess");
  here.nowMs -= 365 * 24 * 60 * MINUTE_MS;
  assert.deepEqual(await here.auth.prove(PIN), { kind: "refused", waitMs: 60 * MINUTE_MS });
});

test("a session ends after 15 idle minutes, after 8 hours, and when it is ended", async () => {
  const here = await enrolled();
  const [idle, busy, ended] = [await session(here.auth), await session(here.auth), await session(here.auth)];
  ended.end();
  assert.throws(() => requireOwner(ended), isFault("owner.needed"));
  for (let minutes = 0; minutes < 8 * 60; minutes += 14) {
    requireOwner(busy);
    here.nowMs += 14 * MINUTE_MS;
    // Asking whether it lives is not using it.
    assert.equal(idle.isLive(here.nowMs), minutes === 0);
  }
  assert.throws(() => requireOwner(busy), isFault("owner.needed"));
  assert.throws(() => requireOwner(idle), isFault("owner.needed"));
});

test("an object that says it is live is no owner", () => {
  assert.throws(() => requireOwner(null), isFault("owner.needed"));
  assert.throws(() => requireOwner({ isLive: () => true, end: () => undefined }), isFault("owner.needed"));
});

test("changing the secret needs the old one, and ends the sessions it had opened", async () => {
  const here = await enrolled();
  const before = await session(here.auth);
  assert.equal((await here.auth.change("wrong guess", "a better secret")).kind, "refused");
  await assert.rejects(here.auth.change(PIN, "123456"), isFault("owner.weak"));
  const changed = await here.auth.change(PIN, "a better secret");
  assert.ok(changed.kind === "owner" && changed.session.isLive(here.nowMs));
  assert.equal(before.isLive(here.nowMs), false);
  assert.equal((await here.auth.prove(PIN)).kind, "refused");
  await session(here.auth, "a better secret");
});

test("a login link works once, within ten minutes, and is stored as a hash", async () => {
  const here = await enrolled();
  const [code, late] = [here.auth.mintLink(), here.auth.mintLink()];
  assert.match(code, /^[\w-]{43}$/);
  assert.equal(
    [...here.kept.values()].some((value) => value.includes(code)),
    false,
  );
  assert.equal(here.auth.redeemLink("x".repeat(43)), null);
  assert.ok(here.start().redeemLink(code) !== null);
  assert.equal(here.auth.redeemLink(code), null);
  here.nowMs += 10 * MINUTE_MS;
  assert.equal(here.auth.redeemLink(late), null);
});

test("a visit becomes an owner session only by a proof, and only while it lasts", async () => {
  const here = await enrolled();
  const visit = here.auth.redeemLink(here.auth.mintLink());
  assert.ok(visit !== null);
  assert.equal((await here.auth.enter(visit, "wrong guess")).kind, "refused");
  assert.equal((await here.auth.enter(visit, PIN)).kind, "owner");
  await assert.rejects(here.auth.enter({ isLive: () => true }, PIN), isFault("owner.visit-over"));
  here.nowMs += 10 * MINUTE_MS;
  await assert.rejects(here.auth.enter(visit, PIN), isFault("owner.visit-over"));
});

test("the first visit sets the secret; a later one cannot set another", async () => {
  const here = place();
  const auth = here.start();
  const visit = auth.redeemLink(auth.mintLink());
  assert.ok(visit !== null);
  assert.equal((await auth.enter(visit, PIN)).kind, "owner");
  assert.equal((await auth.enter(visit, "another long one")).kind, "refused");
});

test("of many open links only the newest eight stay", () => {
  const auth = place().start();
  const codes = Array.from({ length: 9 }, () => auth.mintLink());
  assert.deepEqual(
    codes.map((code) => auth.redeemLink(code) !== null),
    [false, ...Array.from({ length: 8 }, () => true)],
  );
});
