// What may be taken as the owner's in one session: their words of this request, values they endorsed, and objects that
// a lookup of theirs named. Invariants: a new request forgets all of it; a value enters only through this file; what a
// model made or a stranger's text said never does; the outline only shrinks.

import { roleOf, type ToolCard } from "./cards.ts";
import { canonical, isObject, type Digest, type JsonObject, type JsonValue } from "./json.ts";
import { isInWords, ownerWords, pointersIn, type OwnerWords } from "./words.ts";

export interface Provenance {
  words: OwnerWords | null;
  /** Remaining count per tool, fixed before the first untrusted byte; null where there is no outline. */
  outline: Map<string, number> | null;
  /** An outline that waits for the owner's yes and until then is none. */
  proposed: Map<string, number> | null;
  /** Exact calls that the owner said yes to beforehand, by digest, with how often and in which question. */
  readonly agreed: Map<Digest, { left: number; readonly question: string }>;
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
const NUMBER_MIN = 1_000;
/** A result comes from a stranger and may be nested as deep as it likes. */
const DEPTH_MAX = 32;

export function noProvenance(): Provenance {
  return {
    words: null,
    outline: null,
    proposed: null,
    agreed: new Map(),
    endorsed: new Set(),
    named: new Map(),
    recorded: new Set(),
    clean: new Set(),
  };
}

/** A new message of the owner's: new words, a new outline. Counts that were spent do not come back by saying less. */
export function beginRequest(
  provenance: Provenance,
  message: string | null,
  outline: ReadonlyMap<string, number> | null,
): void {
  provenance.words = message === null ? null : ownerWords(message);
  provenance.outline = outline === null ? null : new Map(outline);
  provenance.proposed = null;
  const { agreed, endorsed, named, recorded, clean } = provenance;
  for (const values of [agreed, endorsed, named, recorded, clean]) values.clear();
}

/** Takes the outline back until the owner has said yes to it (task.ts). */
export function propose(provenance: Provenance): void {
  [provenance.proposed, provenance.outline] = [provenance.outline, null];
}

export function endorse(provenance: Provenance, value: JsonValue): void {
  provenance.endorsed.add(canonical(value));
  if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) provenance.endorsed.add(canonical(item));
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
    for (const leaf of leavesOf(structured, "all")) keep(provenance.clean, leaf);
  }
  const records = recordsOf(structured);
  const picked = pickedRecord(provenance, reading, records);
  if (picked === null) return;
  const server = card.tool.slice(0, card.tool.indexOf("."));
  const ids = provenance.named.get(server) ?? new Set<string>();
  provenance.named.set(server, ids);
  for (const path of card.ids) {
    const id = atPath(picked, path);
    if (id !== undefined && isPlainId(id)) keep(ids, id);
  }
  if (card.result.trust !== "owner") return;
  for (const leaf of leavesOf(picked, "one object")) if (!isShort(leaf)) keep(provenance.recorded, leaf);
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
  // A switch alone searches for nothing: what it finds is whatever a stranger put there.
  if (
    searched.every((value) => typeof value === "boolean") ||
    !searched.every((value) => isOwnersValue(provenance, card, value))
  )
    return null;
  if (records.length === 1) return records[0] ?? null;
  const names = new Set(searched.filter((value) => typeof value === "string" && value.length >= NAME_LENGTH_MIN));
  const named = records.filter((record) => isObject(record) && Object.values(record).some((field) => names.has(field)));
  return named.length === 1 ? (named[0] ?? null) : null;
}

/** Whether a value of an argument is the owner's. A lookup gives nothing to egress, nor to spending once tainted. */
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

/** A short number or text names something else in every other place. */
function isShort(value: JsonValue): boolean {
  if (typeof value === "number") return Math.abs(value) < NUMBER_MIN;
  return typeof value === "string" && value.length < NAME_LENGTH_MIN;
}

/** What JSON cannot carry comes only from a result that means harm, and stands in no argument. */
function keep(values: Set<string>, value: JsonValue): void {
  const isPlain =
    typeof value === "number" ? Number.isFinite(value) : typeof value !== "string" || value.isWellFormed();
  if (isPlain && values.size < VALUES_MAX) values.add(canonical(value));
}

/** MCP wants an object as structured content, so that lists come wrapped: `{ result: [...] }`. */
function recordsOf(structured: JsonValue, depth = 0): readonly JsonValue[] {
  if (depth > DEPTH_MAX) return [];
  if (!isObject(structured) && !Array.isArray(structured)) return depth === 0 ? [] : [structured];
  const items: readonly JsonValue[] = Object.values(structured);
  if (Array.isArray(structured)) return items.length === 1 ? recordsOf(items[0] ?? null, depth + 1) : items;
  if (items.length === 1 && typeof items[0] === "object") return recordsOf(items[0], depth + 1);
  // Objects under keys of their own are as many records.
  return items.length > 1 && items.every((item) => isObject(item)) ? items : [structured];
}

/** Numbers and texts in a value; of "one object", none from a list of several objects within it. */
function leavesOf(value: JsonValue, reach: "all" | "one object"): readonly JsonValue[] {
  const found: JsonValue[] = [];
  const walk = (at: JsonValue, depth: number): void => {
    if (typeof at === "number" || (typeof at === "string" && at.length <= 500)) found.push(at);
    if (typeof at !== "object" || at === null || depth > DEPTH_MAX) return;
    const items: readonly JsonValue[] = Object.values(at);
    if (reach === "one object" && Array.isArray(at) && items.length > 1 && items.some(isNested)) return;
    for (const item of items) {
      if (found.length >= VALUES_MAX) return;
      walk(item, depth + 1);
    }
  };
  walk(value, 0);
  return found;
}

function isNested(value: JsonValue): boolean {
  return typeof value === "object" && value !== null;
}

/** Dotted path from a record. A list of one is walked, one of several names no object; names of the lists that the
 * record came in are passed over. */
function atPath(record: JsonValue, path: string): JsonValue | undefined {
  const parts = path.split(".");
  for (let skipped = 0; skipped < parts.length; skipped += 1) {
    let value: JsonValue | undefined = record;
    for (const part of parts.slice(skipped)) {
      const object: JsonValue | undefined = onlyOf(value);
      value = isObject(object) && Object.hasOwn(object, part) ? object[part] : undefined;
    }
    if (onlyOf(value) !== undefined) return onlyOf(value);
  }
  return undefined;
}

function onlyOf(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? (value.length === 1 ? (value[0] as JsonValue) : undefined) : value;
}
