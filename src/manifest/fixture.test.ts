// A small whole policy for this room's tests.

import { pinOf, surfaceRoot, type JsonObject, type Surface } from "../kernel/index.ts";
import { formatCardFile } from "./card-text.ts";
import { draftCards } from "./draft.ts";
import { formatLock } from "./lock.ts";
import type { PolicyFiles } from "./policy.ts";
import type { LockedServer, StackLock } from "./types.ts";

export const INTEGRITY = `sha512-${"A".repeat(86)}==`;

export const WRITE_FILE: JsonObject = {
  name: "write_file",
  description: "Create a file or overwrite one.",
  inputSchema: {
    type: "object",
    properties: { path: { type: "string" }, content: { type: "string" } },
    required: ["path", "content"],
  },
  "x-unknown": [1, { kept: true }],
};

export const READ_FILE: JsonObject = {
  name: "read_file",
  description: "Read a file.",
  inputSchema: { type: "object", properties: { path: { type: "string" } } },
  annotations: { readOnlyHint: true },
};

export function surfaceWith(tools: readonly JsonObject[]): Surface {
  return {
    protocol: "2025-11-25",
    instructions: null,
    serverInfo: { name: "files", version: "1" },
    capabilities: { tools: {}, resources: {} },
    tools,
    prompts: [],
    resources: [{ uri: "file:///a", name: "a" }],
    templates: [],
  };
}

export function lockedFiles(surface: Surface = surfaceWith([READ_FILE, WRITE_FILE])): LockedServer {
  return {
    source: "npm:files@1.0.0",
    kind: "npm",
    version: "1.0.0",
    integrity: INTEGRITY,
    tree: {
      hash: "b".repeat(64),
      packages: [
        { path: "node_modules/a", name: "a", version: "1.0.0", integrity: INTEGRITY },
        { path: "node_modules/files", name: "files", version: "1.0.0", integrity: INTEGRITY },
      ],
    },
    command: ["node", "node_modules/files/index.js"],
    surface,
    surfaceRoot: surfaceRoot(surface),
  };
}

export const STACK_TEXT = `version: 1
owner: { name: Ada }
compartments:
  family: {}
  work: { models: [local, cloud] }
models:
  local: { speaks: openai-chat, url: "http://127.0.0.1:8080/v1", model: m, place: this-machine }
  cloud: { speaks: anthropic-messages, model: m, place: cloud }
servers:
  files: { source: "npm:files@1.0.0", compartment: family, sandbox: { read: ["\${home}/notes"] } }
clients:
  claude-code: { compartments: [family] }
`;

export const RULES_TEXT = `rules:
  - id: notes
    answer: allow
    principals: [client:claude-code]
    tool: files.write_file
    args: { path: { under: /home/ada/notes }, content: any }
    reason: my notes
    expires: 2027-02-20
`;

export function policyFiles(change: PolicyFiles = {}): PolicyFiles {
  const locked = lockedFiles();
  const lock: StackLock = { version: 1, servers: { files: locked } };
  const cards = draftCards({ server: "files", surface: locked.surface, compartment: "family" });
  return {
    "stack.yaml": STACK_TEXT,
    "stack.lock": formatLock(lock),
    "rules.yaml": RULES_TEXT,
    "cards/files.yaml": formatCardFile(cards),
    ...change,
  };
}

export const WRITE_PIN = pinOf(WRITE_FILE);
