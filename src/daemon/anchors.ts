// Signed heads of the ledger, committed beside the home's history, where a ledger that was cut or rewritten shows.

import { canonical, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { appendHead, readHeads, type HomePaths } from "../home/index.ts";
import type { SignedHead, Store } from "../store/index.ts";

export function anchor(home: HomePaths, store: Store): void {
  const signed = store.ledger.signHead();
  if (signed !== null) appendHead(home.dir, canonical({ head: { ...signed.head }, signature: signed.signature }));
}

export function anchorsOf(home: HomePaths): readonly SignedHead[] {
  return readHeads(home.dir).flatMap((text) => {
    const parsed = parseStrict(text);
    return parsed.kind === "value" && isObject(parsed.value) ? headsIn(parsed.value) : [];
  });
}

function headsIn(value: JsonObject): readonly SignedHead[] {
  const { head, signature } = value;
  if (!isObject(head) || typeof signature !== "string") return [];
  const { size, chain, root, atMs } = head;
  if (typeof size !== "number" || typeof atMs !== "number") return [];
  return typeof chain === "string" && typeof root === "string"
    ? [{ head: { size, chain, root, atMs }, signature }]
    : [];
}
