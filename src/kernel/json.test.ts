// Strict JSON: one text has one reading, and what is hashed parses back to what was parsed.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, digestOf, parseStrict, type JsonValue } from "./json.ts";
import { readJson } from "./read-json.ts";

/** The generator likes the key __proto__, which is refused on purpose and tried by name below. */
const anyJson = fc
  .jsonValue({ stringUnit: "grapheme", maxDepth: 6 })
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'))
  .map((value) => value as JsonValue);

function parsed(text: string): JsonValue {
  const result = parseStrict(text);
  assert.ok(result.kind === "value", result.kind === "refused" ? result.reason : "");
  return result.value;
}

test("canonical text parses back to the same value, and is its own canonical text", () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const text = canonical(value);
      assert.deepEqual(parsed(text), readJson(text));
      assert.equal(canonical(parsed(text)), text);
    }),
  );
});

test("the order in which keys were written does not change the digest", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), anyJson), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      assert.equal(digestOf(turned), digestOf(value));
    }),
  );
});

test("keys are ordered by UTF-16 units, numbers among them, as RFC 8785 says", () => {
  const euro = {
    "\u20ac": 1,
    "\r": 2,
    "\ufb33": 3,
    "1": 4,
    "\ud83d\ude00": 5,
    "\u0080": 6,
    "\u00f6": 7,
    "10": 8,
    "9": 9,
  };
  const keys = Object.keys(JSON.parse(`{${canonical(euro).slice(1, -1)}}`) as object);
  assert.equal(keys.length, 9);
  assert.equal(canonical(euro), '{"\\r":2,"1":4,"10":8,"9":9,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
});

test("numbers are written as RFC 8785 says", () => {
  const numbers = [0, -0, 1e21, 1e-7, Number("333333333.33333329"), 4.5, 2e-3, 1e30, 5e-324, 1.7976931348623157e308];
  const written = "[0,0,1e+21,1e-7,333333333.3333333,4.5,0.002,1e+30,5e-324,1.7976931348623157e+308]";
  assert.equal(canonical(numbers), written);
});

test("what JSON cannot carry stops the run", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, "half \ud83d", ["\udc00"], { "\ud800": 1 }]) {
    assert.throws(() => canonical(value), /Bug/);
  }
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['{"a":1,"a":2}', /stands twice/],
  ['{"a":1,"\\u0061":2}', /stands twice/],
  ['[{"b":[{"x":1}],"c":{"d":1,"d":1}}]', /stands twice/],
  ['{"a":[1,{"b":2}],"c":3,"a":4}', /stands twice/],
  ['{"__proto__":{}}', /__proto__/],
  ['{"\\u005f_proto__":{}}', /__proto__/],
  ["9007199254740993", /does not survive/],
  ["[-9007199254740993]", /does not survive/],
  ["1e400", /does not survive/],
  ["1e-400", /does not survive/],
  ["0.1000000000000000055511151231257827", /does not survive/],
  ['"\\ud83d"', /surrogate/],
  ['{"\\udc00":1}', /surrogate/],
  ["[".repeat(129) + "]".repeat(129), /deeper/],
  ["", /not JSON/],
  ["{a:1}", /not JSON/],
  ["[1,]", /not JSON/],
  ["01", /not JSON/],
  ["NaN", /not JSON/],
  ["\ufeff{}", /not JSON/],
];

for (const [text, reason] of refused) {
  test(`refuses ${text.slice(0, 44)}`, () => {
    const result = parseStrict(text);
    assert.ok(result.kind === "refused");
    assert.match(result.reason, reason);
  });
}

test("numbers that only look unusual pass", () => {
  for (const text of ["1.0", "1e2", "-0", "0.10", "9007199254740992", "1E5", "100000000000000000000", "5e-324"]) {
    assert.equal(parsed(text), Number(text), text);
  }
});

test("the same key in two objects and in an array of objects passes", () => {
  assert.deepEqual(parsed('[{"a":1},{"a":{"a":2}},"a",{"b":"a","a":"b"}]'), [
    { a: 1 },
    { a: { a: 2 } },
    "a",
    { b: "a", a: "b" },
  ]);
});

test("depth up to the limit passes", () => {
  assert.equal(parseStrict("[".repeat(128) + "]".repeat(128)).kind, "value");
});

/** Work, not time: a quadratic scan of these would not end within the test's own limit. */
test("no text of a megabyte takes more than one pass", { timeout: 20_000 }, () => {
  const length = 1_000_000;
  const texts = [
    `1.${"0".repeat(length)}1`,
    `0.${"0".repeat(length)}1`,
    `"${"\\\\".repeat(length / 2)}"`,
    `"${"\\u0061".repeat(length / 6)}"`,
    `[${"1,".repeat(length / 2)}1]`,
    `[${"[],".repeat(length / 3)}1]`,
    `{${Array.from({ length: length / 10 }, (_, at) => `"k${at}":0`).join(",")}}`,
    "[".repeat(length),
    `${" ".repeat(length)}1`,
  ];
  for (const text of texts) parseStrict(text);
});
