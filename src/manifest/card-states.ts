// Which cards of a server still hold for what it offers. A card speaks for the definition that its owner read.

import { isObject, oneLine, textAt, type JsonObject, type Surface, type ToolCard } from "../kernel/index.ts";
import { pinsOf } from "./surface-pins.ts";

export interface CardState {
  /** With its server. */
  readonly tool: string;
  readonly state: "good" | "void" | "missing";
  /** Empty when good. */
  readonly why: string;
  readonly card: ToolCard | null;
}

export interface CardsAgainst {
  readonly server: string;
  readonly surface: Surface;
  /** By full tool name; cards of other servers are passed over. */
  readonly cards: ReadonlyMap<string, ToolCard>;
}

/** For every tool that the server offers, in its order; pseudo-tools last. */
export function cardStates({ server, surface, cards }: CardsAgainst): readonly CardState[] {
  const definitions = new Map(surface.tools.map((tool) => [`${server}.${textAt(tool, "name") ?? ""}`, tool]));
  return [...pinsOf(server, surface)].map(([tool, pin]): CardState => {
    const card = cards.get(tool) ?? null;
    if (card === null) return { tool, state: "missing", why: "no card: nobody can call it", card };
    if (card.pin === pin) return { tool, state: "good", why: "", card };
    return { tool, state: "void", why: `definition changed${changeOf(card, definitions.get(tool))}`, card };
  });
}

/** What can be told without the old definition, of which only the hash is left. */
function changeOf(card: ToolCard, definition: JsonObject | undefined): string {
  const schema = definition?.["inputSchema"];
  const properties = isObject(schema) ? schema["properties"] : undefined;
  const now = isObject(properties) ? Object.keys(properties) : [];
  const was = Object.keys(card.roles);
  const names = (list: readonly string[]): string => list.map((name) => oneLine(name, 60)).join(", ");
  const added = now.filter((name) => !was.includes(name));
  const gone = was.filter((name) => !now.includes(name));
  const parts = [
    ...(added.length === 0 ? [] : [`it takes ${names(added)}, which the card does not list`]),
    ...(gone.length === 0 ? [] : [`it no longer takes ${names(gone)}`]),
  ];
  return parts.length === 0 ? "" : `: ${parts.join("; ")}`;
}
