// The database's tables, as numbered migrations. A migration that was published is never edited; add the next one.

/** Migration N brings the file from user_version N-1 to N. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    session TEXT,
    principal TEXT,
    subject TEXT NOT NULL,
    request TEXT,
    facts TEXT NOT NULL,
    commitment TEXT
  ) STRICT;
  CREATE INDEX entries_request ON entries (request) WHERE request IS NOT NULL;
  CREATE INDEX entries_kind ON entries (kind);
  CREATE TABLE texts (seq INTEGER PRIMARY KEY REFERENCES entries (seq), salt TEXT, text TEXT) STRICT;
  CREATE TABLE heads (
    size INTEGER PRIMARY KEY,
    chain TEXT NOT NULL,
    root TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    peaks TEXT NOT NULL,
    signature TEXT
  ) STRICT;
  CREATE TABLE unfinished (request TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE rule_uses (rule TEXT, at_ms INTEGER, seq INTEGER, PRIMARY KEY (rule, at_ms, seq)) STRICT, WITHOUT ROWID;

  CREATE TABLE permits (
    request TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    method TEXT NOT NULL,
    digest TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    alike TEXT NOT NULL,
    session TEXT NOT NULL,
    asked_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX questions_state ON questions (state, asked_at_ms);
  CREATE INDEX questions_alike ON questions (alike) WHERE state = 'open';
  CREATE INDEX questions_session ON questions (session) WHERE state = 'open';

  CREATE TABLE answers (
    question TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    answer TEXT NOT NULL,
    label TEXT NOT NULL
  ) STRICT;

  CREATE TABLE accounts (account TEXT PRIMARY KEY, spent INTEGER NOT NULL, held INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE reservations (id TEXT PRIMARY KEY, account TEXT NOT NULL, amount INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE clients (name TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, created_at_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE handles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    result TEXT NOT NULL,
    label TEXT NOT NULL,
    taken INTEGER NOT NULL
  ) STRICT;
  `,
  // Which intents are open is known in memory; a head says from where to look for them after a crash. The two commonest
  // kinds need no index of kinds: every call writes both.
  `
  DROP TABLE unfinished;
  ALTER TABLE heads ADD COLUMN open_from INTEGER NOT NULL DEFAULT 1;
  DROP INDEX entries_kind;
  CREATE INDEX entries_kind ON entries (kind) WHERE kind NOT IN ('intent', 'outcome');
  `,
  // An identical call joins what is held as it joins a question.
  `
  DROP INDEX questions_alike;
  CREATE INDEX questions_alike ON questions (alike) WHERE state IN ('open', 'held');
  `,
  `
  CREATE TABLE undos (
    request TEXT PRIMARY KEY,
    ran TEXT NOT NULL,
    tool TEXT NOT NULL,
    args TEXT NOT NULL,
    label TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    used_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE turns (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (session, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_first ON turns (session) WHERE seq = 1;
  `,
];

/** `user_version` of a file that this build has written. */
export const SCHEMA_VERSION = MIGRATIONS.length;
