// The commands: names, arguments, options and the file of each. Nothing of a command is loaded before it is used.

import type { Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";

export type Run = (shell: Shell, given: Given) => Promise<Outcome>;

export interface CommandSpec {
  /** Two words for a command of a group. */
  readonly name: string;
  readonly args?: string;
  readonly summary: string;
  readonly group: "Every day" | "Build" | "Maintain" | "Defend";
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly load: () => Promise<Run>;
}

const EVERY_DAY: readonly CommandSpec[] = [
  {
    name: "status",
    summary: "what runs, what waits, and the next command",
    group: "Every day",
    load: async () => (await import("./status.ts")).run,
  },
  {
    name: "inbox",
    summary: "the questions that wait for you; on a terminal, answer them",
    group: "Every day",
    load: async () => (await import("./inbox.ts")).run,
  },
  {
    name: "yes",
    args: "<id>",
    summary: "show a question in full and say yes to it; let go at once what is held",
    group: "Every day",
    options: [
      ["--in <minutes>", "not now: hold it that long, so that it can be cancelled"],
      ["--all", "all that its conversation asks: each in full, then one yes"],
    ],
    load: async () => (await import("./yes.ts")).run,
  },
  {
    name: "no",
    args: "<id> [reason...]",
    summary: "say no to a question",
    group: "Every day",
    load: async () => (await import("./no.ts")).run,
  },
  {
    name: "cancel",
    args: "<id> [reason...]",
    summary: "take back an allowed effect while it is held",
    group: "Every day",
    load: async () => (await import("./cancel.ts")).run,
  },
  {
    name: "undo",
    args: "[id]",
    summary: "take back a call that ran, where its card says how; without an id, what can be",
    group: "Every day",
    load: async () => (await import("./undo.ts")).run,
  },
  {
    name: "later",
    args: "<id> [minutes]",
    summary: "be asked again later",
    group: "Every day",
    load: async () => (await import("./later.ts")).run,
  },
  {
    name: "always",
    args: "<id>",
    summary: "turn a question into a rule: three to choose from, each tested on what came before",
    group: "Every day",
    load: async () => (await import("./always.ts")).run,
  },
  {
    name: "meter",
    summary: "how often you are asked, and how fast you answer",
    group: "Every day",
    load: async () => (await import("./meter.ts")).run,
  },
  {
    name: "stop",
    args: "[reason...]",
    summary: "freeze every effect at once",
    group: "Every day",
    load: async () => (await import("./stop.ts")).run,
  },
  {
    name: "resume",
    summary: "let effects pass again",
    group: "Every day",
    load: async () => (await import("./resume.ts")).run,
  },
  {
    name: "link",
    summary: "a new one-time link to the console",
    group: "Every day",
    load: async () => (await import("./link.ts")).run,
  },
];

const BUILD: readonly CommandSpec[] = [
  {
    name: "start",
    summary: "start Freehold in the background",
    group: "Build",
    options: [["--foreground", "stay in this terminal, for services"]],
    load: async () => (await import("./start.ts")).run,
  },
  {
    name: "shutdown",
    summary: "end the daemon's process",
    group: "Build",
    load: async () => (await import("./shutdown.ts")).run,
  },
  {
    name: "init",
    args: "[dir]",
    summary: "make a stack home",
    group: "Build",
    options: [
      ["--name <name>", "the owner's name"],
      ["--timezone <zone>", "such as Europe/Berlin"],
      ["--currency <code>", "such as EUR"],
    ],
    load: async () => (await import("./init.ts")).run,
  },
  {
    name: "adopt",
    summary: "find the MCP servers of your programs, pin them, move their tokens to secrets",
    group: "Build",
    options: [
      ["--dry-run", "show what would be done"],
      ["--undo", "put the programs' own files back"],
      ["--client <name>", "one program only"],
      ["--compartment <name>", "the part of your life they belong to"],
    ],
    load: async () => (await import("./adopt.ts")).run,
  },
  {
    name: "add",
    args: "<source> [args...]",
    summary: "lock, install, sandbox and review an MCP server",
    group: "Build",
    options: [
      ["--as <name>", "the server's name in your stack"],
      ["--compartment <name>", "the part of your life it belongs to"],
      ["--read <dir...>", "folders it may read"],
      ["--write <dir...>", "folders it may write"],
      ["--network <host:port...>", "hosts it may reach"],
      ["--secret <NAME=secret...>", "environment names filled from secrets"],
    ],
    load: async () => (await import("./add.ts")).run,
  },
  {
    name: "remove",
    args: "<name>",
    summary: "take an MCP server out of the stack",
    group: "Build",
    load: async () => (await import("./remove.ts")).run,
  },
  {
    name: "server login",
    args: "<name> [address]",
    summary: "sign in at a remote server; the address where it is not in your stack yet",
    group: "Build",
    options: [["--paste", "paste the address that the browser ends at, where it runs on another machine"]],
    load: async () => (await import("./server-login.ts")).run,
  },
  {
    name: "server logout",
    args: "<name>",
    summary: "forget the login at a remote server",
    group: "Build",
    load: async () => (await import("./server-logout.ts")).run,
  },
  {
    name: "connect",
    args: "<client>",
    summary: "let a program use your stack through the door",
    group: "Build",
    options: [
      ["--print", "print the configuration, change no file"],
      ["--yes", "change the program's file without asking"],
      ["--compartment <name...>", "what it may be shown"],
      ["--view <view>", "direct: every tool is listed; search: four that find and call the others; hybrid"],
      ["--direct <tool...>", "tools to list beside the search"],
    ],
    load: async () => (await import("./connect.ts")).run,
  },
  {
    name: "disconnect",
    args: "<client>",
    summary: "take a program's access away",
    group: "Build",
    load: async () => (await import("./disconnect.ts")).run,
  },
  {
    name: "run",
    args: "[command...]",
    summary: "start a program jailed: project folder and the door, nothing else",
    group: "Build",
    options: [
      ["--client <name>", "as which client it speaks"],
      ["--network <host:port...>", "hosts it may reach, its model's for example"],
      ["--config <dir...>", "its own configuration folders"],
    ],
    load: async () => (await import("./run.ts")).run,
  },
];

const MAINTAIN: readonly CommandSpec[] = [
  {
    name: "plan",
    summary: "what your edits would change; exit code 2 when there is something",
    group: "Maintain",
    options: [["--full", "every line of stack.lock too"]],
    load: async () => (await import("./plan.ts")).run,
  },
  {
    name: "apply",
    summary: "make the shown changes true",
    group: "Maintain",
    options: [["--full", "every line of stack.lock too"]],
    load: async () => (await import("./apply.ts")).run,
  },
  {
    name: "rules list",
    summary: "your rules, how often each was used, and when it expires",
    group: "Maintain",
    load: async () => (await import("./rules-list.ts")).run,
  },
  {
    name: "rules test",
    args: "<tool> [arguments]",
    summary: "what each rule says to a call, its arguments as a JSON object",
    group: "Maintain",
    options: [["--as <principal>", "who asks, such as client:claude-code; the agent when left out"]],
    load: async () => (await import("./rules-test.ts")).run,
  },
  {
    name: "rules prune",
    summary: "rules that expired, never match or are covered by others; propose to remove them",
    group: "Maintain",
    load: async () => (await import("./rules-prune.ts")).run,
  },
  {
    name: "card",
    args: "<name...>",
    summary: "what a server's tools can do; card review NAME goes through the doubtful ones",
    group: "Maintain",
    options: [["--all", "with review: every tool"]],
    load: async () => (await import("./card.ts")).run,
  },
  {
    name: "drill",
    summary: "watch the door hold against an attacker, on a stack of its own",
    group: "Defend",
    load: async () => (await import("./drill.ts")).run,
  },
  {
    name: "scan",
    args: "<path|server>",
    summary: "what a skill's files or a server's texts hide or ask for; exit code 2 when there are facts to read",
    group: "Maintain",
    load: async () => (await import("./scan.ts")).run,
  },
  {
    name: "doctor",
    summary: "check this machine and the stack",
    group: "Maintain",
    load: async () => (await import("./doctor.ts")).run,
  },
  {
    name: "service install",
    summary: "run the daemon under its own user",
    group: "Maintain",
    options: [
      ["--print", "print what would be done"],
      ["--user <name>", "that user's name"],
    ],
    load: async () => (await import("./service.ts")).run,
  },
];

const DEFEND: readonly CommandSpec[] = [
  {
    name: "ledger tail",
    summary: "what happened last",
    group: "Defend",
    options: [
      ["-n, --lines <count>", "how many entries"],
      ["-f, --follow", "go on as entries come"],
    ],
    load: async () => (await import("./ledger-tail.ts")).run,
  },
  {
    name: "ledger verify",
    summary: "check that nobody changed the ledger",
    group: "Defend",
    load: async () => (await import("./ledger-verify.ts")).run,
  },
  {
    name: "show",
    args: "<id>",
    summary: "everything about a request, question or entry",
    group: "Defend",
    options: [["--text", "with the recorded texts; needs your PIN"]],
    load: async () => (await import("./show.ts")).run,
  },
  {
    name: "why",
    args: "<id>",
    summary: "why something was allowed, asked or denied",
    group: "Defend",
    load: async () => (await import("./why.ts")).run,
  },
  {
    name: "can",
    args: "[principal]",
    summary: "who could do what right now, and how private data could leave",
    group: "Defend",
    options: [["--all", "each tool with its reason"]],
    load: async () => (await import("./can.ts")).run,
  },
  {
    name: "secret set",
    args: "<name>",
    summary: "store a secret, typed or piped in",
    group: "Defend",
    load: async () => (await import("./secret-set.ts")).run,
  },
  {
    name: "secret passphrase",
    summary: "put the key of the secrets under a passphrase",
    group: "Defend",
    options: [["--remove", "take the passphrase away"]],
    load: async () => (await import("./secret-passphrase.ts")).run,
  },
  {
    name: "secret lock",
    summary: "hand no secret to a server until it is unlocked",
    group: "Defend",
    load: async () => (await import("./secret-lock.ts")).run,
  },
  {
    name: "secret unlock",
    summary: "open the secrets with their passphrase",
    group: "Defend",
    load: async () => (await import("./secret-unlock.ts")).run,
  },
  {
    name: "server restart",
    args: "<name>",
    summary: "stop a server and let it be tried again",
    group: "Defend",
    load: async () => (await import("./server-restart.ts")).run,
  },
  {
    name: "secret list",
    summary: "the names of the stored secrets",
    group: "Defend",
    load: async () => (await import("./secret-list.ts")).run,
  },
  {
    name: "secret rm",
    args: "<name>",
    summary: "forget a secret",
    group: "Defend",
    load: async () => (await import("./secret-rm.ts")).run,
  },
  {
    name: "pin set",
    summary: "choose the PIN or passphrase that proves you",
    group: "Defend",
    load: async () => (await import("./pin-set.ts")).run,
  },
  {
    name: "pin change",
    summary: "choose another",
    group: "Defend",
    load: async () => (await import("./pin-change.ts")).run,
  },
];

export const COMMANDS: readonly CommandSpec[] = [...EVERY_DAY, ...BUILD, ...MAINTAIN, ...DEFEND];
