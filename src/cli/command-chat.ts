// The conversation with the agent, as a command.

import type { CommandSpec } from "./command-spec.ts";

export const CHAT: CommandSpec = {
  name: "chat",
  args: "[words...]",
  summary: "talk with your agent; slash commands work without any model",
  group: "Every day",
  options: [
    ["--in <compartment>", "the part of your life it is about; the first one when left out"],
    ["--resume [conversation]", "go on with the last conversation, or with this one"],
    ["--list", "your conversations"],
  ],
  load: async () => (await import("./chat.ts")).run,
};
