// Budgets under many hands: npm run -s bench -- cap --json. Three processes with forty callers each spend from one
// budget; two of them are killed with calls under way. What is spent and held, over the budget, is the ratio.

import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type Store } from "../src/store/index.ts";
import { round, type Bench } from "./lib.ts";

const RUNS = 20;
const QUICK_RUNS = 2;
const PROCESSES = 3;
const KILLED = 2;
/** Enough for about sixty calls, so that the budget ends while all are still at it. */
const CAP = 5_000;
const ACCOUNT = "day:2026-11-22";
const SPENDER = join(import.meta.dirname, "parts/cap-spender.ts");

export const run: Bench = async ({ quick, note }) => {
  const runs = quick ? QUICK_RUNS : RUNS;
  const reserved: number[] = [];
  const checked: number[] = [];
  for (let turn = 0; turn < runs; turn += 1) {
    const kept = await spendAll("reserve");
    reserved.push(kept);
    if (turn % 4 === 0) checked.push(await spendAll("check"));
    note(`run ${turn + 1}: ${round(kept)} of the budget`);
  }
  return {
    worstRatio: round(Math.max(...reserved)),
    runs,
    bestRatio: round(Math.min(...reserved)),
    checkThenAddWorstRatio: round(Math.max(...checked)),
  };
};

/** Nobody is killed where it is only looked first: it overspends without that. */
async function spendAll(how: "reserve" | "check"): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-cap-"));
  const file = join(dir, "freehold.db");
  const open = (): Store =>
    openStore({ file, sign: null, nowMs: Date.now, randomBytes: (count) => randomBytes(count) });
  try {
    open().close();
    const children = Array.from({ length: PROCESSES }, () => fork(SPENDER, [file, String(CAP), how]));
    await Promise.all(children.map((child) => heard(child, "ready")));
    const ended = children.map((child) => once(child, "exit"));
    // The others may have spent all before one of them began.
    const spending = children.map((child, at) => Promise.race([heard(child, "spending"), ended[at]]));
    for (const child of children) child.send("go");
    if (how === "reserve") {
      await Promise.all(spending);
      for (const child of children.slice(0, KILLED)) child.kill("SIGKILL");
    }
    await Promise.all(ended);
    const store = open();
    const { spent, held } = store.budgets.spent(ACCOUNT);
    store.close();
    return (spent + held) / CAP;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function heard(child: ChildProcess, word: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on("message", (message: unknown) => {
    if (message === word) resolve();
  });
  await promise;
}
