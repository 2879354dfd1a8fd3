// What no single file can show: every name that cards, rules and lock use leads to something declared.

import { Fault, isObject, type Digest, type Rule, type ToolCard } from "../kernel/index.ts";
import { didYouMean } from "./nearest.ts";
import { checkModels } from "./models.ts";
import { placeOf } from "./reading.ts";
import { checkSkills } from "./skills.ts";
import { pinsOf } from "./surface-pins.ts";
import type { CardFile, LockedServer, Stack, StackLock } from "./types.ts";

export interface PolicyParts {
  readonly stack: Stack;
  readonly lock: StackLock;
  readonly cards: readonly CardFile[];
  readonly rules: readonly Rule[];
}

/** With the pins of every locked server by full tool name, hashed once. */
type Pinned = PolicyParts & { readonly pins: ReadonlyMap<string, ReadonlyMap<string, Digest>> };

interface Wrong {
  readonly at: string;
  readonly message: string;
  readonly next?: string;
}

/** Throws a Fault for the first name, in the order stack, lock, cards, rules, that leads nowhere. */
export function checkPolicy(parts: PolicyParts): void {
  const pins = new Map<string, ReadonlyMap<string, Digest>>();
  for (const [name, locked] of Object.entries(parts.lock.servers)) {
    checkLocked(parts, name, locked);
    pins.set(name, pinsOf(name, locked.surface));
  }
  checkSkills(parts.stack, parts.lock);
  checkModels(parts.stack, parts.lock);
  for (const file of parts.cards) checkCards({ ...parts, pins }, file);
  for (const rule of parts.rules) checkRule({ ...parts, pins }, rule);
  for (const [name, { direct }] of Object.entries(parts.stack.clients)) {
    for (const tool of direct) checkListed({ ...parts, pins }, name, tool);
  }
}

function refuse(wrong: Wrong): never {
  throw new Fault("manifest.unknown-name", wrong);
}

function checkLocked({ stack }: PolicyParts, name: string, locked: LockedServer): void {
  const at = placeOf(locked, "stack.lock");
  if (!Object.hasOwn(stack.servers, name)) {
    const message = `server '${name}' is locked but not declared in stack.yaml.`;
    refuse({ at, message: message + didYouMean(name, Object.keys(stack.servers)), next: `freehold remove ${name}` });
  }
  const server = stack.servers[name];
  if (server === undefined || server.source === null || server.source === locked.source) return;
  throw new Fault("manifest.lock-differs", {
    at: placeOf(server, "stack.yaml"),
    message: `server '${name}' says ${server.source}, but ${locked.source} is what was installed and reviewed.`,
    next: `freehold update ${name}`,
  });
}

function checkCards({ stack, lock, pins }: Pinned, file: CardFile): void {
  const at = placeOf(file, `cards/${file.server}.yaml`);
  if (!Object.hasOwn(stack.servers, file.server)) {
    const hint = didYouMean(file.server, Object.keys(stack.servers));
    const message = `the cards are for server '${file.server}', which is not declared in stack.yaml.${hint}`;
    refuse({ at, message, next: `freehold remove ${file.server}, or delete the file` });
  }
  const locked = Object.hasOwn(lock.servers, file.server) ? lock.servers[file.server] : undefined;
  const compartments = Object.keys(stack.compartments);
  for (const card of Object.values(file.cards)) {
    for (const wanted of card.result.compartments.filter((name) => !compartments.includes(name))) {
      const hint = didYouMean(wanted, compartments);
      const message = `the card of ${card.tool} names compartment '${wanted}', which is not declared.${hint}`;
      refuse({ at: placeOf(card, at), message });
    }
    if (locked !== undefined) checkCard(card, { locked, pins: pins.get(file.server) ?? new Map() }, file.server);
  }
}

interface Offer {
  readonly locked: LockedServer;
  readonly pins: ReadonlyMap<string, Digest>;
}

function checkCard(card: ToolCard, { locked, pins }: Offer, server: string): void {
  const at = placeOf(card, `cards/${server}.yaml`);
  const pin = pins.get(card.tool);
  if (pin === undefined) {
    const message = `the card is for ${card.tool}, which server '${server}' does not offer.`;
    refuse({ at, message: message + didYouMean(card.tool, pins.keys()) });
  }
  // A card with another pin is void; what its arguments were is no longer known.
  if (pin !== card.pin) return;
  const known = (tool: string, name: string): void => {
    const names = argumentsOf(locked, tool.slice(server.length + 1));
    if (names === null || names.includes(name)) return;
    refuse({ at, message: `${tool} has no argument '${name}'.${didYouMean(name, names)}` });
  };
  for (const name of Object.keys(card.roles)) known(card.tool, name);
  if (card.undo === undefined) return;
  if (!pins.has(card.undo.tool)) {
    const message = `the undo of ${card.tool} is ${card.undo.tool}, which server '${server}' does not offer.`;
    refuse({ at, message: message + didYouMean(card.undo.tool, pins.keys()) });
  }
  for (const [name, from] of Object.entries(card.undo.args)) {
    known(card.undo.tool, name);
    if (from.startsWith("args.")) known(card.tool, from.slice("args.".length));
  }
}

function checkRule(parts: Pinned, rule: Rule): void {
  const { stack, lock } = parts;
  const at = placeOf(rule, "rules.yaml");
  for (const principal of rule.principals) {
    const [kind, name = ""] = principal.split(":");
    if (kind !== "client" || Object.hasOwn(stack.clients, name)) continue;
    const hint = didYouMean(name, Object.keys(stack.clients));
    refuse({ at, message: `rule '${rule.id}' names client '${name}', which is not declared.${hint}` });
  }
  if (rule.tool === "*") return;
  const server = rule.tool.slice(0, rule.tool.indexOf("."));
  const tool = rule.tool.slice(server.length + 1);
  if (!Object.hasOwn(stack.servers, server)) {
    const hint = didYouMean(server, Object.keys(stack.servers));
    throw new Fault("manifest.unknown-server", {
      at,
      message: `rule '${rule.id}' names server '${server}', which is not declared.${hint}`,
    });
  }
  const locked = Object.hasOwn(lock.servers, server) ? lock.servers[server] : undefined;
  if (tool === "*" || locked === undefined) return;
  const pins = parts.pins.get(server) ?? new Map<string, Digest>();
  if (!pins.has(rule.tool)) {
    const hint = didYouMean(rule.tool, pins.keys());
    refuse({ at, message: `rule '${rule.id}' names ${rule.tool}, which the server does not offer.${hint}` });
  }
  const names = argumentsOf(locked, tool);
  for (const name of Object.keys(rule.args)) {
    if (names === null || names.includes(name)) continue;
    refuse({ at, message: `rule '${rule.id}': ${rule.tool} has no argument '${name}'.${didYouMean(name, names)}` });
  }
}

/** A tool that is listed beside a client's search; one that is locked later may be named before. */
function checkListed({ stack, pins }: Pinned, client: string, tool: string): void {
  const server = tool.slice(0, tool.indexOf("."));
  const at = "stack.yaml";
  if (!Object.hasOwn(stack.servers, server)) {
    const hint = didYouMean(server, Object.keys(stack.servers));
    refuse({ at, message: `client '${client}' lists ${tool}; server '${server}' is not declared.${hint}` });
  }
  const offered = pins.get(server);
  if (offered === undefined || offered.has(tool)) return;
  const hint = didYouMean(tool, offered.keys());
  refuse({ at, message: `client '${client}' lists ${tool}, which the server does not offer.${hint}` });
}

/** Null when the schema leaves the names open, or for a pseudo-tool. */
function argumentsOf(locked: LockedServer, toolName: string): readonly string[] | null {
  const tool = locked.surface.tools.find((definition) => definition["name"] === toolName);
  const schema = tool?.["inputSchema"];
  if (!isObject(schema) || !isObject(schema["properties"])) return null;
  if (["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].some((key) => Object.hasOwn(schema, key))) return null;
  return Object.keys(schema["properties"]);
}
