// Whether a task gets on, what it has used so far, and why it ended.

import { canonical, oneLine, parseStrict, type ModelAnswer, type ModelCall } from "../kernel/index.ts";
import type { AgentLimits, Bill, EndedWhy, Receipt } from "./parts.ts";

/** So often may a call be made and bring the same. */
const SAME_MAX = 3;

export interface Progress {
  /** A model may be asked once more. */
  mayThink(): boolean;
  thought(answer: Extract<ModelAnswer, { kind: "answered" }>, bill: Bill | null): void;
  /** A helper's answer. */
  helped(bill: Bill | null): void;
  called(): void;
  /** Notes what a call brought; true when it is time to end. */
  isStuck(call: ModelCall, text: string): boolean;
  receipt(why: EndedWhy, reason: string): Receipt;
}

export function openProgress(limits: AgentLimits): Progress {
  const brought = new Map<string, { text: string; times: number }>();
  let [modelCalls, toolCalls, inputTokens, outputTokens, costNanoUsd] = [0, 0, 0, 0, 0];
  let model: string | null = null;
  let place: string | null = null;

  function helped(bill: Bill | null): void {
    modelCalls += 1;
    costNanoUsd += bill?.costNanoUsd ?? 0;
    place = bill?.place ?? place;
  }

  return {
    mayThink: () => modelCalls < limits.modelCallsMax,
    thought(answer, bill) {
      helped(bill);
      model = answer.model;
      inputTokens += answer.usage?.input ?? 0;
      outputTokens += answer.usage?.output ?? 0;
    },
    helped,
    called: () => void (toolCalls += 1),
    isStuck({ name, args }, text) {
      const parsed = parseStrict(args);
      const key = `${name} ${parsed.kind === "value" ? canonical(parsed.value) : args}`;
      const before = brought.get(key);
      const times = before?.text === text ? before.times + 1 : 1;
      brought.set(key, { text, times });
      return times >= SAME_MAX;
    },
    receipt: (why, reason) => ({
      why,
      reason: oneLine(reason, 500),
      modelCalls,
      toolCalls,
      inputTokens,
      outputTokens,
      costNanoUsd,
      model,
      place,
    }),
  };
}
