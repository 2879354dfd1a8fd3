import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pinOf, sha256, type JsonObject } from "../kernel/index.ts";
import type { ActivePolicy } from "./policy.ts";
import { viewFor, wireName, type View } from "./views.ts";

const LONGEST_PREFIX = "mcp__freehold__";

/** A view of one server that offers tools of these names, all of them accepted. */
function viewOf(names: readonly string[], client: "full" | "short" = "full"): View {
  const tools = names.map((name): JsonObject => ({ name, inputSchema: { type: "object" } }));
  const pins = new Map(tools.map((tool, at) => [`s.${names[at]}`, pinOf(tool)]));
  const result = { trust: "third-party", compartments: ["a"], secret: false, mode: "inline" };
  const cards = new Map(
    Array.from(pins, ([tool, pin]) => [tool, { tool, effect: "read", result, roles: {}, ids: [], pin }]),
  );
  const surface = { tools, prompts: [], resources: [], templates: [] };
  const stack = { servers: { s: { compartment: "a" } } };
  const policy = { stack, lock: { servers: { s: { surface } } }, cards, pins };
  return viewFor(policy as unknown as ActivePolicy, ["a"], { kind: "direct", names: client });
}

test("a name that fits stays as it is; one that was changed or cut keeps six digits of its hash", () => {
  assert.equal(wireName("files", "write_file"), "files__write_file");
  assert.equal(wireName("files", "write.file"), `files__write_file_${sha256("files__write.file").slice(0, 6)}`);
  const long = "x".repeat(100);
  assert.match(wireName("files", long), /^files__x+_[0-9a-f]{6}$/);
  assert.notEqual(wireName("files", long), wireName("files", `${long}y`));
});

test("with the name that clients put before it, no name is longer than 64 or holds a letter they do not take", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,30}$/), fc.string({ maxLength: 200 }), (server, name) => {
      assert.match(`${LONGEST_PREFIX}${wireName(server, name)}`, /^[A-Za-z0-9_-]{1,64}$/);
    }),
  );
});

test("two tools never share a name, also where one is called like another's mark", () => {
  const dotted = wireName("s", "a.b").slice("s__".length);
  const names = ["a.b", dotted, "a/b", "a-b", "a_b"];
  const view = viewOf(names);
  assert.equal(view.toolOf.size, names.length);
  assert.deepEqual(
    [...view.toolOf.values()].map((seen) => seen.tool),
    names.map((name) => `s.${name}`),
  );
  const second = [...view.toolOf.keys()][1] ?? "";
  const third = second.slice("s__".length);
  assert.equal(viewOf([...names, third]).toolOf.size, names.length + 1);
});

test("any set of tools keeps one name each, and the name leads back to its own tool", () => {
  const name = fc.stringMatching(/^[a-c._/-]{1,6}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 30 }),
      fc.constantFrom("full" as const, "short" as const),
      (names, how) => {
        const view = viewOf(names, how);
        assert.equal(view.toolOf.size, names.length);
        for (const [wire, seen] of view.toolOf) assert.equal(seen.wire, wire);
      },
    ),
  );
});
