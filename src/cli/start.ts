// freehold start (npm start): a home where there is none, the daemon in the background, the console's link.

import { isHome } from "../control/reach.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { wayIn, wayInLines } from "./console-link.ts";
import { becomeDaemon, startInBackground, tryReach } from "./daemon-process.ts";
import { hasFlag, type Given } from "./given.ts";
import { lineIn, numberIn, textIn } from "./reply.ts";
import type { Control } from "./reach.ts";
import type { Outcome, Shell } from "./shell.ts";
import { statusLines } from "./status.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const home = await shell.home();
  const isNew = !isHome(home);
  if (isNew) {
    const { makeHome } = await import("./init.ts");
    await makeHome(home, { name: null, timezone: null, currency: null });
    shell.say(`Made your stack home: ${home}`);
  }
  const running = await tryReach(home);
  if (hasFlag(given, "foreground")) {
    if (running === null) return becomeDaemon(home);
    running.close();
    throw new Fault("daemon.running", { message: `Freehold already runs for ${home}.`, next: "freehold shutdown" });
  }
  const control = running ?? (await startInBackground(home));
  try {
    return await report(shell, control, { wasRunning: running !== null, isNew });
  } finally {
    control.close();
  }
}

interface Beginning {
  readonly wasRunning: boolean;
  readonly isNew: boolean;
}

async function report(shell: Shell, control: Control, { wasRunning, isNew }: Beginning): Promise<Outcome> {
  const status = await control.call("status", {});
  const way = wayIn(shell, textIn(await control.call("owner.link", {}), "url"));
  const pid = numberIn(status, "pid");
  const head = `Freehold ${wasRunning ? "runs already" : "is running"} (process ${pid}).`;
  const text = [shell.paint("bold", head), ...statusLines(shell, status), "", ...wayInLines(shell, way)];
  const json: JsonObject = {
    started: !wasRunning,
    created: isNew,
    home: textIn(status, "home"),
    pid,
    ...way,
    next: lineIn(status, "next"),
  };
  if (shell.json) return { json, text };
  shell.say(text.join("\n"));
  const { firstSteps } = await import("./first-run.ts");
  await firstSteps(shell, isNew);
  return { json, text: "" };
}
