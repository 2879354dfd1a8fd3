// The command line's table of commands, for reference pages; nothing imports the commands themselves.

export { COMMANDS } from "./commands.ts";
export type { CommandSpec } from "./command-spec.ts";
