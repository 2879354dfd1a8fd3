// What waits for the owner, shown in full, and the owner's answers. Stop is anybody's, resume is the owner's.

import {
  Fault,
  isExpired,
  isObject,
  oneLine,
  parseStrict,
  reveal,
  revealJson,
  roleOf,
  TASK,
  type Clock,
  type DoorAnswer,
  type Effect,
  type JsonObject,
  type LedgerEntry,
  type OwnerAnswer,
  type OwnersDoor,
  type Question,
  type ToolCard,
} from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import { maybeNumber, maybeObject, maybeText, text, texts } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import type { PolicyState } from "./policy-state.ts";
import { taskRows } from "./together.ts";

export interface QuestionParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly door: OwnersDoor;
  readonly policy: PolicyState;
}

const LATER_MINUTES_DEFAULT = 60;
const UNKNOWN_SEEN = "unknown.seen.";

const UNDO: Readonly<Record<Effect, string>> = {
  read: "There is nothing to undo.",
  "write-reversible": "It can be undone, but not by Freehold: its card names no undo.",
  write: "Freehold cannot undo it.",
  send: "What is sent cannot be called back.",
  spend: "Money that is spent cannot be called back.",
  credential: "Change the credential if you regret it.",
  exec: "A program that ran cannot be called back.",
};

export function questionOperations(parts: QuestionParts): readonly Operation[] {
  return [...reading(parts), ...answering(parts), ...stopping(parts)];
}

function reading(parts: QuestionParts): readonly Operation[] {
  return [
    {
      name: "inbox",
      needsOwner: false,
      run: async () => ({
        questions: due(parts).map((question) => outline(question)),
        held: heldNow(parts).map((question) => outline(question)),
        unknown: unknownEffects(parts.store).map((entry) => unknownRow(entry)),
      }),
    },
    {
      name: "question.list",
      needsOwner: true,
      run: async () => ({
        questions: due(parts).map((question) => shown(parts, question)),
        held: heldNow(parts).map((question) => shown(parts, question)),
      }),
    },
    {
      name: "question.show",
      needsOwner: true,
      run: async (input) => shown(parts, find(parts.store, text(input, "id"))),
    },
  ];
}

function answering(parts: QuestionParts): readonly Operation[] {
  const { store, clock, door } = parts;
  return [
    {
      name: "question.answer",
      needsOwner: true,
      async run(input, context) {
        const { id } = find(parts.store, text(input, "id"));
        const answered = await door.answer(id, answerFrom(input, clock), requireOwner(context.owner));
        if (answered.kind === "refused") {
          throw new Fault("question.closed", { message: `question ${id}: ${answered.reason}.` });
        }
        const { question, outcome } = answered;
        const canUndo = outcome !== null && store.undos.get(question.request) !== null;
        const told = toldOf(question, outcome);
        return { id: question.id, state: question.state, outcome: told, canUndo };
      },
    },
    {
      // Anybody's: it only narrows.
      name: "hold.cancel",
      needsOwner: false,
      async run(input) {
        const { id } = find(parts.store, text(input, "id"));
        const cancelled = await door.cancel(id, (maybeText(input, "note") ?? "").slice(0, 1_000));
        if (cancelled.kind === "done") return { id, state: cancelled.question.state };
        const next = `freehold no ${id} answers a question`;
        throw new Fault("question.closed", { message: `${cancelled.reason}.`, next });
      },
    },
    {
      name: "unknown.seen",
      needsOwner: true,
      async run(input) {
        store.settings.set(UNKNOWN_SEEN + text(input, "request"), String(clock.nowMs()));
        return {};
      },
    },
  ];
}

function stopping({ door }: QuestionParts): readonly Operation[] {
  return [
    {
      name: "stop",
      needsOwner: false,
      async run(input) {
        await door.stop(maybeText(input, "reason") ?? "");
        return { stopped: true };
      },
    },
    {
      name: "resume",
      needsOwner: true,
      async run(_input, context) {
        door.resume(requireOwner(context.owner));
        return { stopped: false };
      },
    },
  ];
}

/** Open, not expired, and not put off. */
function due({ store, clock }: QuestionParts): readonly Question[] {
  const nowMs = clock.nowMs();
  return store.questions
    .list(["open"])
    .filter((question) => !isExpired(question, nowMs) && (question.laterUntilMs ?? 0) <= nowMs);
}

/** Allowed, and not yet acting; the one that ends first comes first. */
export function heldNow({ store, clock }: Pick<QuestionParts, "store" | "clock">): readonly Question[] {
  return store.questions
    .list(["held"])
    .filter((question) => !isExpired(question, clock.nowMs()))
    .toSorted((a, b) => (a.laterUntilMs ?? 0) - (b.laterUntilMs ?? 0));
}

export function find(store: Store, id: string): Question {
  const question = store.questions.get(id.trim().toUpperCase());
  if (question !== null) return question;
  throw new Fault("question.unknown", { message: `there is no question ${oneLine(id, 20)}.`, next: "freehold inbox" });
}

/** Effects that may or may not have happened and that the owner has not ticked off. */
export function unknownEffects(store: Store): readonly LedgerEntry[] {
  return store.ledger
    .entries({ kind: "unknown", limit: 200 })
    .filter((entry) => store.settings.get(UNKNOWN_SEEN + (entry.request ?? "")) === null);
}

function unknownRow(entry: LedgerEntry): JsonObject {
  return { request: entry.request, tool: entry.subject, principal: entry.principal, atMs: entry.atMs };
}

function outline(question: Question): JsonObject {
  const { id, request, binding, because, askedAtMs, state, laterUntilMs } = question;
  const { tool, principal, expiresAtMs } = binding;
  const heldUntilMs = state === "held" ? laterUntilMs : null;
  return { id, request, tool, principal, because, askedAtMs, expiresAtMs, heldUntilMs };
}

function shown(parts: QuestionParts, question: Question): JsonObject {
  const { binding } = question;
  const card = parts.policy.current().cards.get(binding.tool) ?? null;
  return {
    ...outline(question),
    state: question.state,
    sentence: question.sentence,
    session: binding.session,
    args: binding.args,
    shown: revealJson(binding.args),
    pretty: prettyArguments(binding, card),
    clauses: question.clauses.map((given) => ({ ...given })),
    label: { ...binding.label },
    policy: binding.policy,
    digest: question.digest,
    undo: card === null ? "" : undoLine(card, question),
    effect: card?.effect ?? null,
    origin: originOf(question),
    note: question.note,
  };
}

function prettyArguments({ tool, args }: Question["binding"], card: ToolCard | null): readonly JsonObject[] {
  const rows = taskRows({ tool, args })?.map(({ name, text: value }) => ({
    name: oneLine(name, 400),
    role: "critical",
    text: value
      .split("\n")
      .map(reveal)
      .map((line) => line.slice(1, -1))
      .join("\n"),
    length: value.length,
  }));
  if (rows !== undefined) return rows;
  const parsed = parseStrict(args);
  if (parsed.kind === "refused" || !isObject(parsed.value)) return [];
  return Object.entries(parsed.value).map(([name, value]) => ({
    name: oneLine(name, 200),
    role: card === null ? "critical" : roleOf(card, name),
    text: typeof value === "string" ? reveal(value).slice(1, -1) : revealJson(JSON.stringify(value)),
    length: typeof value === "string" ? value.length : JSON.stringify(value).length,
  }));
}

function originOf(question: Question): string {
  const { principal, label } = question.binding;
  const kind = principal.split(":")[0];
  if (kind === "client") {
    return `${principal.slice(7)}, a program that can also act outside Freehold; it may have read anything.`;
  }
  if (label.integrity === "third-party") return `${principal}, in a conversation that has read text of strangers.`;
  return `${principal}, in a conversation that has read nothing of strangers.`;
}

function answerFrom(input: JsonObject, clock: Clock): OwnerAnswer {
  const given = text(input, "answer");
  switch (given) {
    case "yes": {
      const args = maybeObject(input, "args");
      const endorse = texts(input, "endorse");
      const minutes = maybeNumber(input, "inMinutes");
      if (args !== null) return { kind: "yes", endorse, args };
      return minutes === null ? { kind: "yes", endorse } : { kind: "yes", endorse, untilMs: inMinutes(clock, minutes) };
    }
    case "no":
      return { kind: "no", note: (maybeText(input, "note") ?? "").slice(0, 1_000) };
    case "later":
      return {
        kind: "later",
        untilMs: inMinutes(clock, maybeNumber(input, "minutes") ?? LATER_MINUTES_DEFAULT),
      };
    default:
      throw new Fault("control.input", { message: "an answer is yes, no or later." });
  }
}

function inMinutes(clock: Clock, minutes: number): number {
  return clock.nowMs() + Math.min(24 * 60, Math.max(1, minutes)) * 60_000;
}

function undoLine(card: ToolCard, { id }: Question): string {
  if (card.undo === undefined) return UNDO[card.effect];
  return `Can be undone afterwards, once: freehold undo ${id} calls ${card.undo.tool}.`;
}

/** A yes to a whole task did nothing yet. */
export function toldOf({ binding }: Question, outcome: DoorAnswer | null): JsonObject | null {
  if (outcome === null) return null;
  return binding.tool === TASK && outcome.kind === "result" ? { kind: "agreed" } : outcomeLine(outcome);
}

export function outcomeLine(outcome: {
  readonly kind: string;
  readonly reason?: string;
  readonly question?: string;
}): JsonObject {
  return {
    kind: outcome.kind,
    ...(outcome.reason === undefined ? {} : { reason: oneLine(outcome.reason, 500) }),
    ...(outcome.question === undefined ? {} : { question: outcome.question }),
  };
}
