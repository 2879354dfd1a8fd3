import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, startToy } from "../../tests/fixtures/toy-endpoint.ts";
import type { JsonObject } from "../kernel/index.ts";
import { challenge } from "./index.ts";

const HELLO: JsonObject = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
};

test("who takes time to be known is served then, or refused, and no failure lets anybody in", async (context) => {
  const faults: unknown[] = [];
  const toy = await startToy({
    authenticate: () => null,
    admit: ({ headers }) => {
      if (headers.authorization === "Bearer ada-token") return Promise.resolve({ kind: "admitted", identity: "ada" });
      if (headers.authorization === undefined) return Promise.reject(new Error("a bug"));
      const refusal = challenge({
        metadata: "https://a.example/m",
        error: "invalid_token",
        reason: "no",
        scopes: ["x"],
      });
      return Promise.resolve({ kind: "refused", refusal });
    },
    reportFailure: (error) => void faults.push(error),
  });
  context.after(() => toy.close());
  assert.equal((await ask(toy, { body: HELLO })).status, 200);
  const refused = await ask(toy, { body: HELLO, token: "eve-token" });
  assert.equal(refused.status, 401);
  const said =
    'Bearer resource_metadata="https://a.example/m", error="invalid_token", error_description="no", scope="x"';
  assert.equal(refused.headers["www-authenticate"], said);
  assert.equal((await ask(toy, { body: HELLO, token: null })).status, 503);
  assert.equal(faults.length, 1);
});
