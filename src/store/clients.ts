// Programs that may talk to the gateway. A token is 32 random bytes; only its SHA-256 is stored.

import { sha256, type Digest } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { integerOf, textOf, type Row } from "./rows.ts";

export interface ClientRow {
  readonly name: string;
  readonly tokenHash: Digest;
  readonly createdAtMs: number;
}

export interface Clients {
  /** A known name gets the new token; its old one is void. */
  put(client: ClientRow): void;
  byTokenHash(hash: Digest): ClientRow | null;
  list(): readonly ClientRow[];
  /** True when there was one. */
  remove(name: string): boolean;
}

const TOKEN_BYTES = 32;

/** The token is shown once and given to the client; the hash goes to `put`. */
export function newToken(randomBytes: (count: number) => Uint8Array): {
  readonly token: string;
  readonly hash: Digest;
} {
  const token = Buffer.from(randomBytes(TOKEN_BYTES)).toString("base64url");
  return { token, hash: tokenHash(token) };
}

export function tokenHash(token: string): Digest {
  return sha256(token);
}

export function clientsOf(database: Database): Clients {
  // Asked with every request. Only tokens that are valid are kept, and any change forgets them all.
  const found = new Map<Digest, ClientRow>();
  database.join({ begin: () => undefined, committed: () => undefined, rolledBack: () => found.clear() });
  return {
    put({ name, tokenHash: hash, createdAtMs }) {
      const sql = "INSERT OR REPLACE INTO clients VALUES (?, ?, ?)";
      database.transaction(() => database.run(sql, name, hash, createdAtMs));
      found.clear();
    },
    byTokenHash(hash) {
      const known = found.get(hash);
      if (known !== undefined) return known;
      const row = database.one("SELECT * FROM clients WHERE token_hash = ?", hash);
      if (row === null) return null;
      const client = clientOf(row);
      found.set(hash, client);
      return client;
    },
    list: () => database.all("SELECT * FROM clients ORDER BY name").map(clientOf),
    remove(name) {
      found.clear();
      return database.transaction(() => database.run("DELETE FROM clients WHERE name = ?", name) === 1);
    },
  };
}

function clientOf(row: Row): ClientRow {
  return {
    name: textOf(row, "name"),
    tokenHash: textOf(row, "token_hash"),
    createdAtMs: integerOf(row, "created_at_ms"),
  };
}
