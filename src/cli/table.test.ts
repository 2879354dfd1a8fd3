// Layout: nothing wider than it may be, nothing lost in the column that matters.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clockTime, count, distance, fit, flow, table, widthOf, wrap } from "./table.ts";
import { nameFrom } from "./add.ts";

const WORDS = fc.array(fc.stringMatching(/^[a-z日本😀.:/-]{1,60}$/u), { minLength: 1, maxLength: 12 });

test("wrapped text keeps every character and fits", () => {
  fc.assert(
    fc.property(WORDS, fc.integer({ min: 10, max: 100 }), (words, width) => {
      const text = words.join(" ");
      const lines = wrap(text, width);
      assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      for (const line of lines) assert.ok(widthOf(line) <= width, `${widthOf(line)} > ${width}: ${line}`);
    }),
  );
});

test("a table of any words is at most 80 columns wide", () => {
  const row = fc.tuple(
    fc.stringMatching(/^\w{1,30}$/),
    fc.stringMatching(/^\w{1,40}$/),
    WORDS.map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), (rows) => {
      for (const line of table(rows, 80)) assert.ok(widthOf(line) <= 80, line);
    }),
  );
});

test("the last column gives way first, so that names stay whole", () => {
  const name = "files.list_directory_with_sizes";
  const lines = table([[name, "read", "a reason ".repeat(20)]], 80);
  assert.ok(lines[0]?.startsWith(`${name}  read  a reason`));
  assert.ok(lines.length > 1);
});

test("cut text says that it was cut, and wide characters count twice", () => {
  assert.equal(fit("abcdef", 4), "abc…");
  assert.equal(widthOf("日本"), 4);
  assert.equal(widthOf("\u001b[1mab\u001b[22m"), 2);
});

test("counts and times read as a person would say them", () => {
  assert.deepEqual(
    [count(0, "server"), count(1, "server"), count(2, "entry", "entries")],
    ["no servers", "1 server", "2 entries"],
  );
  assert.deepEqual(
    [distance(5_000, 0), distance(0, 300_000), distance(90_000_000, 0)],
    ["in 5 s", "5 min ago", "in 25 h"],
  );
  const now = new Date(2026, 0, 2, 3, 4, 5).getTime();
  assert.equal(clockTime(now, now), "03:04:05");
  assert.equal(clockTime(now, now + 864e5), "2026-01-02 03:04:05");
});

test("a source suggests the name that its server goes by", () => {
  for (const [source, name] of [
    ["npm:@modelcontextprotocol/server-filesystem@2026.1.14", "filesystem"],
    ["npm:mcp-server-time@1.0.0", "time"],
    ["npm:@scope/tools", "tools"],
    ["path:/home/ada/My_Tools/", "my-tools"],
    ["https://mcp.linear.app/sse", "linear"],
  ] as const) {
    assert.equal(nameFrom(source), name);
  }
  assert.throws(() => nameFrom("path:/123"), /suggests no name/);
});

test("parts flow onto as few lines as they need, and are not torn while they fit", () => {
  const parts = ["local (on this machine)", "1,320 + 94 tokens", "0 EUR today", "it has read personal data"];
  assert.deepEqual(flow(parts, { between: " · ", width: 60 }), [
    "local (on this machine) · 1,320 + 94 tokens · 0 EUR today",
    "it has read personal data",
  ]);
  assert.deepEqual(flow([], { between: " · ", width: 60 }), []);
});
