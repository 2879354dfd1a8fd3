// One recorded task through a real door: the owner's words and the outline are heard, the calls are made, and all
// questions that are open at one time are put to the owner together and answered yes.

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { parse, stringify } from "yaml";
import { z } from "zod";
import {
  canonical,
  isInWords,
  isObject,
  ownerWords,
  pinOf,
  roleOf,
  surfaceRoot,
  textAt,
  type DoorRequest,
  type JsonObject,
  type JsonValue,
  type OwnersDoor,
  type Question,
  type Surface,
  type ToolCard,
} from "../../src/kernel/index.ts";
import { formatCardFile, formatLock, type PolicyFiles } from "../../src/manifest/index.ts";
import { openFixture, OWNER, type DoorFixture } from "../../tests/fixtures/door.ts";

export interface RecordedCall {
  readonly tool: string;
  readonly args: JsonObject;
  readonly result?: JsonValue | undefined;
}

export interface RecordedTask {
  readonly prompt: string;
  readonly steps: readonly RecordedCall[];
}

export interface DoorSuite {
  readonly tools: readonly JsonObject[];
  /** By the tool's own name. */
  readonly cards: ReadonlyMap<string, ToolCard>;
  /** The text of rules.yaml. */
  readonly rulesText: string;
  readonly outlineIs: "heard" | "confirm";
}

export interface Asked {
  /** Calls that the owner was asked about, the outline as one. */
  readonly questions: number;
  /** How often the owner was interrupted. */
  readonly prompts: number;
}

const AGENT = { kind: "agent", name: "" } as const;
const COMPARTMENT = "suite";

export function openDoorSuite(suite: DoorSuite): { play(task: RecordedTask): Promise<Asked>; end(): void } {
  const under = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const fixture = openFixture({ waitMs: 0, under });
  const surface = surfaceOf(suite.tools);
  fixture.serve(surface);
  fixture.accept(filesOf(suite, surface));
  let played = 0;
  // The door's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000);
  return {
    play: (task) => play(fixture, suite, { ...task, session: `task-${(played += 1)}` }),
    end() {
      clearInterval(alive);
      fixture.end();
    },
  };
}

/** As the cards name it. */
function serverOf({ cards }: DoorSuite): string {
  const [card] = cards.values();
  return card === undefined ? COMPARTMENT : card.tool.slice(0, card.tool.indexOf("."));
}

/** Only what speaks of this server: a rule for one that is not declared is refused. */
function rulesOf(text: string, server: string): string {
  const { rules } = z.object({ rules: z.array(z.looseObject({ tool: z.string() })) }).parse(parse(text));
  return stringify({ rules: rules.filter(({ tool }) => tool === "*" || tool.startsWith(`${server}.`)) });
}

function surfaceOf(tools: readonly JsonObject[]): Surface {
  const nothing = { prompts: [], resources: [], templates: [], instructions: null };
  return { protocol: "2025-11-25", serverInfo: { name: COMPARTMENT }, capabilities: { tools: {} }, tools, ...nothing };
}

/** One server in one compartment: how data flows between compartments is no part of these cases. */
function filesOf(suite: DoorSuite, surface: Surface): PolicyFiles {
  const { tools, cards, rulesText, outlineIs } = suite;
  const server = serverOf(suite);
  const pins = new Map(tools.map((tool) => [textAt(tool, "name"), pinOf(tool)] as const));
  const pinned = [...cards].flatMap(([name, card]) => {
    const [tool, pin] = [`${server}.${name}`, pins.get(name)];
    const result = { ...card.result, compartments: [COMPARTMENT] };
    return pin === undefined ? [] : [[tool, { ...card, tool, pin, result }] as const];
  });
  const source = "https://suite.example/mcp";
  const locked = { source, kind: "remote", version: null, integrity: null, tree: null, command: [] } as const;
  return {
    "stack.yaml": [
      "version: 1",
      "owner: { name: Ada }",
      `compartments: { ${COMPARTMENT}: {} }`,
      `servers: { ${server}: { source: "${source}", compartment: ${COMPARTMENT} } }`,
      `outline: ${outlineIs}`,
    ].join("\n"),
    "stack.lock": formatLock({
      version: 1,
      servers: { [server]: { ...locked, surface, surfaceRoot: surfaceRoot(surface) } },
    }),
    "rules.yaml": rulesOf(rulesText, server),
    [`cards/${server}.yaml`]: formatCardFile({ server, cards: Object.fromEntries(pinned) }),
  };
}

async function play(
  fixture: DoorFixture,
  suite: DoorSuite,
  { prompt, steps, session }: RecordedTask & { readonly session: string },
): Promise<Asked> {
  const { door } = fixture;
  fixture.reply = async ({ paramsText }) => {
    const sent = steps.find(({ tool, args }) => canonical({ name: tool, arguments: args }) === paramsText);
    return { kind: "result", result: resultOf(sent?.result) };
  };
  const counts = { questions: 0, prompts: 0 };
  const server = serverOf(suite);
  const named = (tool: string): string => `${server}.${tool}`;
  const effects = steps.filter((step) => isEffect(suite, step));
  const outline = new Map<string, number>();
  for (const { tool } of effects) outline.set(named(tool), (outline.get(named(tool)) ?? 0) + 1);
  const words = ownerWords(prompt);
  const isKnown = ({ tool, args }: RecordedCall): boolean => {
    const card = suite.cards.get(tool);
    return Object.entries(args).every(
      ([name, value]) => (card !== undefined && roleOf(card, name) === "content") || isInWords(words, value),
    );
  };
  const foreseen = effects.filter(isKnown).map(({ tool, args }) => ({ tool: named(tool), args, open: [] }));
  door.hear({ session, principal: AGENT, message: prompt, outline, foreseen }, OWNER);
  await answerAll(fixture, session, counts);
  // The agent goes on with what it can do while a call waits; before it reads on, the owner has answered.
  for (const step of steps) {
    if (!isEffect(suite, step)) await answerAll(fixture, session, counts);
    await call(fixture, session, { ...step, tool: named(step.tool) });
  }
  await answerAll(fixture, session, counts);
  return counts;
}

function isEffect({ cards }: DoorSuite, { tool, args }: RecordedCall): boolean {
  const card = cards.get(tool);
  return (
    card !== undefined && (card.effect !== "read" || Object.keys(args).some((name) => roleOf(card, name) === "egress"))
  );
}

function call(fixture: DoorFixture, session: string, step: RecordedCall): ReturnType<OwnersDoor["call"]> {
  const request: DoorRequest = { session, principal: AGENT, tool: step.tool, args: step.args };
  return fixture.door.call(request);
}

/** Structured content is an object on the wire, so a list comes wrapped. */
function resultOf(result: JsonValue | undefined): JsonObject {
  if (typeof result !== "object" || result === null) return { content: [{ type: "text", text: String(result ?? "") }] };
  return { content: [], structuredContent: isObject(result) ? result : { result } };
}

/** The inbox as it stands is one interruption, whatever it holds. */
async function answerAll(
  { door, store }: DoorFixture,
  session: string,
  counts: { questions: number; prompts: number },
): Promise<void> {
  const open: readonly Question[] = store.questions.list(["open"]).filter(({ binding }) => binding.session === session);
  if (open.length === 0) return;
  counts.prompts += 1;
  counts.questions += open.length;
  for (const { id } of open) await door.answer(id, { kind: "yes" }, OWNER);
}
