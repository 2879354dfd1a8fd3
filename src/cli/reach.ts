// Finds the stack home and the daemon that serves it.

import { connectControl, homePaths, resolveHome, type ControlClient } from "../control/reach.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";

export type Control = ControlClient;
export type OnEvent = (event: JsonObject) => void;

export function findHome(argument: string | null): string {
  return resolveHome({ argument, env: process.env });
}

/** Faults: `control.not-running`, `control.forbidden`. */
export async function reach(home: string): Promise<Control> {
  const { controlSocket } = homePaths(home);
  try {
    return await connectControl(controlSocket);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "control.not-running") throw error;
    const message = `Freehold is not running for ${home}.`;
    throw new Fault(error.code, { message, cause: error, next: "freehold start" });
  }
}
