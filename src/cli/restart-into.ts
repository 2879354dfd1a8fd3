// From one build of Freehold to another: waits until the daemon has ended, and for the one that takes its place.

import { setTimeout as wait } from "node:timers/promises";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { startInBackground, tryReach, waitForEnd } from "./daemon-process.ts";
import { textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";

const SERVICE_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 100;

export interface Restarted {
  readonly version: string;
  /** Why the first start failed; null when it did not. */
  readonly failed: string | null;
}

/** Starts it once more when it fails: a new build that was not ready is then left by itself. */
export async function restartInto(shell: Shell, pid: number, isUnit: boolean): Promise<Restarted> {
  const home = await shell.home();
  shell.close();
  if (!(await waitForEnd(pid))) {
    throw new Fault("daemon.stuck", { message: `process ${pid} still runs after 20 s.`, next: `kill ${pid}` });
  }
  if (isUnit) return { version: await versionOfUnit(home, pid), failed: null };
  try {
    return { version: await startedVersion(home), failed: null };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "daemon.failed") throw error;
    return { version: await startedVersion(home), failed: error.message };
  }
}

async function startedVersion(home: string): Promise<string> {
  const control = await startInBackground(home, { endsLate: true });
  const status = await control.call("status", {});
  control.close();
  return textIn(status, "version");
}

/** Its supervisor starts it again, and once more when the new build was not ready. */
async function versionOfUnit(home: string, oldPid: number): Promise<string> {
  for (const deadline = Date.now() + SERVICE_WAIT_MS; Date.now() < deadline; await wait(LOOK_EVERY_MS)) {
    const control = await tryReach(home);
    if (control === null) continue;
    const status: JsonObject | null = await control.call("status", {}).catch(() => null);
    control.close();
    if (status !== null && status["pid"] !== oldPid) return textIn(status, "version");
  }
  throw new Fault("daemon.failed", {
    message: "the service did not come up again within a minute.",
    next: "systemctl status freehold",
  });
}
