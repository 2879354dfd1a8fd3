// The official conformance suite against our upstream client. No list of expected failures exists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clientScenarios } from "../../bench/parts/conformance-client.ts";

const REQUIRED = { "2025-11-25": 18, "2026-07-28": 32 } as const;

for (const revision of ["2025-11-25", "2026-07-28"] as const) {
  test(`the upstream client passes all that ${revision} requires of clients`, async () => {
    const { failed, ...figures } = await clientScenarios(revision);
    assert.deepEqual(failed, []);
    assert.deepEqual(figures, { clientPassed: REQUIRED[revision], clientRequired: REQUIRED[revision] });
  });
}
