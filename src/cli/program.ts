// The command line's grammar: commander over the table of commands, its errors turned into faults.

import { Command, CommanderError } from "commander";
import { Fault } from "../kernel/index.ts";
import type { CommandSpec } from "./command-spec.ts";
import { COMMANDS } from "./commands.ts";
import type { Given } from "./given.ts";

export type Parsed =
  | { readonly kind: "command"; readonly spec: CommandSpec; readonly given: Given }
  /** Help or the version was printed. */
  | { readonly kind: "said" };

const GROUPS: Readonly<Record<string, string>> = {
  ledger: "what happened",
  rules: "your standing permissions and bans",
  secret: "stored secrets",
  skill: "texts that models read, with no rights of their own",
  model: "models: declare, try and list them; files of them by the hash of their bytes",
  server: "servers elsewhere: sign in and out; and start one anew",
  pin: "the PIN or passphrase that proves you",
  service: "the daemon under its own user",
};

/** Faults with `cli.usage`, with a suggestion where one is close. */
export async function parse(argv: readonly string[], version: string): Promise<Parsed> {
  let found: Parsed = { kind: "said" };
  const program = programOf(version, (spec, given) => (found = { kind: "command", spec, given }));
  try {
    await program.parseAsync(isBare(argv) ? ["status", ...argv] : [...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "said" };
    throw usageFault(error, argv);
  }
  return found;
}

/** Nothing but the options that every command has: the status is meant. */
function isBare(argv: readonly string[]): boolean {
  for (let at = 0; at < argv.length; at += 1) {
    if (argv[at] === "--home") at += 1;
    else if (argv[at] !== "--json" && !(argv[at] ?? "").startsWith("--home=")) return false;
  }
  return true;
}

function programOf(version: string, onCommand: (spec: CommandSpec, given: Given) => void): Command {
  const program = new Command("freehold")
    .description("Build, maintain and defend your own AI stack. Without a command: status.")
    .version(version)
    .option("--home <dir>", "the stack home; else $FREEHOLD_HOME, else ~/freehold-home")
    .option("--json", "one JSON object on stdout")
    .helpOption("-h, --help", "what a command does and takes")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined });
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first = "", second] = spec.name.split(" ");
    const parent = second === undefined ? program : groupOf(program, groups, { name: first, heading: spec.group });
    const command = parent.command(second ?? first).description(spec.summary);
    if (second === undefined) command.helpGroup(`${spec.group}:`);
    if (spec.args !== undefined) command.arguments(spec.args);
    for (const [flags, description] of spec.options ?? []) command.option(flags, description);
    command.action(() => {
      const args = command.processedArgs.flatMap((value: unknown) => textsOf(value));
      onCommand(spec, { args, options: command.optsWithGlobals() });
    });
  }
  // Only for the help: main.ts takes it before this file is loaded.
  program.command("mcp").description("speak MCP on stdin and stdout, for programs").helpGroup("Build:");
  return program;
}

function groupOf(
  program: Command,
  groups: Map<string, Command>,
  { name, heading }: { readonly name: string; readonly heading: string },
): Command {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const made = program
    .command(name)
    .description(GROUPS[name] ?? name)
    .helpGroup(`${heading}:`);
  groups.set(name, made);
  return made;
}

/** Variadic arguments come as a list within the list; what was left out comes as undefined. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.flatMap((item: unknown) => textsOf(item)) : [];
}

function usageFault(error: CommanderError, argv: readonly string[]): Fault {
  const group = argv.find((word) => Object.hasOwn(GROUPS, word));
  if (error.code === "commander.help") {
    const names = COMMANDS.map((spec) => spec.name).filter((name) => name.startsWith(`${group} `));
    return new Fault("cli.usage", {
      message: `${group} needs one of: ${names.join(", ")}.`,
      next: `freehold ${group} --help`,
    });
  }
  const [first = "", hint] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = hint === undefined ? "" : ` ${hint.replace(/^\(/, "").replace(/\)$/, "")}`;
  return new Fault("cli.usage", { message: `${first.replace(/\.$/, "")}.${suggestion}`, next: "freehold --help" });
}
