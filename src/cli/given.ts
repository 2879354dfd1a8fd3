// What was given on the command line, read with its type.

import { Fault, oneLine } from "../kernel/index.ts";

export interface Given {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** An argument that the parser has already insisted on. */
export function needArgument(given: Given, at = 0): string {
  const value = given.args[at];
  if (value === undefined)
    throw new Fault("cli.usage", { message: "an argument is missing.", next: "freehold --help" });
  return value;
}

export function hasFlag(given: Given, name: string): boolean {
  return given.options[name] === true;
}

export function textOption(given: Given, name: string): string | null {
  const value = given.options[name];
  return typeof value === "string" ? value : null;
}

export function listOption(given: Given, name: string): readonly string[] {
  const value = given.options[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A whole number from `min` to `max`. Faults with `cli.number`. */
export function numberFrom(
  text: string,
  range: { readonly what: string; readonly min: number; readonly max: number },
): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= range.min && value <= range.max) return value;
  throw new Fault("cli.number", {
    message: `${range.what} is a number from ${range.min} to ${range.max}, not '${oneLine(text, 40)}'.`,
  });
}

const SPANS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m`, `24h`, `7d`, `4w` in milliseconds; null where nothing was given. Faults with `cli.span`. */
export function spanOption(given: Given, name: string): number | null {
  const text = textOption(given, name);
  if (text === null) return null;
  const [, amount, unit = ""] = /^([1-9]\d{0,3})([mhdw])$/.exec(text) ?? [];
  const unitMs = SPANS[unit];
  if (amount !== undefined && unitMs !== undefined) return Number(amount) * unitMs;
  throw new Fault("cli.span", {
    message: `--${name} '${oneLine(text, 40)}' is no span.`,
    next: "such as 24h, 7d or 4w",
  });
}
