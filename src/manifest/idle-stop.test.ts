import assert from "node:assert/strict";
import { test } from "node:test";
import { policyFiles, STACK_TEXT } from "./fixture.test.ts";
import { diffPolicy, loadPolicy } from "./index.ts";

const withIdleStop = (text: string) =>
  policyFiles({ "stack.yaml": STACK_TEXT.replace("sandbox: {", `idleStop: ${text}, sandbox: {`) });

test("how long a server may be unused is read, told in a plan, and refused where it is no time", () => {
  assert.equal(loadPolicy(policyFiles()).stack.servers["files"]?.idleStopMs, undefined);
  for (const [text, ms, sentence] of [
    ["2h", 7_200_000, "server files is stopped after 2h unused"],
    ["none", 0, "server files is never stopped when unused"],
  ] as const) {
    const policy = withIdleStop(text);
    assert.equal(loadPolicy(policy).stack.servers["files"]?.idleStopMs, ms);
    assert.deepEqual(
      diffPolicy(policyFiles(), policy).map(({ what }) => what),
      [sentence],
    );
  }
  assert.throws(() => loadPolicy(withIdleStop("soon")), /idleStop.*30s, 10m or 2h/);
});
