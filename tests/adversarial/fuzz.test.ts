import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, newTold } from "../fixtures/fuzz-clients.ts";
import { fuzzGateway } from "../fixtures/fuzz.ts";

/** The bench `fuzz` does the same with 100,000 from each. */
const COUNT = 1_000;

test("hostile messages from clients and servers: no crash, no hang, no answer to another", async (t) => {
  const figures = await fuzzGateway(t, { count: COUNT, seed: 20_261_122 });
  const { clientsOverHttp, clientsOverShim, serverOverStdio, serverOverHttp } = figures;
  for (const [side, told] of Object.entries({ clientsOverHttp, clientsOverShim, serverOverStdio, serverOverHttp })) {
    assert.deepEqual(told.faults, [], side);
    assert.ok(told.sent >= COUNT, `${side}: ${told.sent} messages`);
    assert.ok(told.echoed > 0, `${side}: nothing was answered in order`);
  }
  assert.equal(figures.isAlive, true);
  assert.equal(figures.ledger, "good");
});

test("an answer with another's mark, a server's poison or a failure of ours would be found", () => {
  const own = { mark: "mark-1-aaaaaaaaaaaa", body: "{}" };
  const faultsOf = (answer: string): number => {
    const told = newTold();
    judge(told, answer, own);
    return told.faults.length;
  };
  assert.equal(faultsOf('{"id":"mark-1-aaaaaaaaaaaa","result":{"text":"seen mark-1-aaaaaaaaaaaa"}}'), 0);
  assert.equal(faultsOf('{"text":"seen mark-2-bbbbbbbbbbbb"}'), 1);
  assert.equal(faultsOf('{"text":"poison-cccccccccccc"}'), 1);
  assert.equal(faultsOf('{"error":{"code":-32603,"message":"Freehold could not serve this request."}}'), 1);
});
