// A card file as text for the owner to read and change.

import { stringify } from "yaml";
import type { ArgumentRole, ToolCard } from "../kernel/index.ts";
import { holdText } from "./holds.ts";
import type { CardFile } from "./types.ts";

const HEAD = `# What each tool of this server can do.
# Nothing here holds before you apply it: freehold plan, freehold apply.
# effect: read | write-reversible | write | send | spend | credential | exec
# critical: arguments that decide who, where, which or how much; content: text that is only carried;
# egress: addresses that it connects to. An argument that is not listed is critical.
# hold: how long an allowed effect can be cancelled; undo: the tool that takes it back
# result: trust owner | system | third-party; compartments it belongs to; secret; mode inline | handle
`;

/** `parseCards(formatCardFile(file))` equals `file`. */
export function formatCardFile(file: CardFile): string {
  const tools: Record<string, object> = {};
  const pseudo: Record<string, object> = {};
  for (const card of Object.values(file.cards)) {
    const name = card.tool.slice(file.server.length + 1);
    if (name.startsWith("@")) pseudo[name.slice(1)] = plain(card);
    else tools[name] = plain(card);
  }
  const hasTools = Object.keys(tools).length > 0;
  const document = { server: file.server, ...(hasTools ? { tools } : {}), ...pseudo };
  return (
    HEAD +
    stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, schema: "core", flowCollectionPadding: true })
  );
}

function plain(card: ToolCard): object {
  const named = (role: ArgumentRole): readonly string[] =>
    Object.entries(card.roles).flatMap(([name, its]) => (its === role ? [name] : []));
  const { trust, compartments, secret, mode } = card.result;
  return {
    pin: card.pin,
    effect: card.effect,
    critical: named("critical"),
    content: named("content"),
    egress: named("egress"),
    ids: card.ids,
    result: { trust, compartments, secret, mode },
    ...(card.holdMs === undefined ? {} : { hold: holdText(card.holdMs) }),
    ...(card.undo === undefined ? {} : { undo: { ...card.undo, tool: bareName(card.undo.tool) } }),
  };
}

function bareName(tool: string): string {
  return tool.slice(tool.indexOf(".") + 1);
}
