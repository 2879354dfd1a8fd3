import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { parse } from "yaml";
import { Fault } from "../kernel/index.ts";
import { parseCards, parseLock, parseRules, parseStack, stackJsonSchema } from "./index.ts";

interface Vectors {
  readonly good: readonly { readonly name: string; readonly text: readonly string[] }[];
  readonly bad: readonly {
    readonly name: string;
    readonly text: readonly string[];
    readonly code: string;
    readonly line: number;
    readonly says: string;
  }[];
}

const folder = join(import.meta.dirname, "../../tests/vectors/manifest");
const vectors = (name: string): Vectors => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Vectors;
const PARSERS = { stack: parseStack, cards: parseCards, rules: parseRules } as const;

for (const [kind, parser] of Object.entries(PARSERS)) {
  const file = `${kind}.yaml`;
  describe(`${kind}: what is accepted`, () => {
    for (const { name, text } of vectors(kind).good) test(name, () => void parser(text.join("\n"), file));
  });
  describe(`${kind}: what is refused, with its line and a hint`, () => {
    for (const vector of vectors(kind).bad) {
      test(vector.name, () => {
        assert.throws(
          () => parser(vector.text.join("\n"), file),
          (error) => {
            assert.ok(error instanceof Fault, String(error));
            assert.equal(error.code, vector.code, error.line());
            assert.equal(error.at, `${file}:${vector.line}`, error.line());
            assert.ok(error.message.includes(vector.says), `${error.line()} should say: ${vector.says}`);
            assert.equal(error.line().includes("\n"), false);
            return true;
          },
        );
      });
    }
  });
}

test("the editor's schema accepts every stack that is accepted, and refuses a misspelt key", () => {
  const validator = new Validator(stackJsonSchema(), "2020-12", false);
  for (const { name, text } of vectors("stack").good) {
    const result = validator.validate(parse(text.join("\n")));
    assert.ok(result.valid, `${name}: ${JSON.stringify(result.errors)}`);
  }
  assert.equal(validator.validate({ version: 1, owner: { name: "A" }, serverz: {} }).valid, false);
  assert.equal(
    validator.validate({ version: 1, owner: { name: "A" }, servers: { s: { compartment: "a" } } }).valid,
    false,
  );
});

test("a file over 1 MB is refused before it is read", () => {
  const text = `version: 1\nowner: { name: Ada }\n#${"x".repeat(1024 * 1024)}`;
  assert.throws(
    () => parseStack(text, "stack.yaml"),
    (error) => error instanceof Fault && error.code === "manifest.too-large",
  );
});

test("a secret that stands in the wrong place is in no message", () => {
  const secret = "ghp_abcdefghijklmnop";
  for (const place of [`secrets: { T: ${secret} }`, `secrets: { T: [${secret}] }`, `secrets: ${secret}`]) {
    const text = `version: 1\nowner: { name: A }\nservers:\n  s: { source: npm:x@1.0.0, ${place} }`;
    assert.throws(
      () => parseStack(text, "stack.yaml"),
      (error) => error instanceof Fault && !error.line().includes(secret),
    );
  }
});

test("no text makes a parser throw anything but one fault that names a line", () => {
  const snippets = vectors("stack")
    .good.concat(vectors("cards").good, vectors("rules").good)
    .map(({ text }) => text.join("\n"));
  const mutated = fc
    .tuple(fc.constantFrom(...snippets), fc.nat(), fc.nat(12), fc.string({ maxLength: 12, unit: "grapheme" }))
    .map(([text, at, count, put]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + count));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => new TextDecoder().decode(array));
  fc.assert(
    fc.property(fc.oneof(mutated, bytes, fc.string({ unit: "binary" }), fc.json()), (text) => {
      for (const parser of [parseStack, parseCards, parseRules, parseLock]) {
        try {
          parser(text, "f");
        } catch (error) {
          assert.ok(error instanceof Fault, String(error));
          assert.match(error.at ?? "", /^f:\d+$/);
        }
      }
    }),
    { numRuns: 400 },
  );
});
