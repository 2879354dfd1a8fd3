import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { canonical, parseStrict } from "../kernel/index.ts";
import { argumentsOf, editable, exactText, isCut, objectFrom } from "./exact.ts";
import { html, NOTHING } from "./html.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    '"><script>alert(1)</script>',
    "' onfocus=alert(1) x='",
    "</textarea><img src=x>",
    "&lt;b&gt;",
    "`${1}`",
  ),
);

test("no text can open a tag or leave an attribute", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const made = html`<p title="${text}">${text}</p>`.toString();
      const inner = made.slice('<p title="'.length, -"</p>".length);
      assert.doesNotMatch(inner.replace('">', ""), /[<>"'`]/);
    }),
  );
});

test("every escape reads back to the text it stands for", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = html`${text}`
        .toString()
        .replace(/&#(\d+);/g, (_whole, code: string) => String.fromCharCode(Number(code)))
        .replace(/&lt;/g, "<")
        .replace(/&gt;/g, ">")
        .replace(/&quot;/g, '"')
        .replace(/&amp;/g, "&");
      assert.equal(read, text);
    }),
  );
});

test("markup is kept as it is and nothing else is", () => {
  assert.equal(
    html`${html`<b>${"<"}</b>`}${[html`<i></i>`]}${null}${false}${0}${NOTHING}`.toString(),
    "<b>&lt;</b><i></i>0",
  );
});

test("characters that hide, reorder or join are spelled out and marked", () => {
  for (const char of ["\u202e", "\u200b", "\u0000", "\u001b", "\u00a0", "\u{e0041}", "\ufeff", "\r"]) {
    const shown = exactText(`a${char}b`).toString();
    assert.match(shown, /^a<mark class="hidden">(?:\\u[0-9a-f]{4})+<\/mark>b$/, shown);
  }
});

test("what is offered for editing reads back to exactly what would run", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 3 })), (value) => {
      const given = parseStrict(JSON.stringify(value));
      fc.pre(given.kind === "value");
      const args = canonical(given.value);
      const read = objectFrom(editable(args));
      assert.ok(read.kind === "object");
      assert.equal(canonical(read.value), args);
    }),
  );
});

test("line ends stay line ends, beside their mark", () => {
  const plain = (text: string): string =>
    exactText(text)
      .toString()
      .replace(/<span[^>]*>↵<\/span>/g, "");
  for (const text of ["a\nb", "\n\n  x\n", "one"]) assert.equal(plain(text), text);
});

test("arguments that are not one object are refused with the reason", () => {
  for (const text of ["[]", "1", '{"a":1,"a":2}', "{", '{"n":9007199254740993}'])
    assert.equal(objectFrom(text).kind, "refused", text);
});

test("what decides comes first, and an unlisted argument decides", () => {
  const roles = new Map([
    ["body", "content"],
    ["url", "egress"],
  ] as const);
  const args = argumentsOf('{"body":"x","to":"y","url":"z"}', roles);
  assert.deepEqual(
    args?.map(({ name, role }) => [name, role]),
    [
      ["to", "critical"],
      ["url", "egress"],
      ["body", "content"],
    ],
  );
  assert.equal(isCut(args ?? []), false);
});
