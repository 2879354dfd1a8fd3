// Questions as they stand. Only the kernel's step() moves one, and the move and its record are one transaction.
// Invariant: a question whose stored binding no longer has its digest can not be answered or spent.

import { bindingDigest, digestOf, isExpired, step } from "../kernel/index.ts";
import type { Binding, Digest, Question, QuestionEvent, QuestionState, Step } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { bodyOf, questionOf } from "./question-rows.ts";
import { integerOf } from "./rows.ts";

export interface Questions {
  insert(question: Question): void;
  get(id: string): Question | null;
  /** Oldest first. */
  list(states: readonly QuestionState[]): readonly Question[];
  /** The identical call where it waits or is held, unexpired; key from `alikeKey`. */
  openAlike(key: Digest): Question | null;
  /** How many that one principal asked still wait or are held, whatever its conversations. */
  countOpen(principal: string): number;
  apply(id: string, event: QuestionEvent): Step;
}

const LIST_MAX = 1_000;
const COUNTS_MAX = 5_000;
/** An expired question waits for nobody. */
const COUNT_OPEN =
  "SELECT count(*) AS n, min(body ->> '$.binding.expiresAtMs') AS until FROM questions" +
  " WHERE state IN ('open', 'held') AND body ->> '$.binding.principal' = ? AND body ->> '$.binding.expiresAtMs' > ?";

/** Calls with one key are the same call by the same session: they join one question. */
export function alikeKey(call: Pick<Binding, "session" | "principal" | "tool" | "args" | "pin">): Digest {
  const { session, principal, tool, args, pin } = call;
  return digestOf({ session, principal, tool, args, pin });
}

export function questionsOf(database: Database, nowMs: () => number): Questions {
  const get = (id: string): Question | null => {
    const row = database.one("SELECT body FROM questions WHERE id = ?", id);
    return row === null ? null : questionOf(row);
  };
  // Asked with every call. Any change of a question forgets them all.
  const counts = new Map<string, { readonly count: number; readonly untilMs: number }>();
  database.join({ begin: () => undefined, committed: () => undefined, rolledBack: () => counts.clear() });
  return {
    get,
    insert(question) {
      const { id, state, askedAtMs, binding } = question;
      const values = [id, state, alikeKey(binding), binding.session, askedAtMs, bodyOf(question)];
      database.transaction(() => database.run("INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?)", ...values));
      counts.clear();
    },
    list(states) {
      const sql = "SELECT body FROM questions WHERE state = ? ORDER BY asked_at_ms DESC LIMIT ?";
      const found = states.flatMap((state) => database.all(sql, state, LIST_MAX).map(questionOf));
      return found.toSorted((a, b) => a.askedAtMs - b.askedAtMs);
    },
    openAlike(key) {
      const rows = database.all("SELECT body FROM questions WHERE state IN ('open', 'held') AND alike = ?", key);
      return rows.map(questionOf).find((question) => !isExpired(question, nowMs())) ?? null;
    },
    countOpen(principal) {
      const known = counts.get(principal);
      if (known !== undefined && nowMs() < known.untilMs) return known.count;
      const row = database.one(COUNT_OPEN, principal, nowMs());
      const count = row === null ? 0 : integerOf(row, "n");
      const untilMs = row === null || count === 0 ? Infinity : integerOf(row, "until");
      if (counts.size >= COUNTS_MAX) counts.clear();
      counts.set(principal, { count, untilMs });
      return count;
    },
    apply: (id, event) =>
      database.transaction(() => {
        const question = get(id);
        if (question === null) return { kind: "refused", reason: `there is no question ${id}` };
        if (bindingDigest(question.binding) !== question.digest) {
          return { kind: "refused", reason: "its record was changed" };
        }
        const result = step(question, event, nowMs());
        if (result.kind === "moved") {
          const sql = "UPDATE questions SET state = ?, body = ? WHERE id = ?";
          database.run(sql, result.question.state, bodyOf(result.question), id);
          counts.clear();
        }
        return result;
      }),
  };
}
