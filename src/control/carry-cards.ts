// The cards of a server in a new version: what the owner accepted stays. Where the new definition reads as more
// dangerous than the old one did, the card becomes as strict as its draft.

import { EFFECTS, isObject, textAt, type JsonObject, type Surface, type ToolCard } from "../kernel/index.ts";
import { draftCards, pinsOf, type CardFile, type StackServer } from "../manifest/index.ts";

export interface Carrying {
  readonly name: string;
  readonly stackServer: StackServer;
  readonly cards: CardFile["cards"];
  readonly before: Surface;
  readonly after: Surface;
}

/** Tools that are gone lose their card, new ones get a draft, changed ones keep theirs with the new pin. */
export function carryCards({ name, stackServer, cards, before, after }: Carrying): CardFile {
  const { compartment, source } = stackServer;
  const draftOf = (surface: Surface): CardFile => draftCards({ server: name, surface, compartment, source });
  const [former, drafts] = [draftOf(before), draftOf(after)];
  const [pins, formerPins] = [pinsOf(name, after), pinsOf(name, before)];
  const carried = [...pins].flatMap(([tool, pin]): readonly (readonly [string, ToolCard])[] => {
    const draft = drafts.cards[tool];
    const card = Object.hasOwn(cards, tool) ? cards[tool] : undefined;
    if (card === undefined) return draft === undefined ? [] : [[tool, draft]];
    // What the owner has not read in its present form stays unread.
    if (card.pin !== formerPins.get(tool)) return [[tool, card]];
    return [[tool, { ...stricter(card, former.cards[tool], draft), pin, roles: rolesIn(card, after) }]];
  });
  return { server: name, cards: Object.fromEntries(carried) };
}

/** Only a definition that reads as more dangerous than before changes what the owner said of its effect. */
function stricter(card: ToolCard, former: ToolCard | undefined, draft: ToolCard | undefined): ToolCard {
  if (former === undefined || draft === undefined) return card;
  const rank = ({ effect }: ToolCard): number => EFFECTS.indexOf(effect);
  const isWorse = rank(draft) > rank(former) && rank(draft) > rank(card);
  return isWorse ? { ...card, effect: draft.effect } : card;
}

/** A new argument is in no list, so it is critical. */
function rolesIn({ tool, roles }: ToolCard, surface: Surface): ToolCard["roles"] {
  const name = tool.slice(tool.indexOf(".") + 1);
  const definition = surface.tools.find((one: JsonObject) => textAt(one, "name") === name);
  if (definition === undefined) return roles;
  const schema = isObject(definition["inputSchema"]) ? definition["inputSchema"] : {};
  const known = isObject(schema["properties"]) ? schema["properties"] : {};
  return Object.fromEntries(Object.entries(roles).filter(([argument]) => Object.hasOwn(known, argument)));
}
