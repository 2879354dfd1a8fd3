import assert from "node:assert/strict";
import { test } from "node:test";
import { trialSource } from "./trial-source.ts";

test("a server without an exact version can be added, and is checked with one that stands in", () => {
  for (const loose of ["npm:@a/b", "npm:@a/b@latest", "npm:@a/b@^1.2.0", "npm:@a/b@~2", "npm:@a/b@next"]) {
    assert.equal(trialSource(loose), "npm:@a/b@0.0.0");
  }
});

test("an exact version, a folder and an address are checked as they are written", () => {
  for (const source of ["npm:@a/b@1.2.3", "npm:b@1.2.3-beta.1", "path:./folder", "https://example.org/mcp"]) {
    assert.equal(trialSource(source), source);
  }
});

test("what npm would fetch from elsewhere than the registry is left for the manifest to refuse", () => {
  for (const source of ["npm:b@git+https://example.org/b", "npm:b@file:../b", "npm:b@npm:c@1.0.0", "npm:b@>=1 <2"]) {
    assert.equal(trialSource(source), source);
  }
});
