// The store's parts over a real file: what is unique stays unique, what fails leaves nothing half-done.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { bindingDigest, CLEAN, Fault, type Binding, type Question, type Reservation } from "../kernel/index.ts";
import { alikeKey, newToken, openStore, tokenHash, type Store } from "./index.ts";

const NOW = 1_800_000_000_000;

interface Place {
  readonly file: string;
  nowMs: number;
  open(): Store;
}

function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), "freehold-store-"));
  const stores: Store[] = [];
  t.after(() => {
    for (const store of stores) store.close();
    rmSync(folder, { recursive: true });
  });
  const here: Place = {
    file: join(folder, "freehold.db"),
    nowMs: NOW,
    open() {
      const store = openStore({ file: here.file, sign: null, nowMs: () => here.nowMs, randomBytes });
      stores.push(store);
      return store;
    },
  };
  return here;
}

function question(id: string, change: Partial<Binding> = {}): Question {
  const binding: Binding = {
    session: "s1",
    principal: "client:claude-code",
    tool: "files.write_file",
    args: '{"path":"/a"}',
    pin: "p".repeat(64),
    policy: "q".repeat(64),
    label: { compartments: ["family"], integrity: "third-party", secret: false },
    expiresAtMs: NOW + 60_000,
    ...change,
  };
  return {
    id,
    request: `r-${id}`,
    binding,
    digest: bindingDigest(binding),
    state: "open",
    because: "C3",
    clauses: [{ clause: "C3", answer: "ask", reason: "not in your words: path", rule: "r1" }],
    sentence: "Write a file",
    askedAtMs: NOW,
    laterUntilMs: null,
    answeredAtMs: null,
    note: null,
  };
}

test("a permit is spent once, also after a restart", (t) => {
  const here = place(t);
  const permit = { request: "r1", server: "files", method: "tools/call", digest: "d".repeat(64) };
  const store = here.open();
  assert.equal(store.permits.spend(permit), true);
  assert.equal(store.permits.spend(permit), false);
  store.close();
  assert.equal(here.open().permits.spend({ ...permit, server: "other" }), false);
});

test("a question comes back as it was put in, and is answered and spent once", (t) => {
  const here = place(t);
  const store = here.open();
  store.questions.insert(question("7KQ"));
  assert.deepEqual(store.questions.get("7KQ"), question("7KQ"));
  assert.equal(store.questions.apply("7KQ", { kind: "spend" }).kind, "refused");
  assert.equal(store.questions.apply("7KQ", { kind: "yes" }).kind, "moved");
  assert.equal(store.questions.apply("7KQ", { kind: "no", note: "" }).kind, "refused");
  assert.equal(store.questions.apply("7KQ", { kind: "spend" }).kind, "moved");
  assert.equal(store.questions.apply("7KQ", { kind: "spend" }).kind, "refused");
  store.close();
  const again = here.open();
  assert.equal(again.questions.get("7KQ")?.state, "spent");
  assert.equal(again.questions.apply("7KQ", { kind: "spend" }).kind, "refused");
});

test("an unknown question is refused, not invented", (t) => {
  const store = place(t).open();
  assert.deepEqual(store.questions.apply("ZZZ", { kind: "yes" }), {
    kind: "refused",
    reason: "there is no question ZZZ",
  });
  assert.equal(store.questions.get("ZZZ"), null);
});

test("a question whose record was changed in the file can not be answered", (t) => {
  const here = place(t);
  const store = here.open();
  store.questions.insert(question("7KQ"));
  const other = new DatabaseSync(here.file);
  other.exec(`UPDATE questions SET body = replace(body, '\\"/a\\"', '\\"/b\\"')`);
  other.close();
  assert.equal(store.questions.get("7KQ")?.binding.args, '{"path":"/b"}');
  assert.deepEqual(store.questions.apply("7KQ", { kind: "yes" }), {
    kind: "refused",
    reason: "its record was changed",
  });
});

test("an identical call finds the open question; another session, an answered or an expired one does not", (t) => {
  const here = place(t);
  const store = here.open();
  const first = question("7KQ");
  store.questions.insert(first);
  assert.equal(store.questions.openAlike(alikeKey(first.binding))?.id, "7KQ");
  assert.equal(store.questions.openAlike(alikeKey({ ...first.binding, session: "s2" })), null);
  assert.equal(store.questions.openAlike(alikeKey({ ...first.binding, args: '{"path":"/b"}' })), null);
  here.nowMs = NOW + 60_000;
  assert.equal(store.questions.openAlike(alikeKey(first.binding)), null);
  here.nowMs = NOW;
  store.questions.apply("7KQ", { kind: "no", note: "not now" });
  assert.equal(store.questions.openAlike(alikeKey(first.binding)), null);
});

test("questions are listed by state, oldest first", (t) => {
  const store = place(t).open();
  for (const [at, id] of ["C", "A", "B"].entries()) store.questions.insert({ ...question(id), askedAtMs: NOW + at });
  store.questions.apply("A", { kind: "yes" });
  assert.deepEqual(
    store.questions.list(["open"]).map(({ id }) => id),
    ["C", "B"],
  );
  assert.deepEqual(
    store.questions.list(["open", "yes"]).map(({ id }) => id),
    ["C", "A", "B"],
  );
});

test("a budget never promises more than its limit, and keeps what was really spent", (t) => {
  const store = place(t).open();
  const reserve = (amount: number, account = "day") => store.budgets.reserve([{ account, amount, limit: 100 }]);
  const [first] = heldOf(reserve(60));
  assert.ok(first !== undefined);
  assert.deepEqual(reserve(41), { refused: "day" });
  assert.deepEqual(store.budgets.spent("day"), { spent: 0, held: 60 });
  store.budgets.settle(first, 10);
  store.budgets.settle(first, 10);
  assert.deepEqual(store.budgets.spent("day"), { spent: 10, held: 0 });
  assert.equal(heldOf(reserve(90)).length, 1);
  assert.deepEqual(reserve(1), { refused: "day" });
  assert.equal(heldOf(reserve(100, "other day")).length, 1);
});

test("of several budgets none holds anything unless all of them do", (t) => {
  const { budgets } = place(t).open();
  const [day, month] = [
    { account: "day", amount: 5, limit: 10 },
    { account: "month", amount: 5, limit: 8 },
  ];
  assert.equal(heldOf(budgets.reserve([day, month])).length, 2);
  assert.deepEqual(budgets.reserve([day, month]), { refused: "month" });
  assert.deepEqual(budgets.spent("day"), { spent: 0, held: 5 });
});

function heldOf(given: ReturnType<Store["budgets"]["reserve"]>): readonly Reservation[] {
  assert.ok(!("refused" in given));
  return given;
}

test("what a crash left reserved stays charged in full", (t) => {
  const here = place(t);
  const store = here.open();
  const [left] = heldOf(store.budgets.reserve([{ account: "day", amount: 60, limit: 100 }]));
  assert.deepEqual(store.budgets.orphansCharged(), []);
  const again = here.open();
  assert.deepEqual(again.budgets.orphansCharged(), [left]);
  assert.deepEqual(again.budgets.spent("day"), { spent: 60, held: 0 });
  assert.ok(left !== undefined);
  store.budgets.settle(left, 1);
  assert.deepEqual(again.budgets.spent("day"), { spent: 60, held: 0 });
});

test("amounts that are no whole numbers stop the run", (t) => {
  const { budgets } = place(t).open();
  for (const amount of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => budgets.reserve([{ account: "day", amount, limit: 100 }]), /Bug/);
  }
});

test("a session's label only ever grows, and its principal never changes", (t) => {
  const { sessions } = place(t).open();
  const row = { id: "s1", principal: "agent", label: CLEAN, createdAtMs: NOW, lastAtMs: NOW };
  const health = { compartments: ["health"], integrity: "third-party", secret: true } as const;
  sessions.save(row);
  sessions.save({ ...row, label: health, lastAtMs: NOW + 1 });
  sessions.save({ ...row, lastAtMs: NOW + 2 });
  assert.deepEqual(sessions.get("s1"), { ...row, label: health, lastAtMs: NOW + 2 });
  assert.throws(() => sessions.save({ ...row, principal: "owner" }), /Bug/);
  assert.equal(sessions.get("s2"), null);
});

test("a client is known by its token's hash; a new token voids the old one", (t) => {
  const here = place(t);
  const { clients, ...store } = here.open();
  const [old, fresh] = [newToken(randomBytes), newToken(randomBytes)];
  clients.put({ name: "cursor", tokenHash: old.hash, createdAtMs: NOW });
  assert.equal(clients.byTokenHash(tokenHash(old.token))?.name, "cursor");
  clients.put({ name: "cursor", tokenHash: fresh.hash, createdAtMs: NOW });
  assert.equal(clients.byTokenHash(tokenHash(old.token)), null);
  assert.deepEqual(clients.list(), [{ name: "cursor", tokenHash: fresh.hash, createdAtMs: NOW }]);
  store.close();
  assert.equal(readFileSync(here.file).includes(fresh.token), false);
  assert.equal(here.open().clients.remove("cursor"), true);
  assert.equal(here.open().clients.remove("cursor"), false);
});

test("settings and answers outlive a restart", (t) => {
  const here = place(t);
  const store = here.open();
  const answer = { question: "7KQ", principal: "agent", session: "s1", answer: { content: ["ok"] }, label: CLEAN };
  store.settings.set("stopped", "1");
  store.settings.set("stopped", "0");
  store.answers.put(answer);
  store.close();
  const again = here.open();
  assert.equal(again.settings.get("stopped"), "0");
  assert.equal(again.settings.get("other"), null);
  assert.deepEqual(again.answers.get("7KQ"), answer);
  assert.equal(again.answers.get("ZZZ"), null);
});

test("a failed transaction undoes everything, the ledger's head included", (t) => {
  const store = place(t).open();
  const entry = { kind: "start", session: null, principal: null, subject: "daemon", request: null, facts: {} } as const;
  store.ledger.append(entry);
  const { chain } = store.ledger.head();
  assert.throws(() =>
    store.transaction(() => {
      store.ledger.append(entry);
      store.settings.set("a", "1");
      throw new Error("later step failed");
    }),
  );
  assert.equal(store.ledger.head().chain, chain);
  assert.equal(store.settings.get("a"), null);
  assert.equal(store.ledger.append(entry).seq, 2);
});

test("a nested failure undoes the whole even when the outer work goes on", (t) => {
  const store = place(t).open();
  assert.throws(
    () =>
      store.transaction(() => {
        store.settings.set("a", "1");
        try {
          store.transaction(() => {
            throw new Error("inner failed");
          });
        } catch {
          // Caught on purpose: the transaction must fail all the same.
        }
      }),
    /inner failed/,
  );
  assert.equal(store.settings.get("a"), null);
  assert.throws(() => store.transaction(() => Promise.resolve()), /asynchronous/);
});

test("durable() resolves after a commit, for many callers at once, and for nothing new", async (t) => {
  const store = place(t).open();
  await store.durable();
  const waits = Array.from({ length: 50 }, (_, at) => {
    store.settings.set(`k${at}`, "v");
    return store.durable();
  });
  assert.ok(new Set(waits).size <= 3, "callers share a sync");
  await Promise.all(waits);
  await store.durable();
});

test("waiting for a store that is closed meanwhile fails instead of hanging", async (t) => {
  const store = place(t).open();
  store.settings.set("a", "1");
  const first = store.durable();
  store.settings.set("a", "2");
  const second = store.durable();
  store.close();
  await Promise.allSettled([first]);
  await assert.rejects(second, (error: unknown) => error instanceof Fault && error.code === "store.closed");
  await assert.rejects(store.durable(), Fault);
});

test("the state is readable by its user alone", (t) => {
  const here = place(t);
  here.open();
  for (const file of [here.file, `${here.file}-wal`, `${here.file}-shm`]) {
    assert.equal(statSync(file).mode & 0o077, 0, file);
  }
});

test("closing empties the write-ahead log into the file", (t) => {
  const here = place(t);
  const store = here.open();
  store.settings.set("a", "1");
  store.close();
  store.close();
  assert.equal(existsSync(`${here.file}-wal`), false);
  assert.equal(here.open().settings.get("a"), "1");
});

test("state of a newer Freehold is refused", (t) => {
  const here = place(t);
  here.open().close();
  const other = new DatabaseSync(here.file);
  other.exec("PRAGMA user_version = 999");
  other.close();
  assert.throws(
    () => here.open(),
    (error: unknown) => error instanceof Fault && error.code === "store.newer-schema",
  );
});

test("a missing folder and a file that is no database are faults that say what to do", (t) => {
  const here = place(t);
  const options = { sign: null, nowMs: () => NOW, randomBytes };
  const folder = `${here.file}-absent/x.db`;
  const isFault = (code: string) => (error: unknown) =>
    error instanceof Fault && error.code === code && error.next !== "";
  assert.throws(() => openStore({ ...options, file: folder }), isFault("store.cannot-open"));
  assert.throws(() => openStore({ ...options, file: import.meta.filename }), isFault("store.damaged"));
});

test("how many questions wait stays right when a question is answered or its asking is undone", (t) => {
  const store = place(t).open();
  assert.equal(store.questions.countOpen("client:nobody"), 0);
  store.questions.insert(question("7KQ"));
  const { principal } = question("7KQ").binding;
  assert.equal(store.questions.countOpen(principal), 1);
  assert.throws(() =>
    store.transaction(() => {
      store.questions.insert(question("8KQ", { tool: "mail.other" }));
      assert.equal(store.questions.countOpen(principal), 2);
      throw new Error("later step failed");
    }),
  );
  assert.equal(store.questions.countOpen(principal), 1);
  store.questions.apply("7KQ", { kind: "no", note: "" });
  assert.equal(store.questions.countOpen(principal), 0);
});

test("a token that was used before is unknown once its client is removed", (t) => {
  const store = place(t).open();
  const { token, hash } = newToken(randomBytes);
  store.clients.put({ name: "shell", tokenHash: hash, createdAtMs: NOW });
  assert.equal(store.clients.byTokenHash(tokenHash(token))?.name, "shell");
  assert.equal(store.clients.byTokenHash(tokenHash(token))?.name, "shell");
  store.clients.remove("shell");
  assert.equal(store.clients.byTokenHash(tokenHash(token)), null);
});
