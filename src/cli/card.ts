// freehold card NAME: the card file of a server as a table.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, type ToolCard } from "../kernel/index.ts";
import { cardsFile, parseCards } from "../manifest/index.ts";
import { needArgument, type Given } from "./given.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const file = /^[a-z0-9-]+$/i.test(name) ? cardsFile(name) : null;
  const text = file === null ? null : readText(join(await shell.home(), file));
  if (file === null || text === null) {
    const message = `there are no cards for '${safeLine(name, 60)}'.`;
    throw new Fault("cli.no-card", { message, next: "freehold status names the servers" });
  }
  const cards = Object.values(parseCards(text, file).cards);
  const rows = cards.map((card) => [card.tool, card.effect, card.result.trust, rolesText(card)]);
  return {
    json: { file, cards: cards.map((card) => ({ ...card, result: { ...card.result }, roles: { ...card.roles } })) },
    text: [
      ...table([["tool", "effect", "result of", "arguments"], ...rows], shell.width).map((line, at) =>
        at === 0 ? shell.paint("dim", line) : line,
      ),
      "Of a change, an argument that is not listed is asked about: it decides who, where, which, how much or when.",
      `What holds is what was applied last; freehold plan tells whether ${file} differs.`,
    ],
  };
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
  ["carries", "content"],
  ["goes out", "egress"],
] as const;

/** What is usual is left out: a result of its server's compartment, not secret, given as it is. */
function rolesText(card: ToolCard): string {
  const isRead = card.effect === "read" && !Object.values(card.roles).includes("egress");
  const roles = ROLES.map(([usual, role]) => {
    const text = isRead && role === "critical" ? "reads by" : usual;
    const names = Object.keys(card.roles).filter((name) => card.roles[name] === role);
    return names.length === 0 ? "" : `${text} ${names.map((name) => safeLine(name, 60)).join(", ")}`;
  });
  const { secret, mode } = card.result;
  const special = [secret ? "secret result" : "", mode === "handle" ? "result as a handle" : ""];
  return [...roles, ...special].filter((part) => part !== "").join("; ") || "no listed arguments";
}
