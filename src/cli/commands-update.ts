// The commands about other versions of what is installed.

import type { CommandSpec } from "./command-spec.ts";

export const UPDATING: readonly CommandSpec[] = [
  {
    name: "update",
    args: "[name]",
    summary: "newer versions of your servers; with a name or name@version, rehearse one, judge it, take it over",
    group: "Maintain",
    options: [
      ["--check", "only say what there is; exit code 2 when there is something"],
      ["--override", "take over what is blocked, with a reason that is kept"],
      ["--full", "every changed line of the server's own code"],
      ["--keep", "end the time in which an updated server is watched"],
      ["--from <path>", "with the name freehold: the folder or packed package of another Freehold"],
    ],
    load: async () => (await import("./update.ts")).run,
  },
  {
    name: "record",
    args: "<server> [tool] [arguments]",
    summary: "keep how a server answers calls that only read, to hold its updates to it",
    group: "Maintain",
    load: async () => (await import("./record.ts")).run,
  },
  {
    name: "rollback",
    summary: "go back to the generation before, or to another; shows what changes and what is lost",
    group: "Maintain",
    options: [
      ["--to <number>", "to that generation"],
      ["--full", "every line of stack.lock too"],
    ],
    load: async () => (await import("./rollback.ts")).run,
  },
  {
    name: "generations",
    summary: "every installed state that can be gone back to, and what is barred",
    group: "Maintain",
    load: async () => (await import("./generations.ts")).run,
  },
  {
    name: "unbar",
    args: "<name>",
    summary: "let a version in again that you rolled back from",
    group: "Maintain",
    load: async () => (await import("./unbar.ts")).run,
  },
  {
    name: "gc",
    summary: "remove old generations and what only they needed",
    group: "Maintain",
    options: [
      ["--keep <count>", "how many of the newest stay; 10 when left out"],
      ["--dry-run", "only say what would go"],
    ],
    load: async () => (await import("./gc.ts")).run,
  },
  {
    name: "lock",
    summary: "whether your files, what runs and what is published are what stack.lock says; exit code 2 when not",
    group: "Maintain",
    options: [
      ["--check", "look and change nothing: the only thing it does"],
      ["--offline", "do not ask the registry"],
    ],
    load: async () => (await import("./lock.ts")).run,
  },
];
