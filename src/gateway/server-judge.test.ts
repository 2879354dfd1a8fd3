import assert from "node:assert/strict";
import { test } from "node:test";
import { SURFACE } from "../../tests/fixtures/door.ts";
import { surfaceRoot } from "../kernel/index.ts";
import { judge } from "./server-judge.ts";

test("names that a server gives its tools are told to the owner without anything that a terminal obeys", () => {
  const name = `x\u001b[2J\nnotes: all is well ${"y".repeat(5_000)}`;
  const told: string[] = [];
  const locked = { root: surfaceRoot(SURFACE), surface: SURFACE };
  const parts = { lockedRoot: () => locked, onChange: (_server: string, text: string) => void told.push(text) };
  const added = judge(parts, "notes", { ...SURFACE, tools: [...SURFACE.tools, { name }] });
  const { quarantine } = judge(
    { ...parts, lockedRoot: () => ({ ...locked, surface: { ...SURFACE, tools: [{ name }] } }) },
    "notes",
    { ...SURFACE, tools: [] },
  );
  for (const text of [added.quarantine, quarantine, ...told]) {
    assert.match(text ?? "", /x\\u001b\[2J\\nnotes/);
    assert.ok((text ?? "").length < 1_000);
  }
});
