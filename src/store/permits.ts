// Spent permits of effects. Invariant: for one request spend() answers true once, across restarts and processes.

import type { Permit } from "../kernel/index.ts";
import type { Database } from "./database.ts";

export type SpentPermit = Omit<Permit, "id" | "spend">;

export interface Permits {
  /** False when a permit of this request was spent before, whatever it was for. */
  spend(permit: SpentPermit): boolean;
}

export function permitsOf(database: Database, nowMs: () => number): Permits {
  return {
    spend({ request, server, method, digest }) {
      const sql = "INSERT INTO permits VALUES (?, ?, ?, ?, ?) ON CONFLICT (request) DO NOTHING";
      return database.transaction(() => database.run(sql, request, server, method, digest, nowMs()) === 1);
    },
  };
}
