// JSON Schema of stack.yaml for editors. It accepts whatever parseStack accepts; parseStack is the one that decides.

import type { JsonObject } from "../kernel/index.ts";
import { capsSchema } from "./caps.ts";
import { clientViewSchema } from "./client-view.ts";
import { modelSchema } from "./models.ts";
import { remoteClientSchema, remoteSchema } from "./remote.ts";
import { CONNECTORS, ENV_NAME, NAME, SECRET_REFERENCE, SERVER_NAME } from "./names.ts";
import { oauthSchema } from "./oauth.ts";

const text = (description: string, more: JsonObject = {}): JsonObject => ({ type: "string", description, ...more });
const list = (description: string, items: JsonObject): JsonObject => ({ type: "array", description, items });
const map = (pattern: RegExp, description: string, values: JsonObject): JsonObject => ({
  type: "object",
  description,
  propertyNames: { pattern: pattern.source },
  additionalProperties: values,
});
const object = (description: string, required: readonly string[], properties: JsonObject): JsonObject => ({
  type: "object",
  description,
  required,
  additionalProperties: false,
  properties,
});
const name = (description: string): JsonObject => text(description, { pattern: NAME.pattern.source });
const names = (description: string): JsonObject => ({ ...list(description, name("a name")), uniqueItems: true });
const secret = text("A reference; the value is kept sealed.", { pattern: SECRET_REFERENCE.pattern.source });

export function stackJsonSchema(): JsonObject {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Freehold stack",
    ...object("The personal AI stack of one owner.", ["version", "owner"], {
      version: { const: 1 },
      owner: owner(),
      compartments: map(NAME.pattern, "Parts of the owner's life that stay apart.", compartment()),
      servers: map(SERVER_NAME.pattern, "MCP servers.", server()),
      skills: map(NAME.pattern, "Texts for models, with no rights of their own.", skill()),
      models: map(NAME.pattern, "Models, and where they run.", modelSchema()),
      clients: map(NAME.pattern, "Programs that may connect.", client()),
      remote: remoteSchema(),
      budgets: budgets(),
      caps: capsSchema(),
      outline: { enum: ["heard", "confirm"], description: "confirm: an outline holds after your yes." },
    }),
  };
}

function owner(): JsonObject {
  return object("Who the stack belongs to.", ["name"], {
    name: text("How the owner is called.", { minLength: 1, maxLength: 100 }),
    timezone: text("An IANA time zone such as Europe/Berlin."),
    quiet: text("Hours on the owner's clock in which no hold ends, such as 22:00-07:00.", {
      pattern: "^([01]\\d|2[0-3]):[0-5]\\d-([01]\\d|2[0-3]):[0-5]\\d$",
    }),
    currency: object("What costs are shown in.", ["code", "usd"], {
      code: text("An ISO 4217 code.", { pattern: "^[A-Z]{3}$" }),
      usd: { type: "number", exclusiveMinimum: 0, description: "Units of it for one US dollar." },
    }),
  });
}

function compartment(): JsonObject {
  return object("Without 'models': models on this machine only.", [], {
    models: names("Models that may read its data; the only place that grants this."),
    hold: text("How long an allowed effect can be cancelled: none, 30s, 10m, 2h.", {
      pattern: "^(none|[1-9]\\d{0,4}[smh])$",
    }),
    reversible: { enum: ["ask", "free"], description: "free: what a card can undo runs without a question." },
  });
}

function server(): JsonObject {
  return {
    ...object("Exactly one of 'source' and 'connector'.", ["compartment"], {
      source: text("npm:name@1.2.3 (exact), git+https://…#commit, path:./folder, or https://…", {
        pattern: "^(npm:.+@.+|git\\+.+|pypi:.+==.+|oci:.+@sha256:.+|path:.+|https?://.+)$",
      }),
      connector: { enum: CONNECTORS, description: "A part of Freehold's own." },
      account: { type: "object", description: "What a connector needs to know; no secret." },
      args: list("Arguments; ${home} and ${stack} are replaced.", { type: "string" }),
      env: map(ENV_NAME.pattern, "Environment; no secret.", { type: "string" }),
      secrets: map(ENV_NAME.pattern, "Environment name or header to secret:name.", secret),
      compartment: name("Whose data it holds."),
      asks: {
        ...list("What it may ask the program that called it.", { enum: ["elicitation", "sampling", "roots"] }),
        uniqueItems: true,
      },
      oauth: oauthSchema(),
      idleStop: text("How long it may be unused before it is stopped: none (never), 30s, 10m, 2h.", {
        pattern: "^(none|[1-9]\\d{0,4}[smh])$",
      }),
      update: { enum: ["ask", "ship", "never"], description: "ship: take over what a rehearsal ships, unasked." },
      cooldown: text("How long a newer version must have been known: none, 12h, 7d.", {
        pattern: "^(none|[1-9]\\d{0,3}[hd])$",
      }),
      canary: text("How long other code is watched after a switch: none, 15m, 2h.", {
        pattern: "^(none|[1-9]\\d{0,4}[smh])$",
      }),
      sandbox: { anyOf: [{ const: "none" }, sandbox()] },
    }),
    oneOf: [{ required: ["source"] }, { required: ["connector"] }],
  };
}

function sandbox(): JsonObject {
  const folders = { type: "string", pattern: "^(/|\\$\\{(home|stack)\\})" };
  return object("The walls around a server.", [], {
    read: list("Folders it may read.", folders),
    write: list("Folders it may read and write.", folders),
    network: {
      description: "none, or the hosts it may connect to.",
      anyOf: [{ const: "none" }, { type: "array", items: { type: "string", pattern: ":[0-9]+$" }, uniqueItems: true }],
    },
    memoryMb: { type: "integer", minimum: 16, maximum: 1_048_576 },
    pidsMax: { type: "integer", minimum: 1, maximum: 65_536 },
  });
}

function skill(): JsonObject {
  return object("A folder with a SKILL.md.", ["source"], {
    source: text("npm:name@1.2.3 (exact), git+https://…#commit, or path:./folder", {
      pattern: "^(npm:.+@.+|git\\+(https|file)://.+|path:.+)$",
    }),
    folder: text("Within the source."),
    reviewed: text("The tree that you have read; freehold skill read NAME writes it.", { pattern: "^[0-9a-f]{64}$" }),
  });
}

function client(): JsonObject {
  return object("A program that may connect.", ["compartments"], {
    compartments: names("What it may be shown and may carry."),
    models: names("Models that it may ask through Freehold; none where left out."),
    budget: { type: "number", minimum: 0, description: "What it may spend on them in a day." },
    ...clientViewSchema(),
    ...remoteClientSchema(),
  });
}

function budgets(): JsonObject {
  const money = { type: "number", minimum: 0 };
  return object("Caps that hold; what is left out has none.", [], {
    day: money,
    month: money,
    sessionTokens: {
      anyOf: [
        { type: "integer", minimum: 0 },
        { type: "string", pattern: "^[1-9][0-9]{0,5}[kM]$" },
      ],
    },
  });
}
