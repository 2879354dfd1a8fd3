// Recorded calls of a server, by which another version is judged: contracts/<server>.json in the stack home.
// Made from schemas on samples, they hold nobody's data; what the owner picks may, and is theirs to keep.

import { isObject, oneLine, parseStrict, textAt, Fault, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { PracticeCall } from "./practice-args.ts";
import type { PracticeAnswer } from "./practice.ts";

export interface Contract extends PracticeCall {
  /** `shape`: the same call does not answer the same twice, so only its form is held. */
  readonly match: "exact" | "shape";
  readonly answer: { readonly kind: string; readonly text: string };
  /** By the owner: another answer blocks an update. */
  readonly isPicked: boolean;
}

export interface ContractFile {
  readonly version: 1;
  readonly server: string;
  /** What was recorded. */
  readonly source: string;
  readonly calls: readonly Contract[];
}

const CALLS_MAX = 200;
const ANSWER_MAX = 20_000;

/** Of what only reads and answered; the rest proves nothing. */
export function contractsFrom(answers: readonly PracticeAnswer[], picked: ReadonlySet<string>): readonly Contract[] {
  return answers
    .filter(({ call, kind, text }) => call.isRead && kind !== "silent" && text.length <= ANSWER_MAX)
    .slice(0, CALLS_MAX)
    .map(({ call, kind, text, isSteady }) => {
      const isPicked = picked.has(call.label);
      return { ...call, match: isSteady ? "exact" : "shape", answer: { kind, text }, isPicked };
    });
}

export function formatContracts(file: ContractFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Throws Fault `contracts.broken`, which names the place. */
export function parseContracts(text: string, at: string): ContractFile {
  const parsed = parseStrict(text);
  const value = parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
  const { version, calls } = value;
  const [server, source] = [textAt(value, "server"), textAt(value, "source")];
  if (version !== 1 || !Array.isArray(calls) || calls.length > CALLS_MAX || server === null || source === null) {
    throw broken(at, "it is not as `freehold record` writes it");
  }
  return {
    version,
    server,
    source,
    calls: calls.map((call: JsonValue, index) => contractOf(call, `${at}: call ${index + 1}`)),
  };
}

function contractOf(value: JsonValue, at: string): Contract {
  const call = isObject(value) ? value : {};
  const { args, answer, match, isPicked } = call;
  const [label, tool] = [textAt(call, "label"), textAt(call, "tool")];
  const [kind, text] = isObject(answer) ? [textAt(answer, "kind"), textAt(answer, "text")] : [null, null];
  if (label === null || tool === null || kind === null || text === null || !isObject(args)) {
    throw broken(at, "label, tool, args or answer is missing");
  }
  if (match !== "exact" && match !== "shape") throw broken(at, "match must be exact or shape");
  return { label, tool, args, isRead: true, match, answer: { kind, text }, isPicked: isPicked === true };
}

function broken(at: string, why: string): Fault {
  return new Fault("contracts.broken", {
    at,
    message: `the recorded calls cannot be read: ${oneLine(why, 200)}.`,
    next: "freehold record SERVER makes them anew",
  });
}

export interface Replay {
  readonly total: number;
  readonly same: number;
  /** Labels. */
  readonly differing: readonly string[];
  readonly picked: readonly string[];
  /** No answer from one of the two: nothing is known of them. */
  readonly unanswered: readonly string[];
  /** Those that the present version no longer answers as recorded; they are compared by form alone. */
  readonly stale: readonly string[];
}

export interface Answered {
  readonly before: readonly PracticeAnswer[];
  readonly after: readonly PracticeAnswer[];
  readonly contracts: readonly Contract[];
  /** Told already; only what the owner picked of them still counts. */
  readonly removedTools: readonly string[];
}

/** The two answered the same calls; a call of what only reads must come out the same. */
export function compareAnswers({ before, after, contracts, removedTools }: Answered): Replay {
  const recorded = new Map(contracts.map((contract) => [contract.label, contract]));
  const fresh = new Map(after.map((answer) => [answer.call.label, answer]));
  const isPicked = (label: string): boolean => recorded.get(label)?.isPicked === true;
  const differing: string[] = [];
  const unanswered: string[] = [];
  const stale: string[] = [];
  const reads = before.filter(({ call }) => call.isRead && (isPicked(call.label) || !removedTools.includes(call.tool)));
  for (const was of reads) {
    const { label } = was.call;
    const is = fresh.get(label);
    const contract = recorded.get(label);
    if (is === undefined || is.kind === "silent" || was.kind === "silent") {
      unanswered.push(label);
      continue;
    }
    const isAsRecorded = contract === undefined || matches(contract, was);
    if (!isAsRecorded) stale.push(label);
    const match = isAsRecorded && was.isSteady && is.isSteady ? (contract?.match ?? "exact") : "shape";
    if (!matches({ match, answer: was }, is)) differing.push(label);
  }
  const picked = differing.filter(isPicked);
  const same = reads.length - differing.length - unanswered.length;
  return { total: reads.length, same, differing, picked, unanswered, stale };
}

type Matched = Pick<PracticeAnswer, "kind" | "text">;

function matches(
  { match, answer }: Pick<Contract, "match"> & { readonly answer: { kind: string; text: string } },
  is: Matched,
): boolean {
  if (answer.kind !== is.kind) return false;
  return match === "exact" ? answer.text === is.text : shapeOf(answer.text) === shapeOf(is.text);
}

/** Which fields there are and of what type; lists by what their first holds, texts by being texts. */
function shapeOf(text: string): string {
  const parsed = parseStrict(text);
  return parsed.kind === "value" ? JSON.stringify(shape(parsed.value)) : "text";
}

function shape(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.slice(0, 1).map((item: JsonValue) => shape(item));
  if (!isObject(value)) return value === null ? null : typeof value;
  const fields: JsonObject = Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, shape(item)]),
  );
  return fields;
}
