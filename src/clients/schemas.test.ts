// What `connect` writes, against the schemas that the programs document. The excerpts are written here from the sources
// in docs/reference/clients.md: the parts that an entry for a local server meets, as strict as the source is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator, type Schema } from "@cfworker/json-schema";
import { CLIENT_IDS, shimOf, shimText, type ClientId } from "./index.ts";
import { formatOf } from "./formats.ts";
import { readConfig } from "./syntax.ts";

const TEXT = { type: "string" } as const;
const TEXTS = { type: "array", items: TEXT } as const;
const TEXT_MAP = { type: "object", additionalProperties: TEXT } as const;
const STDIO: Schema = { type: "string", enum: ["stdio"] };

function under(path: readonly string[], entry: Schema): Schema {
  return path.reduceRight<Schema>((below, key) => ({ type: "object", required: [key], properties: { [key]: below } }), {
    type: "object",
    required: ["freehold"],
    additionalProperties: entry,
  });
}

const SCHEMAS: Readonly<Record<ClientId, Schema>> = {
  "claude-code": under(["mcpServers"], {
    type: "object",
    required: ["command"],
    properties: { type: STDIO, command: TEXT, args: TEXTS, env: TEXT_MAP },
  }),
  "claude-desktop": under(["mcpServers"], {
    type: "object",
    required: ["command"],
    additionalProperties: false,
    properties: { command: TEXT, args: TEXTS, env: TEXT_MAP },
  }),
  cursor: under(["mcpServers"], {
    type: "object",
    required: ["type", "command"],
    properties: { type: STDIO, command: TEXT, args: TEXTS, env: TEXT_MAP, envFile: TEXT },
  }),
  vscode: {
    type: "object",
    additionalProperties: false,
    properties: {
      inputs: { type: "array" },
      servers: {
        type: "object",
        required: ["freehold"],
        additionalProperties: {
          type: "object",
          additionalProperties: false,
          properties: {
            ...{ type: STDIO, command: TEXT, cwd: TEXT, args: TEXTS, envFile: TEXT, dev: { type: "object" } },
            env: { additionalProperties: { anyOf: [{ type: "null" }, TEXT, { type: "number" }] } },
          },
        },
      },
    },
  },
  codex: under(["mcp_servers"], {
    type: "object",
    required: ["command"],
    additionalProperties: false,
    properties: {
      ...{ command: TEXT, args: TEXTS, env: TEXT_MAP, env_vars: { type: "array" }, cwd: TEXT },
      ...{ enabled: { type: "boolean" }, required: { type: "boolean" }, startup_timeout_sec: { type: "number" } },
    },
  }),
  gemini: under(["mcpServers"], {
    type: "object",
    additionalProperties: false,
    properties: { command: TEXT, args: TEXTS, env: TEXT_MAP, cwd: TEXT, timeout: { type: "number" }, trust: {} },
  }),
  // The older form requires `source`; the newer one does not know it, and passes over it.
  zed: under(["context_servers"], {
    type: "object",
    required: ["source", "command", "args"],
    properties: { source: { type: "string", enum: ["custom"] }, command: TEXT, args: TEXTS, env: TEXT_MAP },
  }),
  goose: under(["extensions"], {
    type: "object",
    required: ["enabled", "type", "name", "cmd", "args", "timeout"],
    additionalProperties: false,
    properties: {
      ...{ enabled: { type: "boolean" }, type: STDIO, name: TEXT, description: TEXT, cmd: TEXT, args: TEXTS },
      ...{ envs: TEXT_MAP, env_keys: TEXTS, timeout: { type: "integer" }, bundled: {}, available_tools: TEXTS },
    },
  }),
  opencode: under(["mcp"], {
    type: "object",
    required: ["type", "command"],
    additionalProperties: false,
    properties: {
      ...{ type: { type: "string", enum: ["local"] }, command: TEXTS, cwd: TEXT, environment: TEXT_MAP },
      ...{ enabled: { type: "boolean" }, timeout: {} },
    },
  }),
  windsurf: under(["mcpServers"], {
    type: "object",
    required: ["command"],
    properties: { command: TEXT, args: TEXTS, env: TEXT_MAP, disabled: { type: "boolean" }, disabledTools: TEXTS },
  }),
  cline: under(["mcpServers"], {
    type: "object",
    required: ["command"],
    properties: { type: STDIO, command: TEXT, args: TEXTS, env: TEXT_MAP, disabled: {}, alwaysAllow: TEXTS },
  }),
  openclaw: under(["mcp", "servers"], {
    type: "object",
    required: ["command"],
    properties: { command: TEXT, args: TEXTS, env: TEXT_MAP, cwd: TEXT, enabled: { type: "boolean" } },
  }),
};

const shim = shimOf({ command: "/opt/freehold/freehold", home: "/home/ada/freehold-home", token: "fh_secretsecret" });

for (const id of CLIENT_IDS) {
  test(`what connect writes for ${id} fits the schema that ${id} documents, and another's entry does not`, () => {
    const { syntax, entry } = formatOf(id);
    const written = readConfig({ file: id, syntax, text: shimText(id, shim) });
    const validator = new Validator(SCHEMAS[id], "2020-12", false);
    const result = validator.validate(written);
    assert.ok(result.valid, JSON.stringify(result.errors));
    const { command, cmd, ...without } = entry(shim);
    assert.ok(command !== undefined || cmd !== undefined);
    const broken = {
      ...formatOf(id)
        .root({})
        .reduceRight<object>((below, key) => ({ [key]: below }), { freehold: without }),
    };
    const needsCommand = !["vscode", "gemini"].includes(id);
    assert.equal(validator.validate(broken).valid, !needsCommand);
  });
}
