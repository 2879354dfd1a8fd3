import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { applyEdit, preAllow, undoEdits } from "./index.ts";

test("pre-allowing adds one rule to Claude Code's settings and takes only that one back", (t) => {
  const homeDir = fs.mkdtempSync(join(tmpdir(), "freehold-pre-allow-"));
  t.after(() => fs.rmSync(homeDir, { recursive: true, force: true }));
  const places = { homeDir, cwd: homeDir, platform: "linux", env: {} } as const;
  const journal = join(homeDir, "clients.json");
  assert.deepEqual(JSON.parse(preAllow(places)?.after ?? ""), { permissions: { allow: ["mcp__freehold"] } });
  fs.mkdirSync(join(homeDir, ".claude"));
  fs.writeFileSync(
    join(homeDir, ".claude/settings.json"),
    '{\n\t"permissions": {\n\t\t"allow": ["Bash(ls)"]\n\t}\n}\n',
  );
  const edit = preAllow(places);
  assert.ok(edit);
  assert.deepEqual(JSON.parse(edit.after), { permissions: { allow: ["Bash(ls)", "mcp__freehold"] } });
  applyEdit(edit, { journal, nowMs: 1 });
  assert.equal(preAllow(places), null);
  fs.writeFileSync(edit.file, JSON.stringify({ permissions: { allow: ["mcp__freehold", "Edit"] } }));
  undoEdits(journal);
  assert.deepEqual(JSON.parse(fs.readFileSync(edit.file, "utf8")), { permissions: { allow: ["Edit"] } });
});
