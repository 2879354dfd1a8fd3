// Undo: what a card says takes a call back, asked for by the owner as a call of their own. It is decided and recorded
// as any other; that the owner asked for exactly this answers the question that it puts. Only that it would carry data
// out of its compartment was not shown to them, and is asked.

import {
  digestOf,
  Fault,
  oneLine,
  revealJson,
  canonical,
  textAt,
  type Clock,
  type DoorAnswer,
  type JsonObject,
  type OwnerPresence,
  type OwnersDoor,
} from "../kernel/index.ts";
import type { Store, UndoRow } from "../store/index.ts";
import { text } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import { outcomeLine } from "./ops-questions.ts";
import type { PolicyState } from "./policy-state.ts";

export interface UndoParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly door: OwnersDoor;
  readonly policy: PolicyState;
}

const OFFERED_MS = 7 * 86_400_000;
const OWNER = { kind: "owner", name: "" } as const;

export function undoOperations(parts: UndoParts): readonly Operation[] {
  return [
    {
      name: "undo.list",
      needsOwner: true,
      run: async () => ({ undos: offeredNow(parts).map((row) => shown(parts, row)) }),
    },
    {
      name: "undo.show",
      needsOwner: true,
      run: async (input) => shown(parts, find(parts.store, text(input, "id"))),
    },
    {
      name: "undo.run",
      needsOwner: true,
      async run(input, context) {
        const row = find(parts.store, text(input, "id"));
        if (digestOfUndo(row) !== text(input, "digest")) throw gone(row, "it is not the one that was shown");
        const why = whyGone(parts, row);
        if (why !== null) throw gone(row, why);
        return undo(parts, row, requireOwner(context.owner));
      },
    },
  ];
}

function offeredNow({ store, clock }: UndoParts): readonly UndoRow[] {
  return store.undos.offered(clock.nowMs() - OFFERED_MS);
}

/** By the request that ran, or by the question that it was. */
function find(store: Store, given: string): UndoRow {
  const id = given.trim();
  const request = store.questions.get(id.toUpperCase())?.request ?? id;
  const row = store.undos.get(request);
  if (row !== null) return row;
  const message = `nothing that ran as ${oneLine(id, 60)} can be undone by Freehold.`;
  throw new Fault("undo.none", { message, next: "freehold undo lists what can be" });
}

function digestOfUndo({ request, tool, args }: UndoRow): string {
  return digestOf({ request, tool, args });
}

/** Null while it is offered. */
function whyGone({ clock, policy }: UndoParts, { usedAtMs, atMs, tool }: UndoRow): string | null {
  if (usedAtMs !== null) return `it was used at ${new Date(usedAtMs).toISOString()}; an undo is offered once`;
  if (clock.nowMs() - atMs > OFFERED_MS) return "it is older than 7 days";
  return policy.current().cards.has(tool) ? null : `${tool} has no accepted card`;
}

function gone({ request }: UndoRow, why: string): Fault {
  return new Fault("undo.gone", {
    message: `the undo of ${request} is gone: ${why}.`,
    next: `freehold why ${request}`,
  });
}

function shown(parts: UndoParts, row: UndoRow): JsonObject {
  const { request, ran, tool, args, atMs } = row;
  const exactly = canonical(args);
  const digest = digestOfUndo(row);
  return { request, ran, tool, atMs, args: exactly, shown: revealJson(exactly), digest, gone: whyGone(parts, row) };
}

async function undo(parts: UndoParts, row: UndoRow, owner: OwnerPresence): Promise<JsonObject> {
  const { store } = parts;
  const { request } = row;
  if (!store.undos.take(request)) throw gone(row, "it is under way");
  let told: DoorAnswer;
  try {
    told = await asked(parts, row, owner);
  } catch (error) {
    store.undos.giveBack(request);
    throw error;
  }
  if (told.kind !== "waiting" && !wasSent(store, told.request)) store.undos.giveBack(request);
  const isOffered = whyGone(parts, find(store, request)) === null;
  return { request, tool: row.tool, outcome: outcomeLine(told), isOffered };
}

/** What was not sent can be asked for again. */
function wasSent(store: Store, request: string): boolean {
  const entries = store.ledger.entries({ request, limit: 100 });
  return entries.some(({ kind }) => kind === "intent") && entries.every(({ facts }) => facts["reply"] !== "not-sent");
}

/** Calls as the owner, in a conversation that has read what the arguments come from, and answers what that asks. */
async function asked({ store, clock, door }: UndoParts, row: UndoRow, owner: OwnerPresence): Promise<DoorAnswer> {
  const session = `owner.undo-${row.request}`;
  const nowMs = clock.nowMs();
  store.sessions.save({ id: session, principal: "owner", label: row.label, createdAtMs: nowMs, lastAtMs: nowMs });
  const left = new AbortController();
  const { promise: waits, resolve } = Promise.withResolvers<string>();
  const quit = store.ledger.onAppend(({ session: its, kind, facts }) => {
    if (its === session && (kind === "question" || kind === "hold")) resolve(textAt(facts, "question") ?? "");
  });
  const answer = door.call({ session, principal: OWNER, tool: row.tool, args: row.args, signal: left.signal });
  const id = await Promise.race([waits, answer.then(() => null)]).finally(quit);
  if (id === null) return answer;
  const clauses = store.questions.get(id)?.clauses ?? [];
  const isFlow = clauses.some((given) => given.clause === "C1" && given.answer === "ask");
  const said = isFlow ? null : await door.answer(id, { kind: "yes" }, owner);
  if (said?.kind === "done" && said.outcome !== null) return said.outcome;
  // It still waits, for nobody: an abort stops nothing that acts.
  left.abort();
  return answer;
}
