// cards/<server>.yaml: what the owner accepted that each tool can do.
// Invariants: every card names its pin, effect and result label; an argument has one role; what a card leaves out is
// critical, inline and not secret only where said here; nothing is guessed and nothing is repaired.

import { EFFECTS, type ArgumentRole, type ToolCard } from "../kernel/index.ts";
import { holdOf, undoOf } from "./holds.ts";
import { DIGEST, NAME, SERVER_NAME, TOOL_NAME } from "./names.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import type { CardFile } from "./types.ts";
import { readYaml } from "./yaml.ts";

const ROLES = ["critical", "content", "egress"] as const satisfies readonly ArgumentRole[];
const PSEUDO = { resources: "@resources", prompts: "@prompts", completion: "@completion" } as const;
const ARGUMENT = { expected: "the name of an argument", lengthMax: 256 } as const;
const ID_PATH = {
  expected: "a dotted path such as event.id",
  pattern: /^[^.\s]+(?:\.[^.\s]+)*$/,
  lengthMax: 256,
} as const;

/** Throws one Fault with `file:line`. The file's name must be the server's, which loadPolicy checks. */
export function parseCards(text: string, file: string): CardFile {
  return readYaml({ text, file }, (root) => {
    const top = read.fields(root, { required: ["server"], optional: ["tools", ...Object.keys(PSEUDO)] });
    const server = read.textOf(top.need("server"), SERVER_NAME);
    const tools = read.maybe(top.get("tools"), {}, (node) =>
      read.mapOf(node, TOOL_NAME, (card, name) => cardOf(card, server, name)),
    );
    const cards: Record<string, ToolCard> = {};
    for (const card of Object.values(tools)) cards[card.tool] = card;
    for (const [key, pseudo] of Object.entries(PSEUDO)) {
      const node = top.get(key);
      if (node !== undefined) cards[`${server}.${pseudo}`] = cardOf(node, server, pseudo);
    }
    return read.remember(root, { server, cards });
  });
}

function cardOf(node: SourceNode, server: string, name: string): ToolCard {
  const card = read.fields(node, {
    required: ["pin", "effect", "result"],
    optional: [...ROLES, "ids", "hold", "undo"],
  });
  const [hold, undo] = [card.get("hold"), card.get("undo")];
  return read.remember(node, {
    tool: `${server}.${name}`,
    pin: read.textOf(card.need("pin"), DIGEST),
    effect: read.oneOf(card.need("effect"), EFFECTS),
    roles: rolesOf(card),
    ids: read.maybe(card.get("ids"), [], (ids) => read.setOf(ids, ID_PATH)),
    result: resultOf(card.need("result")),
    ...(hold === undefined ? {} : { holdMs: holdOf(hold) }),
    ...(undo === undefined ? {} : { undo: undoOf(undo, server) }),
  });
}

function rolesOf(card: Fields): Readonly<Record<string, ArgumentRole>> {
  const roles = new Map<string, ArgumentRole>();
  for (const role of ROLES) {
    const list = card.get(role);
    if (list === undefined) continue;
    for (const name of read.setOf(list, ARGUMENT)) {
      const other = roles.get(name);
      if (other !== undefined) {
        const message = `the argument '${name}' is both ${other} and ${role}. Choose one.`;
        read.report(list, { code: "duplicate", message });
      }
      if (name === "__proto__")
        read.report(list, { code: "bad-name", message: "an argument cannot be named __proto__." });
      roles.set(name, role);
    }
  }
  return Object.fromEntries(roles);
}

function resultOf(node: SourceNode): ToolCard["result"] {
  const result = read.fields(node, { required: ["trust", "compartments"], optional: ["secret", "mode"] });
  return {
    trust: read.oneOf(result.need("trust"), ["owner", "system", "third-party"]),
    compartments: read.setOf(result.need("compartments"), NAME).toSorted(),
    secret: read.maybe(result.get("secret"), false, read.flagOf),
    mode: read.maybe(result.get("mode"), "inline", (mode) => read.oneOf(mode, ["inline", "handle"])),
  };
}
