// freehold init: a new stack home with a first stack.yaml that grants nothing.

import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { initHome, type InitDone } from "../control/reach.ts";
import { textOption, type Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const home = given.args[0] === undefined ? await shell.home() : resolve(given.args[0]);
  const { written } = await makeHome(home, {
    name: textOption(given, "name"),
    timezone: textOption(given, "timezone"),
    currency: textOption(given, "currency"),
  });
  const text =
    written.length === 0
      ? `${home} is a stack home already; nothing was changed.`
      : [`Made ${home}: ${written.join(", ")}.`, "Next: freehold start"];
  return { json: { home, written }, text };
}

export interface OwnerGuess {
  readonly name: string | null;
  readonly timezone: string | null;
  readonly currency: string | null;
}

/** What is null is guessed; all of it can be edited in stack.yaml. Faults: `home.not-empty`, those of writing. */
export async function makeHome(home: string, guess: OwnerGuess): Promise<InitDone> {
  const { starterStack, starterRules, stackJsonSchema } = await import("../manifest/index.ts");
  const timezone = guess.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const currency = currencyOf(guess.currency, timezone);
  return initHome(home, {
    files: {
      "stack.yaml": starterStack({ name: guess.name ?? ownName(), timezone, currency }),
      "rules.yaml": starterRules(),
      "stack.schema.json": `${JSON.stringify(stackJsonSchema(), null, 2)}\n`,
    },
  });
}

function ownName(): string {
  try {
    const name = execFileSync("git", ["config", "--get", "user.name"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (name.trim() !== "") return name.trim();
  } catch {
    // No git, or no name in its configuration.
  }
  return process.env["USER"] ?? userInfo().username;
}

/** Units for one dollar, near enough for a budget until the owner writes the day's rate. */
const RATES: Readonly<Record<string, number>> = { USD: 1, EUR: 0.87, GBP: 0.76 };
const OTHER_MONEY = new Set(
  "Zurich Stockholm Oslo Copenhagen Warsaw Prague Budapest Bucharest Istanbul Moscow Kyiv Kiev Belgrade Minsk".split(
    " ",
  ),
);

function currencyOf(given: string | null, timezone: string): { readonly code: string; readonly usd: number } {
  const code = (given ?? guessedCurrency(timezone)).toUpperCase();
  return { code, usd: RATES[code] ?? 1 };
}

function guessedCurrency(timezone: string): string {
  if (timezone === "Europe/London" || timezone === "Europe/Belfast") return "GBP";
  const [area, city = ""] = timezone.split("/");
  return area === "Europe" && !OTHER_MONEY.has(city) ? "EUR" : "USD";
}
