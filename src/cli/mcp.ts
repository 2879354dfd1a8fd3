// freehold mcp: MCP on stdin and stdout for a program, passed on to the gateway. Parses its few options itself.

import { homePaths, resolveHome } from "../control/reach.ts";
import { runShim } from "../daemon/shim.ts";
import { Fault } from "../kernel/index.ts";

/** The token comes by the environment: arguments can be read by every program of the machine. */
export async function runMcp(args: readonly string[]): Promise<number> {
  const { env, stdin, stdout } = process;
  const options = optionsIn(args);
  const token = env["FREEHOLD_TOKEN"] ?? "";
  if (token === "") {
    throw new Fault("cli.no-token", {
      message: "FREEHOLD_TOKEN is not set, so the gateway would not know this program.",
      next: `freehold connect ${options.get("--client") ?? "CLIENT"}`,
    });
  }
  const home = resolveHome({ argument: options.get("--home") ?? null, env });
  const path = env["FREEHOLD_SOCKET"] ?? homePaths(home).gatewaySocket;
  const url = env["FREEHOLD_URL"];
  return runShim({ stdin, stdout, token, target: url === undefined ? { kind: "socket", path } : { kind: "url", url } });
}

function optionsIn(args: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) {
    const [name = "", value] = [args[at], args[at + 1]];
    if (!["--home", "--client"].includes(name) || value === undefined) {
      throw new Fault("cli.usage", {
        message: "freehold mcp takes --home DIR and --client NAME.",
        next: "freehold --help",
      });
    }
    options.set(name, value);
  }
  return options;
}
