// `caps:` of stack.yaml: how often one conversation may act, whatever else allows it.

import { CAPS, NO_CAPS, type CapName, type Caps, type JsonObject } from "../kernel/index.ts";
import * as read from "./reading.ts";
import type { SourceNode } from "./reading.ts";
import type { Change } from "./diff-parts.ts";

const CAP_MAX = 1_000_000;

const SAID: Readonly<Record<CapName, string>> = {
  effects: "effects of one conversation",
  perTool: "uses of one tool in a conversation",
  sends: "sends of one conversation",
  spends: "payments of one conversation",
};

export function capsOf(node: SourceNode): Caps {
  const given = read.fields(node, { required: [], optional: CAPS });
  const count = (cap: SourceNode): number => read.numberOf(cap, { min: 0, max: CAP_MAX, whole: true });
  const all = CAPS.map((name) => [name, read.maybe(given.get(name), null, count)] as const);
  return { ...NO_CAPS, ...Object.fromEntries(all) };
}

export function diffCaps(before: Caps, after: Caps, file: string): readonly Change[] {
  return CAPS.filter((name) => before[name] !== after[name]).map((name) => {
    const what = `${SAID[name]}: at most ${after[name] ?? "any number"} instead of ${before[name] ?? "any number"}`;
    return { kind: "changed", file, what, wider: (after[name] ?? Infinity) > (before[name] ?? Infinity) };
  });
}

export function capsSchema(): JsonObject {
  const cap = (description: string): JsonObject => ({ type: "integer", minimum: 0, maximum: CAP_MAX, description });
  return {
    type: "object",
    description: "How often one conversation may act; what is left out has no cap.",
    required: [],
    additionalProperties: false,
    properties: Object.fromEntries(CAPS.map((name) => [name, cap(SAID[name])])),
  };
}
