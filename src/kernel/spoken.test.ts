// Numbers in the owner's words are found by arithmetic on what they said, and what only looks like one is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "./json.ts";
import { isInWords, ownerWords } from "./words.ts";

const table: readonly (readonly [words: string, value: JsonValue, isOwners: boolean])[] = [
  // Dates
  ["on May 19", "2024-05-19", true],
  ["on May 19, 2024", "2024-05-19", true],
  ["on May 19, 2024", "2023-05-19", false],
  ["on the 19th of May", "2024-05-19", true],
  ["on 2024-05-19", "2024-05-19", true],
  ["on 2024-05-19", "2024-05-20", false],
  ["on sept. 3", "2024-09-03", true],
  ["may I march 3 miles", "2024-03-03", false],
  ["may 3 people come along", "2024-05-03", false],
  ["I march 3 May", "2024-03-03", false],
  ["a decimal 3", "2024-12-03", false],
  ["the mayor 12 times", "2024-05-12", false],
  ["maybe 5 maybe", "2024-05-05", false],
  ["19 May 20:00", "2024-05-20", false],
  ["19 May 8pm", "2024-05-08", false],
  ["version 1.5 May", "2024-05-05", false],
  ["May 2024", "2024-05-20", false],
  ["the file 12024-05-19", "2024-05-19", false],
  ["see https://a.example/2024-05-19", "2024-05-19", false],
  // Times
  ["May 19 at 10:00 for one hour", "2024-05-19 11:00", true],
  ["May 19 at 10:00 for one hour", "2024-05-19T11:00:00", true],
  ["May 19 at 10:00 for one hour", "2024-05-19T11:00:30", false],
  ["May 19 at 10:00 for one hour", "2024-05-19 09:00", false],
  ["at 10:00 for half an hour", "10:30", true],
  ["at 10:00 for 1.5 hours", "11:30", true],
  ["at 10:00 for 0.10 hours", "20:00", false],
  ["May 19 at 23:30 for one hour", "2024-05-19 00:30", false],
  ["May 19 at 23:30 for one hour", "2024-05-20 00:30", false],
  ["May 19 at 23:30 for one hour", "24:30", false],
  ["at noon", "12:00", true],
  ["in the afternoon", "12:00", false],
  ["at 12am", "00:00", true],
  ["at 12pm", "12:00", true],
  ["at 13 am", "01:00", false],
  ["at 0:30pm", "12:30", false],
  ["at 25:10", "01:10", false],
  ["at 10:75", "11:15", false],
  ["the address is a:b:10:00", "10:00", false],
  // Amounts
  ["pay 1,200.50 to Anna", 1200.5, true],
  ["pay $12 to Anna", 12, true],
  ["pay 12 euros to Anna", 12, true],
  ["pay 12 apples to Anna", 12, false],
  ["pay €1.234,56 to Anna", 1.234, false],
  ["pay €1,234.56 to Anna", 1234.56, true],
  ["pay $5 million to Anna", 5, false],
  ["pay $5k to Anna", 5, false],
  ["pay 5 thousand dollars", 5, false],
  ["on 2024-05-19 pay Anna", 2024, false],
  ["on 2024-05-19 pay Anna", 19, false],
  ["pay DE89 3704 0044 0532 0130 00", 3704, false],
  ["pay DE89 3704 0044 0532 0130 00", "3704", false],
  ["pay DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00", true],
  ["call 0151 2345 6789", 2345, false],
  ["call 0151 2345 6789", "2345", false],
  ["call 0151 2345 6789", "0151 2345 6789", true],
  ["see https://a.example/?amount=5000", 5000, false],
  ["see https://a.example/?to=mallory", "mallory", false],
  ["the price is in $\n1. apples", 1, false],
  // Lists authorise nothing
  ["1. apples 2. pears", 1, false],
  ["1. apples 2. pears", "1.", false],
  ["1. apples 2. pears", "1 ", false],
  ["1) apples 2) pears", "1)", false],
  ["(1) apples (2) pears", "(1)", false],
  ["- 1 apple\n- 2 pears", "- 1", false],
  ["1.\tapples", "1.\t", false],
  ["delete #17", "#17", true],
  ["delete id 17", "17", true],
  ["the android 17", "17", false],
  ["pay 17 or 18", 17, false],
  ["set it to -5 degrees", 5, false],
];

for (const [words, value, isOwners] of table) {
  test(`${JSON.stringify(value)} is ${isOwners ? "" : "not "}the owner's in: ${JSON.stringify(words)}`, () => {
    assert.equal(isInWords(ownerWords(words), value), isOwners);
  });
}

test("a time is the owner's when it was said, or when it is a said span after a said time, and never else", () => {
  const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
  const clock = (at: number): string =>
    `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
  fc.assert(
    fc.property(minute, fc.integer({ min: 1, max: 999 }), minute, (from, span, wanted) => {
      const words = ownerWords(`meet at ${clock(from)} for ${span} minutes`);
      assert.equal(isInWords(words, clock(wanted)), wanted === from || wanted === from + span);
    }),
  );
});

test("no text makes reading it slow", { timeout: 20_000 }, () => {
  for (const part of [
    "1",
    "1,",
    "1 ",
    "1:00 ",
    "may 1 ",
    "1 hour ",
    "$1 ",
    "1.",
    "id ",
    "#1",
    "2024-05-19 ",
    "DE89 ",
  ]) {
    const words = ownerWords(part.repeat(20_000 / part.length));
    for (const value of ["2024-05-19", "nowhere", 17, "1"]) isInWords(words, value);
  }
});
