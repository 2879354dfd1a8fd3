// npm run -s bench -- fuzz: hostile messages from both sides, 100,000 from each of four, at one real daemon.
// `--quick` sends 5,000 from each.

import { fuzzGateway } from "../tests/fixtures/fuzz.ts";
import type { Bench } from "./lib.ts";

const COUNT = 100_000;
const QUICK_COUNT = 5_000;
const SEED = 20_261_122;

export const run: Bench = async ({ quick, note }) => {
  const cleanups: (() => unknown)[] = [];
  try {
    const count = quick ? QUICK_COUNT : COUNT;
    const t = { after: (fn: () => unknown): void => void cleanups.push(fn) };
    const figures = await fuzzGateway(t, { count, seed: SEED, note });
    const { clientsOverHttp, clientsOverShim, serverOverStdio, serverOverHttp, rssMb, ledger, isAlive } = figures;
    const all = [clientsOverHttp, clientsOverShim, serverOverStdio, serverOverHttp];
    const faults = all.flatMap((told) => told.faults);
    for (const fault of faults) note(fault);
    return {
      messages: all.reduce((sum, told) => sum + told.sent, 0),
      clientsOverHttp: clientsOverHttp.sent,
      clientsOverShim: clientsOverShim.sent,
      serverOverStdio: serverOverStdio.sent,
      serverOverHttp: serverOverHttp.sent,
      answeredInOrder: all.reduce((sum, told) => sum + told.echoed, 0),
      faults: faults.length,
      ...{ isAlive, ledger, rssMb },
    };
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
};
