// Takes secret values out of what is said, also where they are encoded, reversed, or spread over several texts.
// Invariants: of a value of 8 or more characters no listed notation is left whole, whatever separators or ends of texts
// stand between its characters; the time is linear in the text; without such values nothing is looked at.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { finderOf, type Hit } from "./find-values.ts";

export interface Masked<T> {
  readonly value: T;
  /** Of the secrets found; empty where nothing was changed. */
  readonly names: readonly string[];
}

/** `[secret:NAME]` stands where a value stood. */
export interface Mask {
  text(text: string): Masked<string>;
  /** Keys and numbers too. */
  object(object: JsonObject): Masked<JsonObject>;
}

/** A text with the key it stands under, or a key itself. */
interface Piece {
  text: string;
  readonly key: string | null;
}

/** Of pairs of name and value: one name may have had several values. */
export function openMask(secrets: readonly (readonly [string, string])[]): Mask {
  const find = finderOf(secrets);

  /** All in one go, as a value may be spread over several of them. */
  function mask(pieces: readonly Piece[]): readonly string[] {
    const hits = find?.(pieces.map((piece) => piece.text).join("\0")) ?? [];
    if (hits.length > 0) cut(pieces, hits);
    return hits.map((hit) => hit.name);
  }

  return {
    text(text) {
      const piece = { text, key: null };
      const names = mask([piece]);
      return { value: piece.text, names };
    },
    object(given) {
      if (find === null) return { value: given, names: [] };
      const pieces: Piece[] = [];
      visit(given, null, (text, key) => (pieces.push({ text, key }), text));
      const values = pieces.filter((piece) => piece.key !== null);
      // A list of blocks has the parts under one key each, with other texts between them.
      const alike = [...Map.groupBy(values, (piece) => piece.key).values()].flat();
      const isOther = alike.some((piece, at) => piece !== values[at]);
      const names = new Set([...mask(pieces), ...mask(values), ...(isOther ? mask(alike) : [])]);
      let next = 0;
      const rebuilt = names.size === 0 ? given : visit(given, null, () => pieces[next++]?.text ?? "");
      return { value: isObject(rebuilt) ? rebuilt : {}, names: [...names] };
    },
  };
}

/** Each key and value once, in the order of the text. */
function visit(value: JsonValue, under: string | null, see: (text: string, key: string | null) => string): JsonValue {
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [see(key, null), visit(item, key, see)]));
  }
  if (Array.isArray(value)) return value.map((item: JsonValue) => visit(item, under, see));
  if (typeof value !== "string" && typeof value !== "number") return value;
  const seen = see(String(value), under ?? "");
  return seen === String(value) ? value : seen;
}

/** The first part of a find becomes the mark; its other parts go. */
function cut(pieces: readonly Piece[], hits: readonly Hit[]): void {
  let [offset, next] = [0, 0];
  for (const piece of pieces) {
    const { text } = piece;
    const end = offset + text.length;
    let [kept, from] = ["", offset];
    for (let hit = hits[next]; hit !== undefined && hit.start < end; hit = hits[next]) {
      if (hit.start >= from) kept += `${text.slice(from - offset, hit.start - offset)}[secret:${hit.name}]`;
      from = Math.max(from, Math.min(hit.end, end));
      if (hit.end > end) break;
      next += 1;
    }
    piece.text = kept + text.slice(from - offset);
    offset = end + 1;
  }
}
