// The commands that bring skills and models here.

import type { CommandSpec } from "./command-spec.ts";

export const FETCHING: readonly CommandSpec[] = [
  {
    name: "skill add",
    args: "<source>",
    summary: "fetch, scan and lock a skill, a folder with a SKILL.md; it gets no rights, and taints until you read it",
    group: "Build",
    options: [
      ["--as <name>", "its name in your stack"],
      ["--folder <path>", "where it lies within the source"],
    ],
    load: async () => (await import("./skill-add.ts")).run,
  },
  {
    name: "skill list",
    summary: "your skills, which you have read, and what changed on disk",
    group: "Build",
    load: async () => (await import("./skill-list.ts")).run,
  },
  {
    name: "skill read",
    args: "<name>",
    summary: "read a skill in full, and say that you have: then it no longer taints",
    group: "Build",
    load: async () => (await import("./skill-read.ts")).run,
  },
  {
    name: "skill rm",
    args: "<name>",
    summary: "take a skill out",
    group: "Build",
    load: async () => (await import("./skill-rm.ts")).run,
  },
  {
    name: "model pull",
    args: "<source>",
    summary: "bring a model file from an address, a path or another stack home, and lock its hash",
    group: "Build",
    options: [
      ["--as <name>", "its name in your stack"],
      ["--sha256 <hash>", "what its bytes must hash to; needed where the address is not https"],
    ],
    load: async () => (await import("./model-pull.ts")).run,
  },
  {
    name: "model list",
    summary: "your model files; exit code 2 when one is not as locked",
    group: "Build",
    options: [["--check", "hash every byte of them"]],
    load: async () => (await import("./model-list.ts")).run,
  },
  {
    name: "model rm",
    args: "<name>",
    summary: "take a model file out of the lock; its bytes stay for a rollback",
    group: "Build",
    load: async () => (await import("./model-rm.ts")).run,
  },
];
