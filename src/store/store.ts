// Opens the state database and gives each of its parts; nothing outside this room sees SQL.

import type { Sign } from "../kernel/index.ts";
import { answersOf, type Answers } from "./answers.ts";
import { budgetsOf, type Budgets } from "./budgets.ts";
import { clientsOf, type Clients } from "./clients.ts";
import { openDatabase } from "./database.ts";
import { durabilityOf } from "./durable.ts";
import { handlesOf, type Handles } from "./handles.ts";
import { ledgerOf, type Ledger } from "./ledger.ts";
import { migrateOnCopy } from "./migrate.ts";
import { permitsOf, type Permits } from "./permits.ts";
import { questionsOf, type Questions } from "./questions.ts";
import { MIGRATIONS } from "./schema.ts";
import { sessionsOf, type Sessions } from "./sessions.ts";
import { settingsOf, type Settings } from "./settings.ts";
import { turnsOf, type Turns } from "./turns.ts";
import { undosOf, type Undos } from "./undos.ts";

export interface Store {
  readonly ledger: Ledger;
  readonly permits: Permits;
  readonly questions: Questions;
  readonly sessions: Sessions;
  readonly clients: Clients;
  readonly budgets: Budgets;
  readonly settings: Settings;
  readonly answers: Answers;
  readonly handles: Handles;
  readonly undos: Undos;
  readonly turns: Turns;
  /** BEGIN IMMEDIATE; a nested call joins the outer one, and its failure undoes the whole even when it is caught. */
  readonly transaction: <T>(work: () => T) => T;
  /**
   * One transaction for all works of this turn of the event loop: a commit costs more than an entry. Resolves once it
   * is committed. A work that throws undoes only itself; it may be run twice, so it changes nothing but the store.
   */
  readonly together: <T>(work: () => T) => Promise<T>;
  /** Resolves when everything committed so far is on disk. Rejects with `store.not-durable`: then nothing may act. */
  readonly durable: () => Promise<void>;
  /** Signs a head, empties the write-ahead log into the file, closes. A second call does nothing. */
  close(): void;
}

export interface StoreOptions {
  readonly file: string;
  readonly sign: Sign | null;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** For the ledger's texts: takes the values of secrets out. */
  readonly mask?: (text: string) => string;
}

/** Only one process may hold a home's store; the home's lock sees to it. Faults: `store.*`. */
export function openStore(options: StoreOptions): Store {
  const { file, sign, nowMs, randomBytes, mask = (text: string) => text } = options;
  migrateOnCopy({ file, migrations: MIGRATIONS });
  const database = openDatabase(file);
  try {
    const ledger = ledgerOf({ database, sign, nowMs, randomBytes, mask });
    const budgets = budgetsOf(database, randomBytes);
    const durability = durabilityOf({ file, commits: database.commits });
    let isClosed = false;
    return {
      ledger,
      budgets,
      permits: permitsOf(database, nowMs),
      questions: questionsOf(database, nowMs),
      sessions: sessionsOf(database),
      clients: clientsOf(database),
      settings: settingsOf(database),
      answers: answersOf(database),
      handles: handlesOf(database, randomBytes),
      undos: undosOf(database, nowMs),
      turns: turnsOf(database, nowMs),
      transaction: database.transaction,
      together: database.together,
      durable: durability.durable,
      close() {
        if (isClosed) return;
        isClosed = true;
        try {
          ledger.signHead();
          database.checkpoint();
        } finally {
          durability.close();
          database.close();
        }
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
