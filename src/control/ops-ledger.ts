// Reading the ledger: the tail, one request's story, why it was decided so, and whether the chain holds.

import { once } from "node:events";
import {
  Fault,
  isObject,
  oneLine,
  textAt,
  type JsonObject,
  type JsonValue,
  type LedgerEntry,
} from "../kernel/index.ts";
import type { Stack } from "../manifest/index.ts";
import type { Store, VerifyReport } from "../store/index.ts";
import { maybeNumber, text } from "./input.ts";
import { modelLines } from "./model-lines.ts";
import type { Operation } from "./operation.ts";
import type { PolicyState } from "./policy-state.ts";

export interface LedgerParts {
  readonly store: Store;
  readonly policy: Pick<PolicyState, "current">;
  /** Runs beside the event loop: a million entries take seconds. */
  verify(): Promise<VerifyReport>;
}

const TAIL_DEFAULT = 30;
const TAIL_MAX = 1_000;

export function ledgerOperations(parts: LedgerParts): readonly Operation[] {
  return [...following(parts), ...telling(parts)];
}

function following(parts: LedgerParts): readonly Operation[] {
  const { ledger } = parts.store;
  return [
    {
      name: "ledger.tail",
      needsOwner: false,
      async run(input) {
        const limit = Math.min(TAIL_MAX, Math.max(1, maybeNumber(input, "limit") ?? TAIL_DEFAULT));
        const after = maybeNumber(input, "after") ?? Math.max(0, ledger.head().size - limit);
        return { entries: ledger.entries({ after, limit }).map((entry) => row(entry)) };
      },
    },
    {
      name: "ledger.follow",
      needsOwner: false,
      async run(_input, { emit, signal }) {
        const quit = ledger.onAppend((entry) => emit({ entry: row(entry) }));
        if (!signal.aborted) await once(signal, "abort");
        quit();
        return {};
      },
    },
    {
      name: "ledger.verify",
      needsOwner: false,
      async run() {
        const report = await parts.verify();
        return report.kind === "good" ? { ...report, head: { ...report.head } } : { ...report };
      },
    },
  ];
}

function telling({ store, policy }: LedgerParts): readonly Operation[] {
  return [
    {
      name: "show",
      needsOwner: false,
      async run(input, { owner }) {
        const { entries } = story(store, text(input, "id"));
        const withText = (entry: LedgerEntry): JsonObject =>
          owner === null || entry.commitment === null
            ? row(entry)
            : { ...row(entry), text: store.ledger.text(entry.seq) };
        return { entries: entries.map((entry) => withText(entry)) };
      },
    },
    {
      name: "why",
      needsOwner: false,
      async run(input) {
        const { request, question, entries } = story(store, text(input, "id"));
        const decided = entries.findLast((entry) => textAt(entry.facts, "because") !== null);
        return {
          request,
          question,
          decision: decided?.facts["decision"] ?? null,
          because: decided?.facts["because"] ?? null,
          lines: entries.flatMap((entry) => lines(entry, policy.current().stack.owner.currency)),
          entries: entries.map((entry) => row(entry)),
        };
      },
    },
  ];
}

interface Story {
  readonly request: string | null;
  readonly question: string | null;
  readonly entries: readonly LedgerEntry[];
}

/** A request (`r-…`), a question (`7KQ`) or an entry's number. */
function story(store: Store, given: string): Story {
  const id = given.trim();
  if (/^\d{1,15}$/.test(id)) {
    const [entry] = store.ledger.entries({ after: Number(id) - 1, limit: 1 });
    if (entry !== undefined) return entry.request === null ? alone(entry) : ofRequest(store, entry.request);
  }
  const question = store.questions.get(id.toUpperCase());
  const found = ofRequest(store, question === null ? id : question.request);
  if (found.entries.length > 0) return question === null ? found : { ...found, question: question.id };
  throw new Fault("ledger.unknown", {
    message: `the ledger knows no request, question or entry ${oneLine(id, 40)}.`,
    next: "freehold ledger tail",
  });
}

function alone(entry: LedgerEntry): Story {
  return { request: null, question: null, entries: [entry] };
}

function ofRequest(store: Store, request: string): Story {
  const entries = store.ledger.entries({ request, limit: TAIL_MAX });
  const named = entries.map((entry) => entry.facts["question"]).find((name) => typeof name === "string");
  return { request, question: typeof named === "string" ? named : null, entries };
}

export function row(entry: LedgerEntry): JsonObject {
  const { seq, atMs, kind, session, principal, subject, request, facts, hash } = entry;
  return { seq, atMs, kind, session, principal, subject, request, facts, hash };
}

function lines(entry: LedgerEntry, currency: Stack["owner"]["currency"]): readonly string[] {
  return (modelLines(entry, currency) ?? [plainLine(entry)]).map((one) => oneLine(one, 1_000));
}

function plainLine({ kind, facts, subject, principal }: LedgerEntry): string {
  const who = principal ?? "freehold";
  const fact = (name: string): string => textAt(facts, name) ?? "";
  const clauses = Array.isArray(facts["clauses"]) ? `All clauses: ${facts["clauses"].join("; ")}` : "";
  const rule = fact("rule") === "" ? "" : ` by your rule ${fact("rule")}`;
  switch (kind) {
    case "denied":
      return `${who} called ${subject}; denied by ${fact("because")}. ${clauses}`;
    case "question":
      return `${who} called ${subject}; you were asked (${fact("question")}) because of ${fact("because")}. ${clauses}`;
    case "hold":
      return `${who} called ${subject}; allowed${rule} (${fact("because")}), held as ${fact("question")}. ${clauses}`;
    case "answer":
      if (principal === null) return `${fact("question")} was cancelled while it was held`;
      if (principal !== "owner") return `${who} took ${fact("question")} back`;
      return `You answered ${fact("answer")} to ${fact("question")}`;
    case "intent":
      return `${subject} was let through${rule} (${fact("because")}) and sent. ${clauses}`;
    case "outcome":
      return `It ended with ${fact("reply")}; the answer carries the label ${labelLine(facts["label"])}`;
    case "unknown":
      return "Freehold does not know whether it happened; it will not be run again by itself";
    case "lost":
      return "The read was lost; nothing has happened";
    default:
      return `${kind} ${subject} by ${who}`;
  }
}

function labelLine(label: JsonValue | undefined): string {
  if (!isObject(label)) return "nothing";
  const compartments = Array.isArray(label["compartments"]) ? label["compartments"].join(", ") : "";
  const secret = label["secret"] === true ? ", secret" : "";
  return `${compartments === "" ? "no compartment" : compartments} (${textAt(label, "integrity") ?? ""}${secret})`;
}
