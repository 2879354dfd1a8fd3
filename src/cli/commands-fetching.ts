// The commands that bring skills and models here, and those about models in use.

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
    name: "model add",
    args: "[name]",
    summary: "declare a model: of an engine found here, of a key in the environment, or as you say",
    group: "Build",
    options: [
      ["--url <address>", "where it answers; of an engine on this machine, its models are offered"],
      ["--model <name>", "its exact name"],
      ["--speaks <protocol>", "openai-chat, anthropic-messages, or gguf for a locked file"],
      ["--place <place>", "this-machine, my-network or cloud"],
      ["--secret <name>", "the stored secret that holds its key"],
      ["--for <model...>", "models that it stands in for"],
      ["--context <tokens>", "what fits into it"],
      ["--price <input,output>", "USD for a million tokens, where the price list does not know it"],
    ],
    load: async () => (await import("./model-add.ts")).run,
  },
  {
    name: "model test",
    args: "[name]",
    summary: "ask a model one short thing through the door, and see the receipt",
    group: "Build",
    load: async () => (await import("./model-test.ts")).run,
  },
  {
    name: "spend",
    summary: "what models cost, by model and by who asked, and what is left of the budgets",
    group: "Every day",
    options: [["--since <span>", "such as 24h, 7d or 4w; 30d when left out"]],
    load: async () => (await import("./spend.ts")).run,
  },
  {
    name: "egress",
    summary: "what left this machine: bytes to models, calls of servers, connections",
    group: "Defend",
    options: [["--since <span>", "such as 24h, 7d or 4w; 7d when left out"]],
    load: async () => (await import("./egress.ts")).run,
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
    summary: "your models: where each proved to run, what fits and what it costs; and the files that are locked",
    group: "Build",
    options: [["--check", "hash every byte of them"]],
    load: async () => (await import("./model-list.ts")).run,
  },
  {
    name: "model engine",
    summary: "install what runs model files here, llama.cpp as pinned packages (78 MB)",
    group: "Build",
    load: async () => (await import("./model-engine.ts")).run,
  },
  {
    name: "model rm",
    args: "<name>",
    summary: "take a model out of the stack, or a file out of the lock; its bytes stay for a rollback",
    group: "Build",
    load: async () => (await import("./model-rm.ts")).run,
  },
];
