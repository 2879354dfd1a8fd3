// What a call of a model left in the ledger, in plain sentences.

import { isObject, textAt, type JsonObject, type LedgerEntry } from "../kernel/index.ts";
import type { Stack } from "../manifest/index.ts";
import { moneyText } from "./money.ts";

type Currency = Stack["owner"]["currency"];

const ROUTES: Readonly<Record<string, string>> = {
  "first cleared": "no model was named, and it is the first that may read it",
  "asked for": "it was asked for by name",
  "stands in": "it stands in for the one that was asked for",
};
const ENDS: Readonly<Record<string, string>> = {
  result: "It answered",
  broken: "It did not answer to the end",
  "not-sent": "Nothing was sent",
};

/** Its words may be about what it was sent, so they stand in the entry's text. */
const FAILED = "no model that may be asked answered";

/** Null for an entry that is none of a model's call. */
export function modelLines(entry: LedgerEntry, currency: Currency): readonly string[] | null {
  const { kind, facts, subject, principal } = entry;
  if (!subject.startsWith("model:")) return null;
  const name = subject.slice("model:".length);
  const who = principal ?? "freehold";
  switch (kind) {
    case "denied":
      return [
        `${who} asked model ${name}; refused (${textAt(facts, "why") ?? ""}): ${textAt(facts, "reason") ?? FAILED}`,
      ];
    case "intent": {
      const held = numberAt(facts, "holdNanoUsd");
      const hold = held > 0 ? `; at most ${moneyText(held, currency)} was held for it` : "";
      return [`${who} asked model ${name} (${textAt(facts, "place") ?? ""}, ${textAt(facts, "address") ?? ""})${hold}`];
    }
    case "lost":
      return ["It was cut off when Freehold ended; all that was held for it was charged, and its bytes may have left"];
    case "outcome":
      return receipt(facts, currency);
    default:
      return null;
  }
}

function receipt(facts: JsonObject, currency: Currency): readonly string[] {
  const reply = textAt(facts, "reply") ?? "";
  const identity = textAt(facts, "identity");
  const first = facts["firstMs"];
  const begun = typeof first === "number" ? `, the first words after ${Math.round(first)} ms` : "";
  const named = identity === null ? "" : `; it calls itself ${identity}`;
  const lines = [
    `${ENDS[reply] ?? reply} after ${Math.round(numberAt(facts, "latencyMs"))} ms${begun}${named}`,
    `Why this one: ${ROUTES[textAt(facts, "route") ?? ""] ?? "not recorded"}`,
  ];
  if (reply === "not-sent") return lines;
  const isHere = textAt(facts, "place") === "this-machine";
  const went = isHere ? "went to it and stayed on this machine" : "left this machine";
  const bytes = numberAt(facts, "sentBytes");
  lines.push(`${bytes} bytes ${went}, with ${labelText(facts["label"])}; sha256 ${textAt(facts, "sentSha256") ?? ""}`);
  lines.push(...tokenLines(facts));
  const doubt = textAt(facts, "doubt");
  if (doubt !== null) lines.push(`DOUBT: ${doubt}`);
  const cost = numberAt(facts, "costNanoUsd");
  const price = textAt(facts, "price");
  const by = price === null ? "" : ` by ${price}`;
  const usd = currency.code === "USD" ? "" : ` (${(cost / 1e9).toFixed(6)} USD)`;
  lines.push(cost === 0 ? "It cost nothing" : `It cost ${moneyText(cost, currency)}${usd}${by}`);
  return lines;
}

function tokenLines(facts: JsonObject): readonly string[] {
  const usage = facts["usage"];
  if (!isObject(usage)) return ["It did not say how many tokens it used, so it was charged at its bound"];
  const [input, output] = [numberAt(usage, "input"), numberAt(usage, "output")];
  const parts = (entries: readonly (readonly [number, string])[]): string => {
    const said = entries.filter(([tokens]) => tokens > 0).map(([tokens, what]) => `${tokens} ${what}`);
    return said.length === 0 ? "" : ` (${said.join(", ")})`;
  };
  const read = parts([
    [numberAt(usage, "cacheRead"), "from its cache"],
    [numberAt(usage, "cacheWrite"), "into its cache"],
  ]);
  const written = parts([[numberAt(usage, "reasoning"), "of them thinking"]]);
  const line = `It read ${input} tokens${read} and wrote ${output}${written}`;
  const shares = sharesOf(facts["sources"], input);
  return shares === "" ? [line] : [line, `Of what it read: ${shares}`];
}

/** Sources are kept in bytes; the tokens are shared out by them. */
function sharesOf(sources: JsonObject[string] | undefined, tokens: number): string {
  const entries = isObject(sources) ? Object.entries(sources) : [];
  const known = entries.flatMap(([name, bytes]) => (typeof bytes === "number" && bytes > 0 ? [{ name, bytes }] : []));
  const total = known.reduce((sum, { bytes }) => sum + bytes, 0);
  return known
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ name, bytes }) => `${name} about ${Math.round((tokens * bytes) / total)}`)
    .join(", ");
}

function labelText(label: JsonObject[string] | undefined): string {
  if (!isObject(label)) return "no label";
  const compartments = Array.isArray(label["compartments"]) ? label["compartments"].join(", ") : "";
  const secret = label["secret"] === true ? ", secret" : "";
  const data = compartments === "" ? "no compartment's data" : `${compartments} data`;
  return `${data} (${textAt(label, "integrity") ?? ""}${secret})`;
}

export function numberAt(facts: JsonObject, key: string): number {
  const value = facts[key];
  return typeof value === "number" ? value : 0;
}
