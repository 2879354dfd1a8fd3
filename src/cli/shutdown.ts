// freehold shutdown: ends the daemon's process in order and waits until it is gone.

import { Fault } from "../kernel/index.ts";
import { tryReach, waitForEnd } from "./daemon-process.ts";
import { numberIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const home = await shell.home();
  const control = await tryReach(home);
  if (control === null) return { json: { home, wasRunning: false }, text: `Freehold is not running for ${home}.` };
  try {
    const pid = numberIn(await control.call("status", {}), "pid");
    await askToEnd(() => control.call("daemon.shutdown", {}));
    if (!(await waitForEnd(pid))) {
      throw new Fault("daemon.stuck", { message: `process ${pid} still runs after 20 s.`, next: `kill ${pid}` });
    }
    return { json: { home, wasRunning: true, pid }, text: `Freehold has ended (process ${pid}).` };
  } finally {
    control.close();
  }
}

/** The daemon may be gone before its answer has arrived. */
async function askToEnd(ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "control.lost") throw error;
  }
}
