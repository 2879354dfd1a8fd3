import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { holdText } from "./holds.ts";
import { endOfWait, isQuiet, minuteOfDay, type OwnersClock } from "./quiet.ts";

const MINUTE_MS = 60_000;
const BERLIN: OwnersClock = { timezone: "Europe/Berlin", quiet: { fromMinute: 22 * 60, untilMinute: 7 * 60 } };
const at = (text: string): number => Date.parse(text);

test("a wait stands still from 22:00 to 07:00 and goes on in the morning", () => {
  const end = endOfWait(BERLIN, at("2026-11-22T21:55:00+01:00"), 10 * MINUTE_MS);
  assert.equal(new Date(end).toISOString(), new Date("2026-11-23T07:05:00+01:00").toISOString());
  assert.equal(endOfWait(BERLIN, at("2026-11-22T12:00:00+01:00"), 30_000), at("2026-11-22T12:00:30+01:00"));
  assert.equal(endOfWait(BERLIN, at("2026-11-23T03:00:00+01:00"), 1_000), at("2026-11-23T07:00:01+01:00"));
  assert.equal(endOfWait({ ...BERLIN, quiet: null }, 5, 7), 12);
});

test("when the clocks change at night the quiet hours still end at seven on the owner's clock", () => {
  for (const [from, until] of [
    ["2026-03-28T23:00:00+01:00", "2026-03-29T07:00:01+02:00"],
    ["2026-10-24T23:00:00+02:00", "2026-10-25T07:00:01+01:00"],
  ] as const) {
    assert.equal(endOfWait(BERLIN, at(from), 1_000), at(until));
  }
});

const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham"];
const clocks = fc.record({
  timezone: fc.constantFrom(...zones, "America/St_Johns", "Africa/Casablanca", "Asia/Kathmandu"),
  fromMinute: fc.nat(1_439),
  length: fc.integer({ min: 1, max: 1_200 }),
});
/** Around the days on which clocks change somewhere, and on any other. */
const times = fc
  .record({ month: fc.constantFrom(2, 3, 9, 10), minute: fc.nat(31 * 1_440), ms: fc.nat(59_999) })
  .map(({ month, minute, ms }) => Date.UTC(2026, month, 1) + minute * MINUTE_MS + ms);

/** What a clock on the wall shows, by Intl and minute by minute: slow, and hard to get wrong. */
function slowEnd(owner: OwnersClock, fromMs: number, lengthMs: number): number {
  let [now, left] = [fromMs, lengthMs];
  for (;;) {
    const next = now - (now % MINUTE_MS) + MINUTE_MS;
    if (!isQuiet(owner, now)) {
      if (left < next - now) return now + left;
      left -= next - now;
    }
    now = next;
  }
}

test("everywhere and always a wait ends outside the quiet hours, after exactly its length of other time", () => {
  fc.assert(
    fc.property(clocks, times, fc.nat(3 * 3_600_000), ({ timezone, fromMinute, length }, fromMs, lengthMs) => {
      const owner = { timezone, quiet: { fromMinute, untilMinute: (fromMinute + length) % 1_440 } };
      const end = endOfWait(owner, fromMs, lengthMs);
      assert.equal(end, slowEnd(owner, fromMs, lengthMs));
      assert.ok(!isQuiet(owner, end), "it ends in the quiet hours");
    }),
    { numRuns: Number(process.env["FC_RUNS"] ?? 60) },
  );
});

test("the clock on the wall is Intl's", () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), times, (timeZone, atMs) => {
      const parts = new Intl.DateTimeFormat("en", { timeZone, hourCycle: "h23", hour: "numeric", minute: "numeric" });
      const said = Object.fromEntries(parts.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
      assert.equal(minuteOfDay(timeZone, atMs), (said["hour"] ?? 0) * 60 + (said["minute"] ?? 0));
    }),
  );
});

test("a hold is written as it was read", () => {
  assert.deepEqual([0, 1_000, 90_000, 600_000, 7_200_000].map(holdText), ["none", "1s", "90s", "10m", "2h"]);
});
