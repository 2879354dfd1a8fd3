// stack.yaml: what the owner declares. Strict: an unknown key, a wrong type or a name that leads nowhere is refused.

import { NO_CAPS } from "../kernel/index.ts";
import { moneyOf, tokensOf } from "./amounts.ts";
import { capsOf } from "./caps.ts";
import { clientViewOf } from "./client-view.ts";
import { didYouMean } from "./nearest.ts";
import { holdOf, quietOf } from "./holds.ts";
import { modelOf } from "./models.ts";
import { NAME, PLAIN_TEXT, SERVER_NAME } from "./names.ts";
import * as read from "./reading.ts";
import { remoteClientOf, remoteOf, reportRemoteClients } from "./remote.ts";
import type { Fields, SourceNode } from "./reading.ts";
import { serverOf } from "./server.ts";
import { skillOf } from "./skills.ts";
import type { Stack, StackBudgets, StackClient, StackCompartment, StackOwner } from "./types.ts";
import { readYaml } from "./yaml.ts";

const MONEY_MAX = 1_000_000;

/** Throws one Fault with `file:line` for the first thing that is wrong. */
export function parseStack(text: string, file: string): Stack {
  return readYaml({ text, file }, (root) => {
    const top = read.fields(root, {
      required: ["version", "owner"],
      optional: ["compartments", "servers", "models", "skills", "clients", "remote", "budgets", "caps", "outline"],
    });
    if (top.need("version").content !== 1) {
      read.report(top.need("version"), { code: "bad-value", message: "'version' must be 1." });
    }
    const stack: Stack = {
      version: 1,
      owner: ownerOf(top.need("owner")),
      compartments: read.maybe(top.get("compartments"), {}, (node) => read.mapOf(node, NAME, compartmentOf)),
      servers: read.maybe(top.get("servers"), {}, (node) => read.mapOf(node, SERVER_NAME, serverOf)),
      models: read.maybe(top.get("models"), {}, (node) => read.mapOf(node, NAME, modelOf)),
      ...skillsOf(top),
      clients: read.maybe(top.get("clients"), {}, (node) => read.mapOf(node, NAME, clientOf)),
      remote: read.maybe(top.get("remote"), null, remoteOf),
      budgets: read.maybe(top.get("budgets"), NO_BUDGETS, budgetsOf),
      caps: read.maybe(top.get("caps"), NO_CAPS, capsOf),
      outline: read.maybe(top.get("outline"), "heard", (choice) => read.oneOf(choice, ["heard", "confirm"])),
    };
    reportDangling(top, stack);
    reportRemoteClients(top, stack);
    return stack;
  });
}

function skillsOf(top: Fields): Pick<Stack, "skills"> {
  const skills = top.get("skills");
  return skills === undefined ? {} : { skills: read.mapOf(skills, NAME, skillOf) };
}

const NO_BUDGETS: StackBudgets = { day: null, month: null, sessionTokens: null };

const NOBODY: readonly string[] = [];

function ownerOf(node: SourceNode): StackOwner {
  const owner = read.fields(node, { required: ["name"], optional: ["timezone", "quiet", "currency"] });
  return {
    name: read.textOf(owner.need("name"), { ...PLAIN_TEXT, lengthMax: 100 }),
    timezone: read.maybe(owner.get("timezone"), "UTC", timezoneOf),
    quiet: read.maybe(owner.get("quiet"), null, quietOf),
    currency: read.maybe(owner.get("currency"), { code: "USD", usd: 1 }, (currency) => {
      const parts = read.fields(currency, { required: ["code", "usd"], optional: [] });
      return {
        code: read.textOf(parts.need("code"), { pattern: /^[A-Z]{3}$/, expected: "a currency code such as EUR" }),
        usd: read.numberOf(parts.need("usd"), { min: 0.000_001, max: MONEY_MAX, whole: false }),
      };
    }),
  };
}

function timezoneOf(node: SourceNode): string {
  const zone = read.textOf(node, { expected: "a time zone such as Europe/Berlin", lengthMax: 64 });
  try {
    if (zone !== "") new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch {
    // A RangeError is how Intl says that it does not know the zone.
    const hint = didYouMean(zone, Intl.supportedValuesOf("timeZone"));
    read.report(node, { code: "bad-value", message: `'${read.short(zone)}' is not a known time zone.${hint}` });
  }
  return zone;
}

function compartmentOf(node: SourceNode): StackCompartment {
  const compartment = read.fields(node, { required: [], optional: ["models", "hold", "reversible"] });
  return {
    models: read.maybe(compartment.get("models"), null, (models) => read.setOf(models, NAME)),
    holdMs: read.maybe(compartment.get("hold"), 0, holdOf),
    reversible: read.maybe(compartment.get("reversible"), "ask", (choice) => read.oneOf(choice, ["ask", "free"])),
  };
}

function clientOf(node: SourceNode): StackClient {
  const optional = ["view", "direct", "names", "inform", "subject", "clientId", "models", "budget"];
  const client = read.fields(node, { required: ["compartments"], optional });
  const compartments = read.setOf(client.need("compartments"), NAME);
  const models = read.maybe(client.get("models"), NOBODY, (names) => read.setOf(names, NAME));
  const budget = read.maybe(client.get("budget"), null, moneyOf);
  return { compartments, ...clientViewOf(client), ...remoteClientOf(client), models, budget };
}

function budgetsOf(node: SourceNode): StackBudgets {
  const budgets = read.fields(node, { required: [], optional: ["day", "month", "sessionTokens"] });
  return {
    day: read.maybe(budgets.get("day"), null, moneyOf),
    month: read.maybe(budgets.get("month"), null, moneyOf),
    sessionTokens: read.maybe(budgets.get("sessionTokens"), null, (tokens) => tokensOf(tokens)),
  };
}

/** Every name that one part of the file uses must be declared in another. */
function reportDangling(top: Fields, stack: Stack): void {
  const known = { compartment: Object.keys(stack.compartments), model: Object.keys(stack.models) };
  const check = (node: SourceNode | undefined, kind: keyof typeof known): void => {
    for (const item of node === undefined ? [] : read.isList(node.content) ? node.content : [node]) {
      if (typeof item.content !== "string" || known[kind].includes(item.content)) continue;
      const wanted = read.short(item.content);
      const hint = didYouMean(item.content, known[kind]) || ` Declare it under ${kind}s:, or use one that is.`;
      const message = `${kind} '${wanted}', named in '${read.short(node?.path ?? "")}', is not declared.${hint}`;
      read.report(item, { code: "unknown-name", message });
    }
  };
  const eachOf = (section: string, field: string, kind: keyof typeof known): void => {
    const content = top.get(section)?.content;
    if (content === undefined || !read.isMap(content)) return;
    for (const entry of content.values()) if (read.isMap(entry.content)) check(entry.content.get(field), kind);
  };
  eachOf("compartments", "models", "model");
  eachOf("servers", "compartment", "compartment");
  eachOf("models", "fallbackFor", "model");
  eachOf("clients", "compartments", "compartment");
  eachOf("clients", "models", "model");
}
