// What may be taken as the owner's in one session: their words of this request, values they endorsed, and objects that
// a lookup of theirs named. Invariants: a new request forgets all of it; a value enters only through this file; what a
// model made or a stranger's text said never does; the outline only shrinks.

import { roleOf, type ToolCard } from "./cards.ts";
import { canonical, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { isInWords, ownerWords, pointersIn, type OwnerWords } from "./words.ts";

export interface Provenance {
  words: OwnerWords | null;
  /** Remaining count per tool, fixed before the first untrusted byte; null where there is no outline. */
  outline: Map<string, number> | null;
  /** Canonical JSON of values the owner endorsed for this task. */
  readonly endorsed: Set<string>;
  /** Canonical JSON of ids of the one object that a lookup of the owner's gave, by server. */
  readonly named: Map<string, Set<string>>;
  /** Canonical JSON of fields of an entry in the owner's own records that their words picked alone. */
  readonly recorded: Set<string>;
  /** Canonical JSON of structured fields read while the session was clean, from owner- or system-trust results. */
  readonly clean: Set<string>;
}

const VALUES_MAX = 5_000;
const RECORDS_MAX = 2_000;
const NAME_LENGTH_MIN = 4;

export function noProvenance(): Provenance {
  return { words: null, outline: null, endorsed: new Set(), named: new Map(), recorded: new Set(), clean: new Set() };
}

/** A new message of the owner's: new words, a new outline. Counts that were spent do not come back by saying less. */
export function beginRequest(
  provenance: Provenance,
  message: string | null,
  outline: ReadonlyMap<string, number> | null,
): void {
  provenance.words = message === null ? null : ownerWords(message);
  provenance.outline = outline === null ? null : new Map(outline);
  for (const values of [provenance.endorsed, provenance.named, provenance.recorded, provenance.clean]) values.clear();
}

export function endorse(provenance: Provenance, value: JsonValue): void {
  provenance.endorsed.add(canonical(value));
  if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) provenance.endorsed.add(canonical(item));
}

/** Called when an effect goes through. */
export function spendOutline(provenance: Provenance, tool: string): void {
  const left = provenance.outline?.get(tool) ?? 0;
  if (left > 0) provenance.outline?.set(tool, left - 1);
}

export interface Reading {
  readonly card: ToolCard;
  readonly args: JsonObject;
  /** The structured part of the result; undefined where there is only text. */
  readonly structured: JsonValue | undefined;
  readonly wasClean: boolean;
}

/** Takes from a result what its card and its question allow. */
export function noteResult(provenance: Provenance, reading: Reading): void {
  const { card, structured, wasClean } = reading;
  if (structured === undefined || card.result.mode === "handle") return;
  if (wasClean && card.result.trust !== "third-party") {
    for (const leaf of leavesOf(structured)) keep(provenance.clean, leaf);
  }
  const records = recordsOf(structured);
  const picked = pickedRecord(provenance, reading, records);
  if (picked === null) return;
  const server = card.tool.slice(0, card.tool.indexOf("."));
  const ids = provenance.named.get(server) ?? new Set<string>();
  provenance.named.set(server, ids);
  for (const path of card.ids) for (const id of atPath(picked, path)) if (isPlainId(id)) keep(ids, id);
  if (card.result.trust === "owner") for (const leaf of leavesOf(picked)) keep(provenance.recorded, leaf);
}

/** The one object that a search of the owner's leads to: the only one, or the only one that bears the very name. */
function pickedRecord(
  provenance: Readonly<Provenance>,
  { card, args }: Reading,
  records: readonly JsonValue[],
): JsonValue | null {
  if (records.length === 0 || records.length > RECORDS_MAX) return null;
  const searched = Object.entries(args)
    .filter(([name, value]) => value !== null && value !== "" && roleOf(card, name) !== "content")
    .map(([, value]) => value);
  if (searched.length === 0 || !searched.every((value) => isOwnersValue(provenance, card, value))) return null;
  if (records.length === 1) return records[0] ?? null;
  const names = new Set(searched.filter((value) => typeof value === "string" && value.length >= NAME_LENGTH_MIN));
  const named = records.filter((record) => isObject(record) && Object.values(record).some((field) => names.has(field)));
  return named.length === 1 ? (named[0] ?? null) : null;
}

/** Whether a value of an argument is the owner's. Egress and spending take nothing that a lookup gave. */
export function isOwners(
  provenance: Readonly<Provenance>,
  place: { readonly card: ToolCard; readonly argument: string; readonly isClean: boolean },
  value: JsonValue,
): boolean {
  const { card, argument, isClean } = place;
  if (isGiven(provenance, value)) return true;
  if (Array.isArray(value)) return value.every((item: JsonValue) => isOwners(provenance, place, item));
  if (isObject(value)) {
    return Object.entries(value).every(([key, item]) => isGiven(provenance, key) && isOwners(provenance, place, item));
  }
  if (roleOf(card, argument) === "egress") return false;
  const text = canonical(value);
  if (isClean && provenance.clean.has(text)) return true;
  if (["spend", "credential", "exec"].includes(card.effect)) return false;
  return provenance.recorded.has(text) || isNamed(provenance, card, value);
}

/** In the owner's words of this request, or endorsed for it. */
export function isGiven(provenance: Readonly<Provenance>, value: JsonValue): boolean {
  if (provenance.endorsed.has(canonical(value))) return true;
  return provenance.words !== null && isInWords(provenance.words, value);
}

function isOwnersValue(provenance: Readonly<Provenance>, card: ToolCard, value: JsonValue): boolean {
  return isGiven(provenance, value) || isNamed(provenance, card, value);
}

function isNamed(provenance: Readonly<Provenance>, card: ToolCard, value: JsonValue): boolean {
  const server = card.tool.slice(0, card.tool.indexOf("."));
  return isPlainId(value) && provenance.named.get(server)?.has(canonical(value)) === true;
}

/** An id names an object; an address, a link or an account number names somebody, and no lookup may give that. */
function isPlainId(value: JsonValue): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return typeof value === "string" && value !== "" && value.length <= 200 && pointersIn(value).length === 0;
}

function keep(values: Set<string>, value: JsonValue): void {
  if (values.size < VALUES_MAX) values.add(canonical(value));
}

/** MCP wants an object as structured content, so that lists come as `{ result: [...] }`. */
function recordsOf(structured: JsonValue): readonly JsonValue[] {
  if (Array.isArray(structured)) return structured as readonly JsonValue[];
  if (!isObject(structured)) return [];
  const [only, ...more] = Object.values(structured);
  return Array.isArray(only) && more.length === 0 ? (only as readonly JsonValue[]) : [structured];
}

function leavesOf(value: JsonValue, found: JsonValue[] = []): readonly JsonValue[] {
  if (found.length >= VALUES_MAX) return found;
  if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) leavesOf(item, found);
  else if (isObject(value)) for (const item of Object.values(value)) leavesOf(item, found);
  else if (typeof value === "number" || (typeof value === "string" && value.length <= 500)) found.push(value);
  return found;
}

/** Dotted path from a record; lists on the way are walked; a leading name of the list itself is passed over. */
function atPath(record: JsonValue, path: string): readonly JsonValue[] {
  const walk = (value: JsonValue, parts: readonly string[]): readonly JsonValue[] => {
    if (Array.isArray(value)) return value.flatMap((item: JsonValue) => walk(item, parts));
    const [part, ...rest] = parts;
    if (part === undefined) return [value];
    return isObject(value) && Object.hasOwn(value, part) ? walk(value[part] ?? null, rest) : [];
  };
  const parts = path.split(".");
  const direct = walk(record, parts);
  return direct.length > 0 || parts.length === 1 ? direct : walk(record, parts.slice(1));
}
