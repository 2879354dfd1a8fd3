import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, type ParseError } from "jsonc-parser";
import { changedJson as changed } from "./json.ts";

test("the only entry goes with the comma behind it, so the file stays readable", () => {
  for (const tail of [",", " // last, not least\n  ,", ""]) {
    const text = `{ "servers": {\n  "one": { "args": ["-y", "one"] }${tail}\n}, }`;
    const errors: ParseError[] = [];
    const after = changed(changed(text, ["servers", "one"], undefined), ["servers", "freehold"], { args: [] });
    assert.deepEqual(parse(after, errors, { allowTrailingComma: true }), { servers: { freehold: { args: [] } } });
    assert.deepEqual(errors, [], after);
  }
});
