// Spent permits of effects. Invariant: for one request spend() answers true once, across restarts and processes.

import type { Digest } from "../kernel/index.ts";
import type { Database } from "./database.ts";

export interface SpentPermit {
  readonly request: string;
  readonly server: string;
  readonly method: string;
  /** SHA-256 of the canonical parameters that are sent. */
  readonly digest: Digest;
}

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
