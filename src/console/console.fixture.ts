// A console on a real loopback server with sample operations, for the console's tests.

import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { ownerAuth, type Operation, type OperationContext, type OwnerAuth } from "../control/index.ts";
import { openConsole } from "./index.ts";

export const SECRET = "correct horse battery";
export const NOW_MS = Date.UTC(2026, 10, 22, 17, 40);

export interface Sample {
  question: JsonObject;
  questions: readonly JsonObject[];
  unknown: readonly JsonObject[];
  entries: readonly JsonObject[];
  lines: readonly string[];
  status: JsonObject;
  plan: JsonObject;
}

export interface Running {
  readonly origin: string;
  readonly host: string;
  readonly auth: OwnerAuth;
  readonly sample: Sample;
  readonly called: { readonly name: string; readonly input: JsonObject; readonly isOwner: boolean }[];
  /** Operations that answer something else, or throw. */
  readonly override: Map<string, (input: JsonObject) => JsonObject>;
  readonly listeners: Set<() => void>;
  clockMs: number;
  close(): Promise<void>;
}

const OWNERS: ReadonlySet<string> = new Set(["question.list", "question.show", "question.answer", "unknown.seen", "resume", "apply"]);

export async function startConsole(sample: Sample = sampleData()): Promise<Running> {
  const settings = new Map<string, string>();
  const nowMs = (): number => running.clockMs;
  const auth = ownerAuth({
    settings: { get: (key) => settings.get(key) ?? null, set: (key, value) => void settings.set(key, value) },
    nowMs,
    randomBytes,
  });
  const called: Running["called"] = [];
  const override: Running["override"] = new Map();
  const listeners = new Set<() => void>();
  const operations = new Map<string, Operation>();
  for (const [name, run] of Object.entries(sampleOperations(sample))) {
    const record = async (input: JsonObject, context: OperationContext): Promise<JsonObject> => {
      called.push({ name, input, isOwner: context.owner !== null });
      return (override.get(name) ?? run)(input);
    };
    operations.set(name, { name, needsOwner: OWNERS.has(name), run: record });
  }
  const console = openConsole({
    operations,
    auth,
    origin: () => running.origin,
    allowedHosts: () => [running.host],
    onLedger(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    nowMs,
    randomBytes,
  });
  const server = createServer((request, response) => {
    if (!console.handle(request, response)) response.writeHead(404).end("elsewhere");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const running: Running = {
    origin: `http://${host}`,
    host,
    auth,
    sample,
    called,
    override,
    listeners,
    clockMs: NOW_MS,
    async close() {
      console.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return running;
}

function sampleOperations(sample: Sample): Readonly<Record<string, (input: JsonObject) => JsonObject>> {
  return {
    status: () => sample.status,
    inbox: () => ({ questions: sample.questions, unknown: sample.unknown }),
    "question.list": () => ({ questions: sample.questions }),
    "question.show": ({ id }) => {
      const found = sample.questions.find((question) => question["id"] === id);
      if (found === undefined) throw new Fault("question.unknown", { message: "there is no such question." });
      return found;
    },
    "question.answer": ({ id, answer }) => ({
      id: id ?? "",
      state: answer === "yes" ? "spent" : "no",
      outcome: answer === "yes" ? { kind: "result" } : null,
    }),
    "unknown.seen": () => ({}),
    stop: () => ({ stopped: true }),
    resume: () => ({ stopped: false }),
    "ledger.tail": () => ({ entries: sample.entries }),
    show: () => ({ entries: sample.entries }),
    why: ({ id }) => ({ request: "r-4f1c", question: "7KQ", decision: "ask", because: "C3", id: id ?? "", lines: sample.lines, entries: [] }),
    plan: () => sample.plan,
    apply: ({ digest }) => ({ digest: digest ?? "", changes: [] }),
  };
}

const NOTE = `# Lease, second draft

Dear Ms Okafor,

thank you for the visit on Thursday. We agreed on:

\t- 1,140 EUR a month, heating included
\t- keys on 1 December
\t- the cellar room, no. 14

Please send the countersigned copy to the office.

Best wishes
Ada
`;

export function sampleQuestion(more: JsonObject = {}): JsonObject {
  return {
    id: "7KQ",
    state: "open",
    sentence: "claude-code wants to change something with files.write_file: path “/home/ada/notes/lease.md”, content of 262 characters.",
    tool: "files.write_file",
    principal: "client:claude-code",
    session: "s-1",
    args: JSON.stringify({ content: NOTE, path: "/home/ada/notes/lease.md" }),
    pretty: [
      { name: "path", role: "critical", text: "/home/ada/notes/lease.md" },
      { name: "content", role: "content", text: "…" },
    ],
    clauses: [
      { clause: "C3", answer: "ask", reason: "not in your words: path" },
      { clause: "C4", answer: "ask", reason: "untrusted text was read, and there was no outline before it" },
    ],
    because: "C3",
    digest: "9d1f7c5e0b".padEnd(64, "a"),
    askedAtMs: NOW_MS - 2 * 60_000,
    expiresAtMs: NOW_MS + 14 * 60_000,
    undo: "Freehold cannot undo it.",
    origin: "claude-code, a program that can also act outside Freehold; it may have read anything.",
    note: null,
    effect: "write",
    ...more,
  };
}

export function sampleData(): Sample {
  const question = sampleQuestion();
  const mail = sampleQuestion({
    id: "M4T",
    sentence: "claude-desktop wants to send something with mail.send: to “sales@pаypal-invoices.example” (mixes alphabets), body of 96 characters.",
    tool: "mail.send",
    principal: "client:claude-desktop",
    args: JSON.stringify({
      body: "Hello,\nattached are the figures you asked for.\u202e gnp.exe\u202c See https://example.net/x\n\nAda",
      to: ["sales@pаypal-invoices.example"],
      url: "https://files.example.net/q3?token=81",
    }),
    pretty: [
      { name: "body", role: "content", text: "" },
      { name: "to", role: "critical", text: "" },
      { name: "url", role: "egress", text: "" },
    ],
    clauses: [
      { clause: "C1", answer: "ask", reason: "would carry family data out of its compartment" },
      { clause: "C5", answer: "ask", reason: "body brings a link, address or number that is not yours" },
    ],
    digest: "5".repeat(64),
    undo: "What is sent cannot be called back.",
    origin: "claude-desktop, a program that can also act outside Freehold; it may have read anything.",
  });
  const row = (seq: number, kind: string, more: JsonObject = {}): JsonObject => ({
    seq,
    atMs: NOW_MS - (40 - seq) * 47_000,
    kind,
    session: "s-1",
    principal: "client:claude-code",
    subject: "files.write_file",
    request: "r-4f1c",
    facts: {},
    ...more,
  });
  return {
    question,
    questions: [question, mail],
    unknown: [],
    entries: [
      row(30, "start", { principal: "freehold", subject: "daemon", request: null }),
      row(31, "session", { subject: "session", request: null }),
      row(32, "intent", { subject: "files.read_text_file", request: "r-11aa", facts: { because: "C2", effect: false }, text: '{"path":"/home/ada/notes/todo.md"}' }),
      row(33, "outcome", { subject: "files.read_text_file", request: "r-11aa", facts: { reply: "result" } }),
      row(34, "label", { subject: "third-party", request: "r-11aa" }),
      row(35, "denied", { subject: "web.fetch", request: "r-22bb", facts: { because: "C1" }, text: '{"url":"https://example.net/collect?d=…"}' }),
      row(36, "connection", { principal: "server:web", subject: "example.net:443", request: null, facts: { allowed: false } }),
      row(37, "question", { facts: { question: "7KQ", because: "C3" }, text: String(question["args"]) }),
      row(38, "answer", { principal: "owner", facts: { answer: "no", question: "6PP" }, subject: "files.move_file", request: "r-33cc" }),
      row(39, "change", { principal: "owner", subject: "policy", request: null }),
    ],
    lines: [
      "client:claude-code called files.write_file; you were asked (7KQ) because of C3.",
      "You answered yes to 7KQ",
      "files.write_file was let through (C3) and sent.",
      "It ended with result",
    ],
    status: {
      version: "0.1.0",
      home: "/home/ada/freehold-home",
      uptimeMs: 7_380_000,
      stopped: false,
      mode: "single-user",
      weaker: "weaker: programs running as you can read the state",
      servers: [
        { name: "files", source: "npm:@modelcontextprotocol/server-filesystem@2026.1.14", compartment: "family", state: "running", why: null, tools: 14, cardsAccepted: 14 },
        { name: "mail", source: "mail", compartment: "work", state: "held-back", why: "its tools changed after you accepted them", tools: 6, cardsAccepted: 4 },
        { name: "web", source: "npm:mcp-server-fetch@2026.3.1", compartment: "family", state: "idle", why: null, tools: 1, cardsAccepted: 1 },
      ],
      clients: [
        { name: "claude-code", compartments: ["family"] },
        { name: "claude-desktop", compartments: ["family", "work"] },
      ],
      questionsOpen: 2,
      unknown: 0,
      pending: 1,
      pendingFault: null,
      sandbox: { kind: "ready", backend: "bwrap" },
    },
    plan: {
      digest: "c".repeat(64),
      changes: [{ kind: "changed", file: "stack.yaml", what: "server files may write to /home/ada/notes", wider: true }],
      diff: "stack.yaml\n   files:\n     sandbox:\n-      write: []\n+      write: [\"${home}/notes\"]\n       network: none",
    },
  };
}
