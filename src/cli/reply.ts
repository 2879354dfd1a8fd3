// Fields of the daemon's replies. A reply of another shape is a fault of version, said as such.

import { Fault, isObject, revealJson, type JsonObject, type JsonValue } from "../kernel/index.ts";

export function textIn(reply: JsonObject, field: string): string {
  const value = reply[field];
  if (typeof value !== "string") throw wrong(field, "text");
  return value;
}

export function maybeTextIn(reply: JsonObject, field: string): string | null {
  const value = reply[field];
  return value === undefined || value === null ? null : textIn(reply, field);
}

/** Text for a terminal: one line, every hidden character spelled out, cut with its full length said. Null is empty. */
export function lineIn(reply: JsonObject, field: string, lengthMax = 300): string {
  return safeLine(maybeTextIn(reply, field) ?? "", lengthMax);
}

export function safeLine(text: string, lengthMax = 300): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}… (${text.length} characters)` : text;
  return revealJson(cut.toWellFormed());
}

export function numberIn(reply: JsonObject, field: string): number {
  const value = reply[field];
  if (typeof value !== "number") throw wrong(field, "a number");
  return value;
}

export function maybeNumberIn(reply: JsonObject, field: string): number | null {
  const value = reply[field];
  return value === undefined || value === null ? null : numberIn(reply, field);
}

export function flagIn(reply: JsonObject, field: string): boolean {
  const value = reply[field];
  if (typeof value !== "boolean") throw wrong(field, "true or false");
  return value;
}

export function objectIn(reply: JsonObject, field: string): JsonObject {
  const value = reply[field];
  if (!isObject(value)) throw wrong(field, "an object");
  return value;
}

export function objectsIn(reply: JsonObject, field: string): readonly JsonObject[] {
  return listIn(reply, field).map((item) => {
    if (!isObject(item)) throw wrong(field, "a list of objects");
    return item;
  });
}

export function textsIn(reply: JsonObject, field: string): readonly string[] {
  return listIn(reply, field).map((item) => {
    if (typeof item !== "string") throw wrong(field, "a list of texts");
    return item;
  });
}

export function numbersIn(reply: JsonObject, field: string): readonly number[] {
  return listIn(reply, field).map((item) => {
    if (typeof item !== "number") throw wrong(field, "a list of numbers");
    return item;
  });
}

/** Missing is empty. */
function listIn(reply: JsonObject, field: string): readonly JsonValue[] {
  const value = reply[field] ?? [];
  if (!isList(value)) throw wrong(field, "a list");
  return value;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function wrong(field: string, expected: string): Fault {
  return new Fault("cli.reply", {
    message: `the daemon's reply is of another version: '${field}' is not ${expected}.`,
    next: "npm stop && npm start",
  });
}
