// The freehold command. `mcp` goes straight to the shim, so that a program waits for nothing it does not need.

import { readFileSync } from "node:fs";
import { Fault, isObject, parseStrict, reasonOf } from "../kernel/index.ts";
import { openShell, printFault, printOutcome } from "./shell.ts";

async function main(argv: readonly string[]): Promise<number> {
  const mcpAt = argv[0] === "--home" ? 2 : 0;
  if (argv[mcpAt] === "mcp") {
    const { runMcp } = await import("./mcp.ts");
    return runMcp(argv.toSpliced(mcpAt, 1));
  }
  const { followForCommand } = await import("../daemon/follow-build.ts");
  followForCommand(argv);
  const { parse } = await import("./program.ts");
  const parsed = await parse(argv, ownVersion());
  if (parsed.kind === "said") return 0;
  const { spec, given } = parsed;
  const { home } = given.options;
  const shell = openShell({ json: given.options["json"] === true, home: typeof home === "string" ? home : null });
  try {
    const run = await spec.load();
    const outcome = await run(shell, given);
    printOutcome(shell, outcome);
    return outcome.exit ?? 0;
  } finally {
    shell.close();
  }
}

/** package.json stands beside dist/ and src/. */
function ownVersion(): string {
  const parsed = parseStrict(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version = parsed.kind === "value" && isObject(parsed.value) ? parsed.value["version"] : null;
  return typeof version === "string" ? version : "unknown";
}

function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = `a fault in Freehold itself: ${reasonOf(error)}`;
  return new Fault("cli.bug", { message, cause: error, next: "report it with the output of freehold doctor --json" });
}

const argv = process.argv.slice(2);
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader went away (`freehold ledger tail | head`): nobody is left to print for.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});
try {
  process.exitCode = await main(argv);
} catch (error) {
  printFault(faultOf(error), argv.includes("--json"));
  if (process.env["FREEHOLD_DEBUG"] === "1") process.stderr.write(`${error instanceof Error ? error.stack : ""}\n`);
  process.exitCode = 1;
}
