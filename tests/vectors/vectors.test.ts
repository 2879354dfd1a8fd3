// Drives the vectors of policy, questions and ledger through the kernel and the store.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Validator, type Schema } from "@cfworker/json-schema";
import {
  agree,
  beginRequest,
  bindingDigest,
  checkEntry,
  commit,
  decide,
  EMPTY_TREE,
  endorse,
  GENESIS,
  grow,
  headText,
  indexRules,
  noProvenance,
  noteResult,
  principalFrom,
  propose,
  seal,
  spend,
  step,
  treeRoot,
  type Answer,
  type Binding,
  type CapName,
  type Facts,
  type ForeseenCall,
  type Head,
  type JsonObject,
  type JsonValue,
  type Label,
  type LedgerEntry,
  type Provenance,
  type Question,
  type QuestionEvent,
  type Rule,
  type ToolCard,
} from "../../src/kernel/index.ts";
import { openStore, verifyLedger } from "../../src/store/index.ts";

/** The one parser of vector files: their shapes are what README.md says. */
function read<T>(path: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8")) as T;
}

const schemas = new Map(
  ["card", "rule", "ledger-entry", "question"].map((name) => {
    return [name, new Validator(read<Schema>(`schemas/${name}.schema.json`), "2020-12")] as const;
  }),
);

function assertFits(name: string, value: unknown): void {
  const result = schemas.get(name)?.validate(value);
  assert.ok(result?.valid === true, `${name}: ${JSON.stringify(result?.errors)}`);
}

// Policy

interface CompactSession {
  readonly label: Label;
  readonly words: string | null;
  readonly outline: Readonly<Record<string, number>> | null;
  readonly endorsed: readonly JsonObject[];
  readonly readings: readonly CompactReading[];
  /** What the owner said yes to beforehand: the outline stays as it is, calls hold for themselves. */
  readonly task: readonly ForeseenCall[];
  readonly isProposed: boolean;
  /** Effects that ran since. */
  readonly ran: readonly Pick<ForeseenCall, "tool" | "args">[];
}

/** A result that the session was given before the call. */
interface CompactReading {
  readonly tool: string;
  readonly trust: ToolCard["result"]["trust"];
  readonly ids: readonly string[];
  readonly args: JsonObject;
  readonly structured: JsonValue;
  readonly wasClean: boolean;
}

interface CompactFacts extends Pick<
  Facts,
  "nowMs" | "stopped" | "tool" | "args" | "pin" | "schemaFault" | "overBudget" | "caps" | "handles" | "receiver"
> {
  readonly principal: string;
  readonly card: (Partial<Omit<ToolCard, "result">> & { readonly result?: Partial<ToolCard["result"]> }) | null;
  readonly session: Partial<CompactSession>;
  readonly sink: Partial<Facts["sink"]>;
  readonly rules: readonly Partial<Rule>[];
  readonly uses: Readonly<Record<string, number>>;
  readonly used: Readonly<Partial<Record<CapName, number>>>;
}

interface Defaults extends CompactFacts {
  readonly card: Pick<ToolCard, "effect" | "roles" | "result">;
  readonly session: CompactSession;
  readonly sink: Facts["sink"];
  readonly rule: Rule;
}

interface PolicyCase {
  readonly name: string;
  readonly facts: Partial<CompactFacts>;
  readonly expect: { readonly kind: Answer; readonly because: string };
}

const defaults = read<Defaults>("policy/defaults.json");

function factsOf(given: Partial<CompactFacts>): Facts {
  const all = { ...defaults, ...given };
  const session = { ...defaults.session, ...given.session };
  const result = { ...defaults.card.result, ...given.card?.result };
  const base = { tool: all.tool, ids: [], pin: "0".repeat(64), ...defaults.card };
  const provenance = provenanceOf(session);
  const rules = all.rules.map((rule) => ({ ...defaults.rule, ...rule }));
  return {
    ...all,
    principal: principalFrom(all.principal),
    card: given.card === null ? null : { ...base, ...given.card, result },
    session: {
      ...provenance,
      label: session.label,
    },
    sink: { ...defaults.sink, ...given.sink },
    rules: indexRules(rules),
    usesToday: (rule) => all.uses[rule] ?? 0,
    usedOf: (cap) => all.used[cap] ?? 0,
  };
}

function provenanceOf(session: CompactSession): Provenance {
  const { words, outline, endorsed, readings, task, isProposed, ran } = session;
  const provenance = noProvenance();
  beginRequest(provenance, words, outline === null ? null : new Map(Object.entries(outline)));
  if (isProposed) propose(provenance);
  for (const value of endorsed) endorse(provenance, value);
  const cardOf = (tool: string): ToolCard => ({ ...defaults.card, tool, ids: [], pin: "0".repeat(64) });
  agree(provenance, { outline: null, calls: task }, { question: "7KQ", cardOf });
  for (const { tool, args } of ran) spend(provenance, tool, args);
  for (const { tool, trust, ids, args, structured, wasClean } of readings) {
    const result = { ...defaults.card.result, trust };
    const card = { ...defaults.card, effect: "read", tool, ids, result, pin: "0".repeat(64) } as const;
    noteResult(provenance, { card, args, structured, wasClean });
  }
  return provenance;
}

const policyFiles = readdirSync(join(import.meta.dirname, "policy")).filter((file) => file !== "defaults.json");
const policyCases = policyFiles.flatMap((file) =>
  read<{ cases: readonly PolicyCase[] }>(`policy/${file}`).cases.map((each) => ({ file, ...each })),
);

for (const { file, name, facts: given, expect } of policyCases) {
  test(`policy/${file}: ${name}: ${expect.kind} because of ${expect.because}`, () => {
    const facts = factsOf(given);
    if (facts.card !== null) assertFits("card", facts.card);
    for (const rule of facts.rules.for(facts.tool)) assertFits("rule", rule);
    const decision = decide(facts);
    assert.deepEqual(
      [decision.kind, decision.because],
      [expect.kind, expect.because],
      JSON.stringify(decision.clauses),
    );
  });
}

test("each clause gives each of its answers in some vector", () => {
  const given = new Set(
    policyCases.flatMap(({ facts }) =>
      decide(factsOf(facts)).clauses.map(({ clause, answer }) => `${clause} ${answer}`),
    ),
  );
  const all = [
    "C0 deny",
    "C1 ask",
    "C1 deny",
    "C2 allow",
    "C2 deny",
    "C3 allow",
    "C3 ask",
    "C3 deny",
    "C4 ask",
    "C5 ask",
  ];
  assert.deepEqual([...given].sort(), all);
});

// Questions

const bindings = read<{ cases: readonly { name: string; binding: Binding; digest: string }[] }>(
  "question/digests.json",
);

for (const { name, binding, digest } of bindings.cases) {
  test(`question/digests.json: ${name}`, () => assert.equal(bindingDigest(binding), digest));
}

test("no two bindings have one digest", () => {
  assert.equal(new Set(bindings.cases.map(({ digest }) => digest)).size, bindings.cases.length);
});

interface QuestionCase {
  readonly name: string;
  readonly steps: readonly {
    readonly event: QuestionEvent;
    readonly atMs: number;
    readonly state: string;
    readonly refused?: string;
  }[];
}

function openQuestion(): Question {
  const [first] = bindings.cases;
  assert.ok(first !== undefined);
  const answers = { laterUntilMs: null, answeredAtMs: null, note: null };
  const clauses = [{ clause: "C3", answer: "ask", reason: "not in your words: to" }] as const;
  const bound = { request: "r1", binding: first.binding, digest: first.digest, because: "C3" } as const;
  return { id: "7KQ", ...bound, clauses, sentence: "Send a mail", state: "open", askedAtMs: 0, ...answers };
}

for (const { name, steps } of read<{ cases: readonly QuestionCase[] }>("question/steps.json").cases) {
  test(`question/steps.json: ${name}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "freehold-vectors-"));
    let nowMs = 0;
    const store = openStore({ file: join(folder, "f.db"), sign: null, nowMs: () => nowMs, randomBytes });
    t.after(() => {
      store.close();
      rmSync(folder, { recursive: true });
    });
    let question = openQuestion();
    store.questions.insert(question);
    for (const { event, atMs, state, refused } of steps) {
      nowMs = atMs;
      const result = step(question, event, atMs);
      assert.deepEqual(store.questions.apply("7KQ", event), result);
      assert.equal(result.kind === "refused" ? result.reason : undefined, refused);
      if (result.kind === "moved") question = result.question;
      assert.equal(question.state, state);
      assertFits("question", question);
      assert.deepEqual(store.questions.get("7KQ"), question);
    }
  });
}

// Ledger

interface ChainStep {
  readonly entry: LedgerEntry;
  readonly text?: string;
  readonly salt?: string;
  readonly root: string;
}

const chain = read<{ genesis: string; emptyRoot: string; steps: readonly ChainStep[]; head: Head; headText: string }>(
  "ledger/chain.json",
);

test("ledger/chain.json: hashes, commitments and roots are those of the vectors", () => {
  assert.equal(GENESIS, chain.genesis);
  assert.equal(treeRoot(EMPTY_TREE), chain.emptyRoot);
  assert.equal(headText(chain.head), chain.headText);
  let [prev, tree] = [GENESIS, EMPTY_TREE];
  for (const { entry, text, salt = "", root } of chain.steps) {
    const { seq, prev: before, hash, ...body } = entry;
    assertFits("ledger-entry", entry);
    assert.deepEqual(seal(seq, before, body), entry);
    assert.deepEqual(checkEntry(entry, tree.size + 1, prev), { kind: "good" });
    assert.equal(text === undefined ? null : commit(salt, text), entry.commitment);
    [prev, tree] = [hash, grow(tree, hash)];
    assert.equal(treeRoot(tree), root);
  }
});

test("ledger/chain.json: the store writes the very same ledger, and it verifies", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "freehold-vectors-"));
  const file = join(folder, "f.db");
  let at: ChainStep | undefined;
  const store = openStore({
    file,
    sign: null,
    nowMs: () => at?.entry.atMs ?? chain.head.atMs,
    randomBytes: () => Buffer.from(at?.salt ?? "", "hex"),
  });
  t.after(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  for (const each of chain.steps) {
    at = each;
    const { kind, session, principal, subject, request, facts } = each.entry;
    const text = each.text === undefined ? {} : { text: each.text };
    assert.deepEqual(store.ledger.append({ kind, session, principal, subject, request, facts, ...text }), each.entry);
    assert.equal(store.ledger.head().root, each.root);
  }
  const report = await verifyLedger({ file, publicKeyPem: null, anchors: [{ head: chain.head, signature: "" }] });
  assert.deepEqual(report, { kind: "good", entries: 12, signedHeads: 1, head: chain.head });
});

type Edit =
  | {
      readonly kind: "set" | "rewrite";
      readonly seq: number;
      readonly field: keyof LedgerEntry;
      readonly value: unknown;
    }
  | { readonly kind: "text"; readonly seq: number; readonly text: string | null }
  | { readonly kind: "drop" | "repeat"; readonly seq: number }
  | { readonly kind: "swap" | "swap-contents"; readonly seqs: readonly [number, number] }
  | { readonly kind: "cut"; readonly after: number };

interface Kept {
  readonly entry: LedgerEntry;
  readonly text: string | null;
  readonly salt: string;
}

function edited(kept: readonly Kept[], edit: Edit): readonly Kept[] {
  const list = [...kept];
  const at = (seq: number): Kept => list[seq - 1] ?? assert.fail("no such entry");
  switch (edit.kind) {
    case "cut":
      return list.slice(0, edit.after);
    case "drop":
      return list.filter(({ entry }) => entry.seq !== edit.seq);
    case "repeat":
      return list.toSpliced(edit.seq, 0, at(edit.seq));
    case "text":
      return list.with(edit.seq - 1, { ...at(edit.seq), text: edit.text });
    case "set":
      return list.with(edit.seq - 1, { ...at(edit.seq), entry: { ...at(edit.seq).entry, [edit.field]: edit.value } });
    case "swap":
    case "swap-contents": {
      const [a, b] = [at(edit.seqs[0]), at(edit.seqs[1])];
      const seqOf = (keep: Kept, seq: number): Kept =>
        edit.kind === "swap" ? keep : { ...keep, entry: { ...keep.entry, seq } };
      return list.with(edit.seqs[0] - 1, seqOf(b, edit.seqs[0])).with(edit.seqs[1] - 1, seqOf(a, edit.seqs[1]));
    }
    case "rewrite": {
      let prev = at(edit.seq).entry.prev;
      return list.map((keep) => {
        if (keep.entry.seq < edit.seq) return keep;
        const { seq, prev: _before, hash: _hash, ...body } = keep.entry;
        const changed = seq === edit.seq ? { ...body, [edit.field]: edit.value } : body;
        const entry = seal(seq, prev, changed);
        prev = entry.hash;
        return { ...keep, entry };
      });
    }
  }
}

/** As DESIGN says: the first bad entry, where the anchored head is that of chain.json. */
function firstBad(kept: readonly Kept[]): number | null {
  let [prev, tree] = [GENESIS, EMPTY_TREE];
  for (const { entry, text, salt } of kept) {
    const seq = tree.size + 1;
    if (checkEntry(entry, seq, prev).kind === "bad") return seq;
    if ((text === null ? null : commit(salt, text)) !== entry.commitment) return seq;
    [prev, tree] = [entry.hash, grow(tree, entry.hash)];
  }
  if (tree.size < chain.head.size) return tree.size + 1;
  return treeRoot(tree) === chain.head.root && prev === chain.head.chain ? null : 1;
}

const whole = chain.steps.map(({ entry, text = null, salt = "" }) => ({ entry, text, salt }));

test("ledger/plants.json: the ledger without an edit is good", () => assert.equal(firstBad(whole), null));

const plants = read<{ cases: readonly { name: string; edit: Edit; bad: number }[] }>("ledger/plants.json");

for (const { name, edit, bad } of plants.cases) {
  test(`ledger/plants.json: ${name} names entry ${bad}`, () => assert.equal(firstBad(edited(whole, edit)), bad));
}
