// freehold card NAME: the card file of a server as a table, and which cards hold no more. freehold card review NAME.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, oneLine, type ToolCard } from "../kernel/index.ts";
import { cardsFile, cardStates, LOCK_FILE, parseCards, parseLock, type CardState } from "../manifest/index.ts";
import { needArgument, type Given } from "./given.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, table, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const [first, second] = given.args;
  if (first === "review" && second !== undefined) {
    const { review } = await import("./card-review.ts");
    return review(shell, second, given.options["all"] === true);
  }
  if (second !== undefined) {
    const next = `freehold card ${oneLine(first ?? "", 40)}`;
    throw new Fault("cli.usage", { message: `'${oneLine(second, 40)}' is one name too many.`, next });
  }
  return show(shell, needArgument(given));
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const file = /^[a-z0-9-]+$/i.test(name) ? cardsFile(name) : null;
  const home = await shell.home();
  const text = file === null ? null : readText(join(home, file));
  if (file === null || text === null) {
    const message = `there are no cards for '${safeLine(name, 60)}'.`;
    throw new Fault("cli.no-card", { message, next: "freehold status names the servers" });
  }
  const { cards } = parseCards(text, file);
  const states = statesOf(name, cards, readText(join(home, LOCK_FILE)));
  const broken = states.filter(({ state }) => state !== "good");
  const rows = Object.values(cards).map((card) => {
    const isVoid = broken.some(({ tool }) => tool === card.tool);
    return [isVoid ? `${card.tool} VOID` : card.tool, card.effect, card.result.trust, rolesText(card)];
  });
  const isWide = shell.width > 90;
  const head = isWide ? ["tool", "effect", "result of", "arguments"] : ["tool", "effect", "arguments"];
  const shown = isWide ? rows : rows.map((row) => row.toSpliced(2, 1));
  return {
    json: {
      file,
      cards: Object.values(cards).map((card) => ({ ...card, result: { ...card.result }, roles: { ...card.roles } })),
      void: broken.map(({ tool, state, why }) => ({ tool, state, why })),
    },
    text: [
      ...table([head, ...shown], shell.width).map((line, at) => (at === 0 ? shell.paint("dim", line) : line)),
      ...(isWide ? [] : wrap(trustText(Object.values(cards)), shell.width)),
      ...wrap(
        "An argument that is not listed is asked about: it decides who, where, which, how much or when.",
        shell.width,
      ),
      ...wrap(`What holds is what was applied last; freehold plan tells whether ${file} differs.`, shell.width),
      ...brokenText(shell, name, { broken, total: states.length }),
    ],
  };
}

function statesOf(
  name: string,
  cards: Readonly<Record<string, ToolCard>>,
  lockText: string | null,
): readonly CardState[] {
  const lock = lockText === null ? null : parseLock(lockText, LOCK_FILE);
  const locked = lock !== null && Object.hasOwn(lock.servers, name) ? lock.servers[name] : undefined;
  if (locked === undefined) return [];
  return cardStates({ server: name, surface: locked.surface, cards: new Map(Object.entries(cards)) });
}

/** "3 of 14 cards void: definition changed", with each tool and why. */
function brokenText(
  shell: Shell,
  name: string,
  { broken, total }: { readonly broken: readonly CardState[]; readonly total: number },
): readonly string[] {
  if (broken.length === 0) return [];
  const voided = broken.filter(({ state }) => state === "void");
  const missing = broken.length - voided.length;
  const parts = [
    ...(voided.length === 0 ? [] : [`${voided.length} of ${count(total, "card")} void: definition changed`]),
    ...(missing === 0 ? [] : [`${count(missing, "tool")} without a card`]),
  ];
  return [
    "",
    shell.paint("yellow", parts.join("; ")),
    ...table(
      broken.map(({ tool, why }) => [tool, why]),
      shell.width,
    ),
    `Nobody can call them. Next: freehold card review ${name}`,
  ];
}

function trustText(cards: readonly ToolCard[]): string {
  const [first, ...rest] = new Set(cards.map((card) => card.result.trust));
  if (first === undefined) return "There are no cards.";
  if (rest.length === 0) return `All results count as ${first}.`;
  const others = cards.filter((card) => card.result.trust !== "third-party");
  const named = others.map((card) => `${card.tool} (${card.result.trust})`).join(", ");
  return `Results count as third-party but for ${named}.`;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

const ROLES = [
  ["asks about", "critical"],
  ["content", "content"],
  ["goes out", "egress"],
] as const;

/** What is usual is left out: a result of its server's compartment, not secret, given as it is. */
function rolesText(card: ToolCard): string {
  const roles = ROLES.map(([text, role]) => {
    const names = Object.keys(card.roles).filter((name) => card.roles[name] === role);
    return names.length === 0 ? "" : `${text} ${names.map((name) => safeLine(name, 60)).join(", ")}`;
  });
  const { secret, mode } = card.result;
  const special = [secret ? "secret result" : "", mode === "handle" ? "result as a handle" : ""];
  return [...roles, ...special].filter((part) => part !== "").join("; ") || "no listed arguments";
}
