import assert from "node:assert/strict";
import { test } from "node:test";
import { nameFrom } from "./add.ts";
import { modelSource, nameOfMaterial, skillSource } from "./material.ts";

test("a server is called after its source, wherever it comes from", () => {
  for (const [source, name] of [
    ["npm:@modelcontextprotocol/server-filesystem@2026.1.14", "filesystem"],
    ["git+https://h.example/ada/mcp-server-notes.git#v1.2", "notes"],
    ["git+file:///srv/notes", "notes"],
    ["pypi:mcp-server-time==2026.1.1", "time"],
    [`oci:h.example/mcp/time@sha256:${"ab".repeat(32)}`, "time"],
    ["https://mcp.example.org/mcp", "example"],
    ["path:/home/ada/my_notes/", "my-notes"],
  ] as const) {
    assert.equal(nameFrom(source), name, source);
  }
});

test("a skill or model is called after its folder, package or file", () => {
  for (const [source, folder, name] of [
    ["git+https://h.example/ada/skills.git#main", null, "skills"],
    ["git+https://h.example/ada/skills.git#main", "skills/weekly", "weekly"],
    ["npm:@acme/weekly@1.2.3", null, "weekly"],
    ["npm:weekly", null, "weekly"],
    ["path:/home/ada/Weekly Note", null, "weekly-note"],
    ["https://models.example/Qwen3-0.6B-Q4_K_M.gguf?download=true", null, "qwen3-0-6b-q4-k-m"],
    ["/media/stick/home#small", null, "small"],
  ] as const) {
    assert.equal(nameOfMaterial(source, folder), name, source);
  }
  assert.throws(() => nameOfMaterial("https://models.example/", null), { code: "cli.name" });
});

test("a path is made whole, an address is left as it is", () => {
  assert.equal(skillSource("/srv/weekly"), "path:/srv/weekly");
  assert.equal(skillSource("git+https://h.example/a.git"), "git+https://h.example/a.git");
  assert.equal(skillSource("no-such-folder-here"), "npm:no-such-folder-here");
  assert.equal(modelSource("https://h.example/a.gguf"), "https://h.example/a.gguf");
  assert.equal(modelSource("/media/stick/home#small"), "/media/stick/home#small");
});
