// How long one decision takes with a thousand rules, for a session that has read two megabytes.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beginRequest, decide, indexRules, join, noProvenance, noteResult, sha256 } from "../src/kernel/index.ts";
import type { Facts, JsonObject, Label, Rule, SessionFacts, ToolCard } from "../src/kernel/index.ts";
import { quantile, round, type Bench } from "./lib.ts";

const RULES = 1_000;
const TOOLS = 50;
const READ_BYTES = 2_000_000;
const RESULT_BYTES = 10_000;
const SESSIONS = 20;
const WORDS = "Please write the summary of the meeting to /home/ada/notes/42.md and tell Grace about it. ".repeat(200);

/** Twenty rules a tool: most speak of other folders, so that the one that fits is found late. */
function rules(): readonly Rule[] {
  return Array.from({ length: RULES }, (_unused, n): Rule => {
    const answer = n % 10 === 0 ? "deny" : "allow";
    const folder = `/home/ada/${answer === "deny" ? "private" : "notes"}/${n}`;
    return {
      id: `rule-${n}`,
      answer,
      principals: n % 3 === 0 ? [] : ["client:bench"],
      tool: n % 100 === 0 ? "*" : `files.tool-${n % TOOLS}`,
      args: { path: { kind: "under", folder }, text: { kind: "any" } },
      reason: "the bench",
      expiresAtMs: null,
      perDayMax: n % 5 === 0 ? 20 : null,
    };
  });
}

/** Reads two megabytes as the door notes them: half of it clean from the owner's own records, then strangers' text. */
function sessionThatRead(seed: number): SessionFacts {
  const provenance = noProvenance();
  beginRequest(provenance, WORDS, new Map([["files.tool-7", 1]]));
  let label: Label = { compartments: [], integrity: "owner", secret: false };
  for (let read = 0; read < READ_BYTES; read += RESULT_BYTES) {
    const isOwn = read < READ_BYTES / 2;
    const card = cardOf("notes.search", isOwn ? "owner" : "third-party");
    noteResult(provenance, { card, args: {}, structured: resultOf(seed + read), wasClean: isOwn });
    label = join(label, { compartments: [`area-${read % 3}`], integrity: card.result.trust, secret: false });
  }
  return { label, ...provenance };
}

/** About ten kilobytes in a hundred fields. */
function resultOf(seed: number): JsonObject {
  const rows = Array.from({ length: 50 }, (_unused, n) => ({
    id: seed * 100 + n,
    text: `${seed}-${n} `.padEnd(180, "word "),
  }));
  return { rows };
}

function cardOf(tool: string, trust: ToolCard["result"]["trust"]): ToolCard {
  return {
    tool,
    effect: tool === "notes.search" || Number(tool.slice(-1)) % 2 === 1 ? "read" : "write",
    result: { trust, compartments: ["area-0"], secret: false, mode: "inline" },
    roles: { path: "critical", text: "content" },
    ids: [],
    pin: sha256(tool),
  };
}

function factsFor(n: number, session: SessionFacts, index: Facts["rules"]): Facts {
  const tool = `files.tool-${n % TOOLS}`;
  const card = cardOf(tool, "third-party");
  const clearance = ["area-0", "area-1", "area-2"];
  return {
    nowMs: 1_800_000_000_000,
    stopped: false,
    principal: { kind: "client", name: "bench" },
    tool,
    args: { path: `/home/ada/notes/${n % RULES}/a.md`, text: `Summary ${n}, see https://example.org/${n}` },
    card,
    pin: "same",
    schemaFault: null,
    overBudget: null,
    session,
    handles: { compartments: [], integrity: "owner", secret: false },
    sink: { compartments: clearance, network: true },
    receiver: clearance,
    rules: index,
    usesToday: () => 3,
  };
}

export const run: Bench = async ({ quick, note }) => {
  const index = indexRules(rules());
  const decisions = quick ? 5_000 : 200_000;
  // The heap is counted before and after a collection that node:v8 offers in a running process.
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no collection");
  collect();
  const before = process.memoryUsage().heapUsed;
  const sessions = Array.from({ length: SESSIONS }, (_unused, n) => sessionThatRead(n * READ_BYTES));
  collect();
  const sessionMb = (process.memoryUsage().heapUsed - before) / SESSIONS / 1e6;
  const times: number[] = [];
  const answers = { allow: 0, ask: 0, deny: 0 };
  for (let n = 0; n < decisions; n += 1) {
    const session = sessions[n % SESSIONS];
    if (session === undefined) continue;
    const facts = factsFor(n, session, index);
    const from = process.hrtime.bigint();
    const { kind } = decide(facts);
    const took = Number(process.hrtime.bigint() - from) / 1_000;
    answers[kind] += 1;
    // What is still being compiled is not what a running daemon does.
    if (n >= decisions / 10) times.push(took);
  }
  note(JSON.stringify(answers));
  return {
    p50Us: round(quantile(times, 0.5), 1),
    p99Us: round(quantile(times, 0.99), 1),
    sessionMb: round(sessionMb, 4),
    rules: index.size,
    decisions: times.length,
    ...answers,
  };
};
