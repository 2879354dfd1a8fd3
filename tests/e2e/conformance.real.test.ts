// The official conformance suite through the gateway, with the fixture server behind it. No list of expected failures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openGateway, type Revision, type Upstream } from "../../bench/parts/conformance-server.ts";

const REQUIRED = { "2025-11-25": 30, "2026-07-28": 37 } as const;
const REVISIONS: readonly Revision[] = ["2025-11-25", "2026-07-28"];
const UPSTREAMS: readonly Upstream[] = ["stdio", "http"];

for (const upstream of UPSTREAMS) {
  test(`a server over ${upstream} behind the gateway passes all that both revisions require`, async (t) => {
    const gateway = await openGateway(t, upstream);
    for (const revision of REVISIONS) {
      const { passed, required, failed } = await gateway.run(revision);
      assert.deepEqual(failed, [], revision);
      assert.deepEqual({ passed, required }, { passed: REQUIRED[revision], required: REQUIRED[revision] });
    }
  });
}

test("a server of the old era alone passes behind the gateway all that its revision requires", async (t) => {
  const gateway = await openGateway(t, "stdio-2025");
  const { failed } = await gateway.run("2025-11-25");
  assert.deepEqual(failed, []);
});

// What an old server cannot know: the client's own word of what it can be asked, and the names of its questions.
const BEYOND_OLD = [
  "server-stateless",
  "input-required-result-basic-elicitation",
  "input-required-result-capability-check",
];

test("a client of the new era gets from an old server what that era can say", async (t) => {
  const gateway = await openGateway(t, "stdio-2025");
  const failing = async (): Promise<readonly string[]> => {
    const { failed } = await gateway.run("2026-07-28");
    return [...new Set(failed.map((line) => line.slice(0, line.indexOf(":"))))];
  };
  const beyond = (names: readonly string[]): readonly string[] => names.filter((name) => !BEYOND_OLD.includes(name));
  const once = beyond(await failing());
  // What cannot be said fails each time; what a crowded machine was late for does not.
  const again = once.length === 0 ? once : await failing();
  assert.deepEqual(
    once.filter((name) => again.includes(name)),
    [],
  );
});
