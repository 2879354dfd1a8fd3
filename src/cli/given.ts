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
