// One process of the bench of budgets: `cap-spender.ts FILE CAP reserve|check`. Forty callers spend at once until
// nothing is left; it says "ready" once the database is open, and "spending" after its first calls.

import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { openStore } from "../../src/store/index.ts";

const CALLERS = 40;
const CALL_MS_MAX = 20;
const BOUND = 99;
const COST_MIN = 60;
const ACCOUNT = "day:2026-11-22";
const SPENDING_AFTER = 4;

const [file = "", cap = "0", how = "reserve"] = process.argv.slice(2);
const limit = Number(cap);
const store = openStore({ file, sign: null, nowMs: Date.now, randomBytes: (count) => randomBytes(count) });
let calls = 0;

/** How it is done here: the bound first, all of it or nothing; what was really spent afterwards. */
async function reserveThenSettle(): Promise<boolean> {
  const held = store.budgets.reserve([{ account: ACCOUNT, amount: BOUND, limit }]);
  if ("refused" in held) return false;
  await call();
  for (const one of held) store.budgets.settle(one, randomInt(COST_MIN, BOUND + 1));
  return true;
}

/** How it is often done: look whether something is left, and add up afterwards. */
async function checkThenAdd(): Promise<boolean> {
  if (store.budgets.spent(ACCOUNT).spent >= limit) return false;
  await call();
  const held = store.budgets.reserve([{ account: ACCOUNT, amount: BOUND, limit: Number.MAX_SAFE_INTEGER }]);
  if (!("refused" in held)) for (const one of held) store.budgets.settle(one, randomInt(COST_MIN, BOUND + 1));
  return true;
}

async function call(): Promise<void> {
  calls += 1;
  if (calls === SPENDING_AFTER) process.send?.("spending");
  await wait(randomInt(1, CALL_MS_MAX + 1));
}

async function caller(): Promise<void> {
  const spend = how === "check" ? checkThenAdd : reserveThenSettle;
  while (await spend());
}

process.send?.("ready");
await once(process, "message");
await Promise.all(Array.from({ length: CALLERS }, caller));
store.close();
process.disconnect();
