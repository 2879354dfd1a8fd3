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
];
