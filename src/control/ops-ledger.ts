// Reading the ledger: the tail, one request's story, why it was decided so, and whether the chain holds.

import { Fault, oneLine, type JsonObject, type LedgerEntry } from "../kernel/index.ts";
import type { Store, VerifyReport } from "../store/index.ts";
import { maybeNumber, text } from "./input.ts";
import type { Operation } from "./operation.ts";

export interface LedgerParts {
  readonly store: Store;
  /** Runs beside the event loop: a million entries take seconds. */
  verify(): Promise<VerifyReport>;
}

const TAIL_DEFAULT = 30;
const TAIL_MAX = 1_000;

export function ledgerOperations(parts: LedgerParts): readonly Operation[] {
  const { ledger } = parts.store;
  return [
    {
      name: "ledger.tail",
      needsOwner: false,
      async run(input) {
        const limit = Math.min(TAIL_MAX, Math.max(1, maybeNumber(input, "limit") ?? TAIL_DEFAULT));
        const after = maybeNumber(input, "after") ?? Math.max(0, ledger.head().size - limit);
        return { entries: ledger.entries({ after, limit }).map(row) };
      },
    },
    {
      name: "ledger.follow",
      needsOwner: false,
      run: (_input, { emit, signal }) =>
        new Promise((resolve) => {
          const quit = ledger.onAppend((entry) => emit({ entry: row(entry) }));
          const end = (): void => {
            quit();
            resolve({});
          };
          if (signal.aborted) end();
          else signal.addEventListener("abort", end, { once: true });
        }),
    },
    {
      name: "ledger.verify",
      needsOwner: false,
      async run() {
        const report = await parts.verify();
        return report.kind === "good" ? { ...report, head: { ...report.head } } : { ...report };
      },
    },
    {
      name: "show",
      needsOwner: false,
      async run(input, { owner }) {
        const { entries } = story(parts.store, text(input, "id"));
        return {
          entries: entries.map((entry) =>
            owner === null || entry.commitment === null ? row(entry) : { ...row(entry), text: ledger.text(entry.seq) },
          ),
        };
      },
    },
    {
      name: "why",
      needsOwner: false,
      async run(input) {
        const { request, question, entries } = story(parts.store, text(input, "id"));
        const decided = entries.findLast((entry) => typeof entry.facts["because"] === "string");
        return {
          request,
          question,
          decision: decided?.facts["decision"] ?? null,
          because: decided?.facts["because"] ?? null,
          lines: entries.map(line),
          entries: entries.map(row),
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

function line(entry: LedgerEntry): string {
  const { kind, facts, subject } = entry;
  const who = entry.principal ?? "freehold";
  const clauses = Array.isArray(facts["clauses"]) ? facts["clauses"].join("; ") : "";
  const because = typeof facts["because"] === "string" ? facts["because"] : "";
  const rule = typeof facts["rule"] === "string" ? ` by your rule ${facts["rule"]}` : "";
  switch (kind) {
    case "denied":
      return oneLine(`${who} called ${subject}; denied by ${because}. All clauses: ${clauses}`, 1_000);
    case "question":
      return oneLine(
        `${who} called ${subject}; you were asked (${String(facts["question"])}) because of ${because}. All clauses: ${clauses}`,
        1_000,
      );
    case "answer":
      return oneLine(`You answered ${String(facts["answer"])} to ${String(facts["question"])}`, 200);
    case "intent":
      return oneLine(`${subject} was let through${rule} (${because}) and sent. All clauses: ${clauses}`, 1_000);
    case "outcome":
      return oneLine(
        `It ended with ${String(facts["reply"])}; the answer carries the label ${JSON.stringify(facts["label"])}`,
        500,
      );
    case "unknown":
      return "Freehold does not know whether it happened; it will not be run again by itself";
    case "lost":
      return "The read was lost; nothing has happened";
    default:
      return oneLine(`${kind} ${subject} by ${who}`, 300);
  }
}
