// Secret values in what is said: every notation, every way to spread them, and the time it takes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "../kernel/index.ts";
import { openMask } from "./mask.ts";

const VALUE = "p4ss/w+rd ü! (long)";
const MARK = "[secret:mail]";

function masked(text: string, value = VALUE): string {
  return openMask([["mail", value]]).text(text).value;
}

const bytes = Buffer.from(VALUE);
const NOTATIONS: Readonly<Record<string, string>> = {
  plain: VALUE,
  json: JSON.stringify({ VALUE }),
  "json in ascii": JSON.stringify(VALUE).replace("ü", "\\u00fc"),
  hex: bytes.toString("hex"),
  "hex in capitals": bytes.toString("hex").toUpperCase(),
  "hex with colons": bytes.toString("hex").replace(/..(?=.)/g, "$&:"),
  "all percent": bytes.toString("hex").replace(/../g, "%$&"),
  url: encodeURIComponent(VALUE),
  "url in small letters": encodeURIComponent(VALUE).toLowerCase(),
  "url of a form": new URLSearchParams({ VALUE }).toString(),
  "url as a path": encodeURIComponent(VALUE).replaceAll("%2F", "/"),
  base64: bytes.toString("base64"),
  base64url: bytes.toString("base64url"),
  "base64 in lines": bytes.toString("base64").replace(/.{5}/g, "$&\r\n"),
  reversed: Array.from(VALUE).toReversed().join(""),
  "reversed base64": Array.from(bytes.toString("base64")).toReversed().join(""),
  "one letter a line": Array.from(VALUE).join("\n"),
  "with spaces": Array.from(VALUE).join("   "),
  "with dashes": Array.from(VALUE).join("-"),
  "in capitals": VALUE.toUpperCase(),
  "with invisible characters": Array.from(VALUE).join("\u200b"),
  "in quotes and commas": Array.from(VALUE)
    .map((char) => JSON.stringify(char))
    .join(", "),
};

for (const [name, text] of Object.entries(NOTATIONS)) {
  test(`a secret does not pass as ${name}`, () => {
    const seen = masked(`before ${text} after`);
    assert.match(seen, /^before .*\[secret:mail\].* after$/su);
    assert.ok(seen.length < 60, seen);
  });
}

test("a secret inside a longer base64 text is taken out at every offset", () => {
  for (const user of ["u:", "us:", "usr:", "user:"]) {
    const header = Buffer.from(`${user}${VALUE}${user}`).toString("base64");
    const left = masked(header).replace(MARK, "");
    assert.ok(left.length <= Math.ceil((user.length * 2 * 4) / 3) + 6, left);
  }
});

test("a secret spread over lines, blocks, fields, keys and numbers of one result is taken out", () => {
  const mask = openMask([
    ["token", "ghp_16C7e42F292c6912E7710c83"],
    ["pin", "4829135711"],
  ]);
  const [one, two] = ["ghp_16C7e42F29", "2c6912E7710c83"];
  const results: readonly JsonObject[] = [
    { content: [{ type: "text", text: `it is ${one}\n${two} ok` }] },
    {
      content: [
        { type: "text", text: `it is ${one}` },
        { type: "text", text: `${two} ok` },
      ],
    },
    { structuredContent: { first: one, second: two } },
    { structuredContent: { first: { a: one }, second: [two] } },
    { [one]: two },
    { ["ghp_16C7e42F292c6912E7710c83"]: 1 },
    { pin: 4829135711 },
    { content: [{ type: "image", data: Buffer.from(`PNG\0\x01${one}${two}\0`).toString("base64"), mimeType: "a/b" }] },
    { content: Array.from(`${one}${two}`).map((text) => ({ type: "text", text })) },
  ];
  for (const result of results) {
    const { value, names } = mask.object(result);
    const text = JSON.stringify(value);
    assert.equal(names.length, 1, text);
    assert.match(text, /\[secret:(token|pin)\]/, text);
    assert.doesNotMatch(text, /16C7e42F29|2c6912E77|4829135711/, text);
  }
});

test("what holds no secret comes back as the same object, and its shape is kept where one was found", () => {
  const mask = openMask([["mail", VALUE]]);
  const clean = { content: [{ type: "text", text: "nothing here" }], n: 1, deep: [null, true, { a: [] }] };
  assert.equal(mask.object(clean).value, clean);
  const found = { content: [{ type: "text", text: VALUE }], n: 1, deep: [null, true, { a: [] }] };
  assert.deepEqual(mask.object(found).value, { ...found, content: [{ type: "text", text: "[secret:mail])" }] });
});

test("without secrets nothing is looked at", () => {
  const object = { a: "b" };
  const unread = new Proxy(object, { ownKeys: () => assert.fail("it was looked at") });
  assert.equal(openMask([]).object(unread).value, unread);
  assert.equal(openMask([["short", "abc"]]).object(unread).value, unread);
});

test("short values, common digits and values of signs alone are left where they may be chance", () => {
  const mask = openMask([
    ["short", "abc"],
    ["pin", "48291357"],
    ["signs", "!?!?-!?!?"],
  ]);
  assert.deepEqual(mask.text("abc 4829-1357 and 48.29.13.57 !?!? !?!?").names, []);
  assert.equal(mask.text("pin 48291357").value, "pin [secret:pin]");
  assert.equal(mask.text("signs !?!?-!?!?.").value, "signs [secret:signs].");
});

test("of two secrets that begin alike the longer one is named, and both are taken out", () => {
  const mask = openMask([
    ["short", "password"],
    ["long", "password-and-more"],
  ]);
  assert.equal(mask.text("password-and-more, password").value, "[secret:long], [secret:short]");
});

test("a long key is taken out whole, and so is a long part of it", () => {
  const key = Array.from({ length: 40 }, (_, line) =>
    Buffer.from(`line ${line} ${Math.sin(line)} of the key`).toString("base64"),
  );
  const mask = openMask([["key", key.join("\n")]]);
  assert.equal(mask.text(`-- ${key.join("")} --`).value, "-- [secret:key]== --");
  assert.ok(mask.text(key.slice(10, 20).join("\n")).value.length < 200);
});

test("two million characters are looked through in time, also when made to look like the secret", () => {
  const mask = openMask([
    ["evil", `${"a".repeat(60_000)}b`],
    ["token", "ghp_16C7e42F292c6912E7710c83"],
  ]);
  for (const text of ["a".repeat(2_000_000), "ghp_16C7e42F29".repeat(150_000), "ghp_16C7e".padEnd(2_000_000)]) {
    const before = process.cpuUsage();
    mask.text(text);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 5_000_000, `${user} us`);
  }
});

const RUNS = { numRuns: Number(process.env["FREEHOLD_RUNS"] ?? 200) };

test("no text that holds a secret keeps it, however it is cut into parts", () => {
  const held = fc.record({
    secret: fc.string({ minLength: 8, maxLength: 90, unit: "grapheme" }),
    before: fc.string(),
    after: fc.string(),
    between: fc.constantFrom("", " ", "\n", "\t", " - ", '","', "\r\n"),
    cuts: fc.array(fc.nat(90), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(held, ({ secret, before, after, between, cuts }) => {
      const mask = openMask([["x", secret]]);
      const { value } = mask.text(`${before} ${secret} ${after}`);
      assert.ok(!value.includes(secret) || `${before} ${after} [secret:x]`.includes(secret), value);
      const token = Buffer.from(secret).toString("base64").replace(/=+$/, "");
      const places = [0, ...cuts.toSorted((one, other) => one - other), token.length];
      const parts = places.map((from, at) => token.slice(from, places[at + 1]));
      assert.match(mask.text(parts.join(between)).value, /\[secret:x\]/);
    }),
    RUNS,
  );
});
