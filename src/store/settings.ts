// Small values that must outlive a restart, such as the kill switch and the owner's PIN hash.

import type { Database } from "./database.ts";
import { textOf } from "./rows.ts";

export interface Settings {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export function settingsOf(database: Database): Settings {
  return {
    get(key) {
      const row = database.one("SELECT value FROM settings WHERE key = ?", key);
      return row === null ? null : textOf(row, "value");
    },
    set(key, value) {
      const sql = "INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
      database.transaction(() => database.run(sql, key, value));
    },
  };
}
