// freehold doctor: the checks as a list, the worst decides the exit code.

import { runChecks, type Check } from "../doctor/index.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell, Style } from "./shell.ts";
import { indent, wrap } from "./table.ts";

const PORT_DEFAULT = 7717;
const STYLES: Readonly<Record<Check["state"], Style>> = { ok: "green", warn: "yellow", fail: "red", unknown: "yellow" };

export async function run(shell: Shell): Promise<Outcome> {
  const home = await shell.home();
  const asked = status(shell);
  const port = Number(shell.env["FREEHOLD_PORT"] ?? PORT_DEFAULT);
  const checks = await runChecks({ home, port, status: () => asked });
  const isBroken = checks.some((check) => check.state === "fail");
  return {
    json: { home, checks: checks.map((check) => ({ ...check })) },
    text: checks.flatMap((check) => checkLines(shell, check)),
    exit: isBroken ? 1 : 0,
  };
}

async function status(shell: Shell): Promise<JsonObject | null> {
  try {
    return await (await shell.control()).call("status", {});
  } catch (error) {
    if (error instanceof Fault && error.code === "control.not-running") return null;
    throw error;
  }
}

function checkLines(shell: Shell, { name, state, why, fix }: Check): readonly string[] {
  const [first = "", ...rest] = wrap(safeLine(why, 600), shell.width - 18);
  const head = `${shell.paint(STYLES[state], state.padEnd(7))}  ${name.padEnd(7)}  ${first}`;
  const fixLines = fix === "" ? [] : wrap(`fix: ${safeLine(fix, 600)}`, shell.width - 18);
  return [head, ...indent([...rest, ...fixLines], 18)];
}
