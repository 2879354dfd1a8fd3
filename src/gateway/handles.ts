// Results behind handles: kept from the conversation, named to it, put into content as they are, taken out by type.
// Invariants: a handle opens only for the session that got it and the sessions it is a child of; its text reaches a
// conversation by no way here; what is put into a call carries the handle's label into the decision.

import { CLEAN, extract, isObject, join, oneLine, parseStrict, principalText, textAt } from "../kernel/index.ts";
import type { Door, DoorRequest, Extracted, JsonObject, JsonValue, Label } from "../kernel/index.ts";
import type { HandleRow, Store } from "../store/index.ts";
import type { CaseParts } from "./case.ts";

/** What a call says once its handles are replaced; the label is that of all of them. */
export type Filled =
  | { readonly kind: "filled"; readonly request: DoorRequest; readonly handles: Label }
  | { readonly kind: "refused"; readonly reason: string };

const HANDLE = /^q:\d{1,15}$/;
const TAKEN_MAX = 20;
const KEPT_MAX = 1_000_000;

type HandleParts = Pick<CaseParts, "store" | "sessions">;

/** A value that is exactly a handle stands for its text, so that what is decided, shown and sent is what it says. */
export function fillHandles(store: Store, request: DoorRequest): Filled {
  const used: HandleRow[] = [];
  let missing: string | null = null;
  const fill = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map((item: JsonValue) => fill(item));
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item)]));
    if (typeof value !== "string" || !HANDLE.test(value)) return value;
    const row = openFor(store, value, request.session);
    if (row === null) missing = value;
    else used.push(row);
    return row === null ? value : textOf(row.result);
  };
  const args = Object.fromEntries(Object.entries(request.args).map(([name, value]) => [name, fill(value)]));
  if (missing !== null) return { kind: "refused", reason: `there is no ${String(missing)} in this conversation` };
  if (used.length === 0) return { kind: "filled", request, handles: CLEAN };
  const handles = used.map((row) => row.label).reduce((all, one) => join(all, one), CLEAN);
  return { kind: "filled", request: { ...request, args }, handles };
}

/** Takes one plain value out; the conversation takes on whose data it is, and no stranger's words. */
export function takeOut({ store, sessions }: HandleParts, wanted: Parameters<Door["takeOut"]>[0]): Extracted {
  const { session, principal, handle, path, type } = wanted;
  const row = openFor(store, handle, session);
  if (row === null) return { kind: "refused", reason: "there is no such handle here" };
  if (store.handles.take(handle) > TAKEN_MAX) {
    return { kind: "refused", reason: `${TAKEN_MAX} values were taken out of it already` };
  }
  const { compartments, secret } = row.label;
  const label: Label = { compartments, secret, integrity: "system" };
  const found = extract(row.result["structuredContent"], path, type);
  sessions.taint(sessions.open(session, principal), label);
  const facts = { handle: oneLine(handle, 20), type: type.kind, found: found.kind, label: { ...label } };
  const entry = { kind: "label", session, principal: principalText(principal), subject: "extract" } as const;
  store.ledger.append({ ...entry, request: null, facts, text: path.slice(0, 500) });
  return found;
}

/** A text of a conversation, with all that the conversation has read; what is JSON can be taken out by type. */
export function keep(
  { store, sessions }: HandleParts,
  [{ session, principal }, text]: Parameters<Door["keep"]>,
): string {
  const { label } = sessions.open(session, principal);
  const parsed = parseStrict(text);
  const structured = parsed.kind === "value" ? { structuredContent: parsed.value } : {};
  const result = { content: [{ type: "text", text: text.slice(0, KEPT_MAX) }], ...structured };
  return store.handles.put({ session, result, label });
}

function openFor(store: Store, handle: string, session: string): HandleRow | null {
  const row = store.handles.get(handle);
  return row !== null && (row.session === session || row.session.startsWith(`${session}/`)) ? row : null;
}

function textOf(result: JsonObject): string {
  const content = Array.isArray(result["content"]) ? result["content"].filter((item) => isObject(item)) : [];
  return content.map((item) => textAt(item, "text") ?? "").join("\n");
}

/** What the conversation is told of a kept result: its name and size, and what could be taken out of it. */
export function handleNote(result: JsonObject): string {
  const shape = result["structuredContent"] === undefined ? "no structured part" : "a structured part";
  return `${textOf(result).length} characters of text and ${shape} are kept from this conversation`;
}
