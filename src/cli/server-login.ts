// freehold server login NAME: the link to open in a browser, and the wait for what it brings back.

import { Fault, type JsonObject } from "../kernel/index.ts";
import { hasFlag, needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const server = needArgument(given);
  const url = given.args[1];
  return logIn(shell, { server, ...(url === undefined ? {} : { url }) }, hasFlag(given, "paste"));
}

async function logIn(shell: Shell, input: JsonObject, isPasted: boolean): Promise<Outcome> {
  const begun = await callAsOwner(shell, { op: "login.begin", input });
  const { server } = input;
  const scopes = textsIn(begun, "scopes").map((scope) => safeLine(scope, 100));
  const lines = [
    `${lineIn(begun, "issuer", 300)} signs you in${scopes.length === 0 ? "" : `, for: ${scopes.join(", ")}`}.`,
    "Open this in your browser (it works once, for ten minutes):",
    "",
    safeLine(textIn(begun, "url"), 8_000),
    "",
  ];
  if (isPasted) {
    const terminal = await shell.needTerminal("the address is pasted");
    terminal.write(`${lines.join("\n")}\n`);
    const redirected = await terminal.ask("Then paste the whole address that the browser ends at: ");
    await callAsOwner(shell, { op: "login.finish", input: { redirected: redirected.trim() } });
  } else {
    shell.say([...lines, "Waiting for the browser. On another machine: freehold server login NAME --paste"].join("\n"));
    const done = await callAsOwner(shell, { op: "login.wait", input: { server: server ?? null } });
    if (done["isLoggedIn"] !== true) {
      throw new Fault("login.failed", { message: "the browser came back without a login.", next: "try again" });
    }
  }
  const name = lineIn(begun, "server", 60);
  return { json: { server: name }, text: `Logged in. The tokens are sealed, and go to ${name} alone.` };
}
