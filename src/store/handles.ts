// Results that are kept from a conversation and only named to it.

import { canonical, type JsonObject, type Label } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { labelFrom, labelText } from "./labels.ts";
import { integerOf, objectOf, textOf } from "./rows.ts";

const TRIES_MAX = 100;

export interface HandleRow {
  /** `q:17` */
  readonly id: string;
  readonly session: string;
  readonly result: JsonObject;
  readonly label: Label;
  /** How often something was taken out of it. */
  readonly taken: number;
}

export interface Handles {
  put(kept: Pick<HandleRow, "session" | "result" | "label">): string;
  get(id: string): HandleRow | null;
  /** Counts one more taking and answers the new count. */
  take(id: string): number;
}

type RandomBytes = (count: number) => Uint8Array;

/** Names are drawn by lot: a running number would tell each conversation how much the others have kept. */
export function handlesOf(database: Database, randomBytes: RandomBytes): Handles {
  const numberOf = (id: string): number => (/^q:\d{1,15}$/.test(id) ? Number(id.slice(2)) : 0);
  return {
    put({ session, result, label }) {
      const sql = "INSERT INTO handles (id, session, result, label, taken) VALUES (?, ?, ?, ?, 0)";
      return database.transaction(() => {
        const id = freeNumber(database, randomBytes);
        database.run(sql, id, session, canonical(result), labelText(label));
        return `q:${id}`;
      });
    },
    get(id) {
      const row = database.one("SELECT * FROM handles WHERE id = ?", numberOf(id));
      if (row === null) return null;
      return {
        id,
        session: textOf(row, "session"),
        result: objectOf(row, "result"),
        label: labelFrom(row, "label"),
        taken: integerOf(row, "taken"),
      };
    },
    take(id) {
      return database.transaction(() => {
        database.run("UPDATE handles SET taken = taken + 1 WHERE id = ?", numberOf(id));
        const row = database.one("SELECT taken FROM handles WHERE id = ?", numberOf(id));
        return row === null ? 0 : integerOf(row, "taken");
      });
    },
  };
}

function freeNumber(database: Database, randomBytes: RandomBytes): number {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const id = 1 + Buffer.from(randomBytes(4)).readUInt32BE();
    if (database.one("SELECT id FROM handles WHERE id = ?", id) === null) return id;
  }
  throw new Error("Bug: no free name for a handle");
}
