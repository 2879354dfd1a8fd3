// Reads columns of a row as the type they must have; another type means that the file was damaged or changed.

import { Fault, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";

export type Row = Readonly<Record<string, unknown>>;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw damaged(column);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : textOf(row, column);
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  if (!Number.isSafeInteger(value)) throw damaged(column);
  return Number(value);
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integerOf(row, column);
}

export function objectOf(row: Row, column: string): JsonObject {
  const parsed = parseStrict(textOf(row, column));
  if (parsed.kind === "refused" || !isObject(parsed.value)) throw damaged(column);
  return parsed.value;
}

/** One of a closed list of words, such as an entry kind or a question state. */
export function wordOf<W extends string>(row: Row, column: string, words: readonly W[]): W {
  const text = textOf(row, column);
  const word = words.find((each) => each === text);
  if (word === undefined) throw damaged(column);
  return word;
}

export function damaged(place: string): Fault {
  return new Fault("store.damaged", {
    message: `the state database holds a value of the wrong kind in '${place}'.`,
    next: "freehold ledger verify, then restore the last backup",
  });
}
