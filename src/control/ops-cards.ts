// The owner's second look at cards, tool by tool, and the paths that accepted cards leave open.
// A review reads what lies in the home; what it writes there is a proposal like any other.

import { join } from "node:path";
import { ensureDir, homeModes, readPolicyFiles, writeAtomic, type HomePaths } from "../home/index.ts";
import {
  Fault,
  isObject,
  oneLine,
  principalText,
  textAt,
  type Clock,
  type JsonObject,
  type Principal,
  type ToolCard,
} from "../kernel/index.ts";
import {
  cardsFile,
  cardStates,
  doubtsOf,
  draftCards,
  formatCardFile,
  LOCK_FILE,
  parseCards,
  parseLock,
  parseStack,
  shippedFor,
  STACK_FILE,
  type CardFile,
  type LockedServer,
  type PolicyFiles,
  type StackServer,
} from "../manifest/index.ts";
import { scanSurface } from "../supply/index.ts";
import { plainFinding } from "./findings.ts";
import { maybeObject, maybeText, text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { planned } from "./ops-stack.ts";
import { meetingPaths } from "./paths.ts";
import type { PolicyState } from "./policy-state.ts";

export interface CardParts {
  readonly home: HomePaths;
  readonly clock: Clock;
  readonly policy: PolicyState;
  readonly isOwnUser: boolean;
}

const TEXT_CHARS_MAX = 4_000;

export function cardOperations(parts: CardParts): readonly Operation[] {
  return [
    { name: "cards.review", needsOwner: false, run: async (input) => review(parts, text(input, "name")) },
    { name: "cards.put", needsOwner: true, run: async (input) => put(parts, input) },
    { name: "can.paths", needsOwner: false, run: (input) => paths(parts, maybeText(input, "principal")) },
  ];
}

interface Proposed {
  readonly name: string;
  readonly declared: StackServer;
  readonly locked: LockedServer;
  readonly cards: ReadonlyMap<string, ToolCard>;
}

/** As it lies in the home, applied or not. */
function proposed(files: PolicyFiles, name: string): Proposed {
  const { servers } = parseStack(files[STACK_FILE] ?? "", STACK_FILE);
  const lock = files[LOCK_FILE] === undefined ? null : parseLock(files[LOCK_FILE], LOCK_FILE);
  const declared = Object.hasOwn(servers, name) ? servers[name] : undefined;
  const locked = lock !== null && Object.hasOwn(lock.servers, name) ? lock.servers[name] : undefined;
  if (declared === undefined || locked === undefined) {
    throw new Fault("cards.no-server", {
      message: `there is no server '${oneLine(name, 60)}' whose tools are known.`,
      next: "freehold status names the servers",
    });
  }
  const written = files[cardsFile(name)];
  const file: CardFile = written === undefined ? { server: name, cards: {} } : parseCards(written, cardsFile(name));
  return { name, declared, locked, cards: new Map(Object.entries(file.cards)) };
}

function review({ home }: CardParts, name: string): JsonObject {
  const { declared, locked, cards } = proposed(readPolicyFiles(home.dir), name);
  const { surface } = locked;
  const { compartment, source } = declared;
  const shipped = shippedFor(source);
  const drafts = draftCards({ server: name, surface, compartment, source });
  const definitions = new Map(surface.tools.map((tool) => [`${name}.${textAt(tool, "name") ?? ""}`, tool]));
  const findings = scanSurface(surface);
  const tools = cardStates({ server: name, surface, cards }).flatMap(({ tool, state, why, card }): JsonObject[] => {
    const definition = definitions.get(tool) ?? null;
    const draft = (state === "good" ? card : drafts.cards[tool]) ?? null;
    if (draft === null) return [];
    const doubts = doubtsOf({ card: draft, definition, shipped });
    return [
      {
        tool,
        state,
        why,
        ...doubts,
        ...saidOf(definition),
        findings: findings.filter(({ where }) => isAbout(where, textAt(definition ?? {}, "name"))).map(plainFinding),
        draft: plainCard(draft),
        before: state === "void" && card !== null ? plainCard(card) : null,
      },
    ];
  });
  return { server: name, tools };
}

function isAbout(where: string, tool: string | null): boolean {
  return tool !== null && (where === `tool ${tool}` || where.startsWith(`tool ${tool}:`));
}

/** What an untrusted party says of its tool; whoever shows it marks it so. */
function saidOf(definition: JsonObject | null): JsonObject {
  const schema = definition?.["inputSchema"];
  const properties = isObject(schema) && isObject(schema["properties"]) ? schema["properties"] : {};
  const annotations = definition?.["annotations"];
  return {
    says: (textAt(definition ?? {}, "description") ?? "").slice(0, TEXT_CHARS_MAX),
    claims: isObject(annotations)
      ? Object.entries(annotations).flatMap(([name, value]) =>
          typeof value === "boolean" ? [`${name}: ${value}`] : [],
        )
      : [],
    arguments: Object.entries(properties).map(([name, its]) => ({
      name,
      type: (isObject(its) ? textAt(its, "type") : null) ?? "",
      says: (isObject(its) ? (textAt(its, "description") ?? "") : "").slice(0, TEXT_CHARS_MAX),
    })),
  };
}

function plainCard(card: ToolCard): JsonObject {
  return { ...card, roles: { ...card.roles }, result: { ...card.result } };
}

/** `cards` by full name, in the form of a card file. The pins must be those of what is locked now. */
function put(parts: CardParts, input: JsonObject): JsonObject {
  const { home, policy, isOwnUser } = parts;
  const name = text(input, "name");
  const { locked, cards } = proposed(readPolicyFiles(home.dir), name);
  const given = givenCards(name, maybeObject(input, "cards") ?? {});
  const merged = new Map([...cards, ...given].map(([tool, card]) => [tool, kept(card, cards.get(tool))] as const));
  const states = cardStates({ server: name, surface: locked.surface, cards: merged });
  const moved = [...given.keys()].find((tool) => !states.some((its) => its.tool === tool && its.state === "good"));
  if (moved !== undefined) {
    throw new Fault("cards.moved", {
      message: `${oneLine(moved, 200)} is not what was shown any more, so nothing was written.`,
      next: `freehold card review ${name}`,
    });
  }
  // In the order of what is offered; a card of a tool that is gone would be refused.
  const good = states.flatMap(({ tool, card }) => (card === null ? [] : [[tool, card] as const]));
  const file = formatCardFile({ server: name, cards: Object.fromEntries(good) });
  const modes = homeModes(isOwnUser);
  ensureDir(join(home.dir, "cards"), modes.folder);
  writeAtomic(join(home.dir, cardsFile(name)), file, modes.file);
  return planned(policy.proposal());
}

/** A review asks for no hold and no undo: those of before stay, the undo only for the definition it was written for. */
function kept(card: ToolCard, before: ToolCard | undefined): ToolCard {
  const { holdMs, undo } = before ?? {};
  return {
    ...(holdMs === undefined ? {} : { holdMs }),
    ...(undo === undefined || before?.pin !== card.pin ? {} : { undo }),
    ...card,
  };
}

/** Through the parser of card files, so that nothing gets in here that a file could not hold. */
function givenCards(server: string, cards: JsonObject): ReadonlyMap<string, ToolCard> {
  const tools: Record<string, JsonObject> = {};
  const pseudo: Record<string, JsonObject> = {};
  for (const [tool, card] of Object.entries(cards)) {
    if (!isObject(card) || !tool.startsWith(`${server}.`)) {
      throw new Fault("control.input", { message: `'cards' must hold cards of ${oneLine(server, 60)} by full name.` });
    }
    const name = tool.slice(server.length + 1);
    if (name.startsWith("@")) pseudo[name.slice(1)] = card;
    else tools[name] = card;
  }
  return new Map(Object.entries(parseCards(JSON.stringify({ server, tools, ...pseudo }), "cards").cards));
}

async function paths({ policy, clock }: CardParts, wanted: string | null): Promise<JsonObject> {
  const current = policy.current();
  const principals: Principal[] = [
    { kind: "agent", name: "" },
    ...Object.keys(current.stack.clients).map((name): Principal => ({ kind: "client", name })),
  ];
  const asked = principals.filter((principal) => wanted === null || principalText(principal).endsWith(wanted));
  const found = await meetingPaths({ policy: current, principals: asked, nowMs: clock.nowMs() });
  return {
    counts: { ...found.counts },
    paths: found.paths.map(({ private: source, untrusted, out, ...rest }) => ({
      ...rest,
      private: { ...source },
      untrusted: { ...untrusted },
      out: { ...out },
    })),
  };
}
