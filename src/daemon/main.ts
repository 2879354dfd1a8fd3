// The daemon's process: gives its place to the build that is to run, reads its few settings, starts, and stops in order
// when it is told to.

import { readFileSync } from "node:fs";
import { Fault, isObject, parseStrict, reasonOf } from "../kernel/index.ts";
import { initHome, isHome, resolveHome } from "../home/index.ts";
import { followBuild } from "./follow-build.ts";

const PORT_DEFAULT = 7717;
const WAIT_MS = 45_000;
/** A service's supervisor starts again what did not end well. EX_TEMPFAIL of sysexits.h. */
const START_AGAIN = 75;

async function main(): Promise<number> {
  const flag = process.argv.indexOf("--home");
  const argument = flag === -1 ? null : (process.argv[flag + 1] ?? null);
  const port = Number(process.env["FREEHOLD_PORT"] ?? PORT_DEFAULT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Fault("daemon.port", { message: "FREEHOLD_PORT is not a port.", next: "unset FREEHOLD_PORT" });
  }
  const ownerHome = process.env["FREEHOLD_OWNER_HOME"];
  const isOwnUser = process.env["FREEHOLD_SERVICE"] === "1";
  const homeDir = resolveHome({ argument, env: process.env });
  followBuild(homeDir);
  const { startDaemon } = await import("./compose.ts");
  if (isOwnUser && !isHome(homeDir)) initHome(homeDir, { files: await starterFiles(), isShared: true });
  const daemon = await startDaemon({
    homeDir,
    version: ownVersion(),
    port,
    isOwnUser,
    waitMs: WAIT_MS,
    hosts: hostNames(process.env["FREEHOLD_HOSTS"] ?? ""),
    ...(ownerHome === undefined ? {} : { ownerHome }),
  });
  process.stderr.write(`ready at ${daemon.url}\n`);
  // With --disable-sigusr1 the signal would end the process.
  process.on("SIGUSR1", () => undefined);
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  await Promise.race([told, daemon.shutdownAsked]);
  await daemon.stop();
  return isOwnUser && daemon.isToStartAgain() ? START_AGAIN : 0;
}

/** `mac.tail1234.ts.net, other:8443`: what a proxy in front may be called. */
function hostNames(list: string): readonly string[] {
  const names = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const odd = names.find((name) => !/^[a-z0-9.-]{1,253}(?::\d{1,5})?$/.test(name));
  if (odd === undefined) return names;
  throw new Fault("daemon.hosts", {
    message: `FREEHOLD_HOSTS names '${odd}', which is no host.`,
    next: "unset FREEHOLD_HOSTS",
  });
}

/** A service makes its home itself: nobody else may write there before it runs. */
async function starterFiles(): Promise<Readonly<Record<string, string>>> {
  const { starterRules, starterStack } = await import("../manifest/index.ts");
  const owner = { name: "Owner", timezone: "UTC", currency: { code: "EUR", usd: 1 } };
  return { "stack.yaml": starterStack(owner), "rules.yaml": starterRules() };
}

/** package.json stands beside dist/ and src/. */
function ownVersion(): string {
  const parsed = parseStrict(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version = parsed.kind === "value" && isObject(parsed.value) ? parsed.value["version"] : null;
  return typeof version === "string" ? version : "unknown";
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Fault ? error.line() : reasonOf(error)}\n`);
  process.exit(1);
}
