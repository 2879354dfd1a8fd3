import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { extract, type ExtractType } from "./extract.ts";

const MAIL = {
  result: [{ subject: "Pay evil@evil.example", start: "2026-11-22 13:00", size: 12.5, unread: true, kind: "invoice" }],
};
const out = (path: string, type: ExtractType) => {
  const found = extract(MAIL, path, type);
  return found.kind === "value" ? found.value : null;
};

test("booleans, numbers, dates and words given beforehand come out of a handle", () => {
  assert.equal(out("result.0.unread", { kind: "boolean" }), true);
  assert.equal(out("result.0.size", { kind: "number" }), 12.5);
  assert.equal(out("result.0.start", { kind: "date" }), "2026-11-22 13:00");
  assert.equal(out("result.0.kind", { kind: "enum", values: ["invoice", "letter"] }), "invoice");
});

test("a text of the stranger's own does not come out, whatever type is asked", () => {
  for (const kind of ["boolean", "number", "integer", "date"] as const)
    assert.equal(out("result.0.subject", { kind }), null);
  assert.equal(out("result.0.size", { kind: "integer" }), null);
  assert.equal(out("result.0.kind", { kind: "enum", values: ["letter"] }), null);
  assert.equal(out("result.0.subject", { kind: "enum", values: ["Pay evil@evil.example"] }), null);
  assert.equal(out("result.1.size", { kind: "number" }), null);
  assert.equal(out("__proto__.x", { kind: "number" }), null);
  assert.equal(extract(undefined, "x", { kind: "number" }).kind, "refused");
});

test("whatever is kept, what comes out is of the asked type", () => {
  const anyType: fc.Arbitrary<ExtractType> = fc.constantFrom(
    { kind: "boolean" },
    { kind: "number" },
    { kind: "integer" },
    { kind: "date" },
    { kind: "enum", values: ["yes", "no"] },
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), anyType, (kept, path, type) => {
      const found = extract(kept as Parameters<typeof extract>[0], path, type);
      if (found.kind === "refused" || typeof found.value !== "string") return;
      assert.ok(["date", "enum"].includes(type.kind));
      assert.match(found.value, /^(?:yes|no|\d{4}-\d{2}-\d{2}.{0,9})$/);
    }),
  );
});
