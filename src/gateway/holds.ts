// Wakes the door when a hold has ended. A hold is a time in which the owner can cancel, so it begins anew after a
// start, a resume and a sleep of the machine, and does not end in the quiet hours. What then happens the door decides.

import type { Clock, OwnersDoor, Question } from "../kernel/index.ts";
import { endOfWait, isQuiet } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { holdLength } from "./hold-length.ts";
import type { ActivePolicy } from "./policy.ts";

export interface HoldsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly door: Pick<OwnersDoor, "carryOutHeld" | "isStopped">;
  readonly policy: () => ActivePolicy;
  readonly onFault: (error: unknown) => void;
  /** Answers how to call it off. */
  readonly wake?: (run: () => void, afterMs: number) => () => void;
}

export interface Holds {
  close(): void;
}

/** For what is held though its card and compartment name no hold now. */
const LENGTH_MS = 30_000;
const LOOK_MS = 60_000;
/** What could not be carried out is tried again after this. */
const RETRY_MS = 5_000;
/** A timer this late means that the machine slept. */
const SLEPT_MS = 30_000;
const NEWS: readonly string[] = ["hold", "answer", "resume"];

export function watchHolds(parts: HoldsParts): Holds {
  const { store, clock, door, onFault } = parts;
  const wake = parts.wake ?? wakeByTimer;
  let callOff: () => void = () => undefined;
  let nextLookMs = Infinity;
  let isClosed = false;

  function look(): void {
    callOff();
    if (isClosed) return;
    const nowMs = clock.nowMs();
    if (nowMs - nextLookMs > SLEPT_MS) beginAnew(parts);
    const held = heldNow(store, nowMs);
    const due = held.filter((question) => endOf(question) <= nowMs);
    if (due.length > 0 && !door.isStopped() && !isQuiet(parts.policy().stack.owner, nowMs)) {
      door.carryOutHeld().catch(onFault);
    }
    const waits = held.map((question) => (due.includes(question) ? RETRY_MS : endOf(question) - nowMs));
    const afterMs = Math.min(LOOK_MS, ...waits);
    nextLookMs = held.length === 0 ? Infinity : nowMs + afterMs;
    callOff = held.length === 0 ? () => undefined : wake(look, afterMs);
  }

  const quit = store.ledger.onAppend(({ kind }) => {
    if (isClosed || !NEWS.includes(kind)) return;
    if (kind === "resume") beginAnew(parts);
    look();
  });
  beginAnew(parts);
  look();
  return {
    close() {
      isClosed = true;
      quit();
      callOff();
    },
  };
}

function heldNow(store: Store, nowMs: number): readonly Question[] {
  return store.questions.list(["held"]).filter(({ binding }) => binding.expiresAtMs > nowMs);
}

function endOf({ laterUntilMs }: Question): number {
  return laterUntilMs ?? Infinity;
}

/** Every hold has its whole length before it again; none becomes shorter. */
function beginAnew({ store, clock, policy }: HoldsParts): void {
  const nowMs = clock.nowMs();
  for (const question of heldNow(store, nowMs)) {
    const lengthMs = holdLength(policy(), question.binding.tool) || LENGTH_MS;
    const untilMs = endOfWait(policy().stack.owner, nowMs, lengthMs);
    if (untilMs > endOf(question)) store.questions.apply(question.id, { kind: "later", untilMs });
  }
}

function wakeByTimer(run: () => void, afterMs: number): () => void {
  const timer = setTimeout(run, afterMs).unref();
  return () => clearTimeout(timer);
}
