// Which questions the owner can read and answer in one go: those of one conversation, and those that differ in values.

import { canonical, isObject, parseStrict, TASK, taskFrom } from "../kernel/index.ts";

export interface AskedCall {
  readonly id: string;
  readonly session: string;
  readonly principal: string;
  readonly tool: string;
  /** Canonical JSON. */
  readonly args: string;
}

export type TogetherKind = "one conversation" | "alike";

export interface Together<T> {
  readonly kind: TogetherKind;
  /** One alone is a group too. */
  readonly questions: readonly T[];
}

/** More would not be read with care. */
export const TOGETHER_MAX = 20;

/** In their order: first by conversation, then what is left by shape. */
export function together<T extends AskedCall>(questions: readonly T[]): readonly Together<T>[] {
  const talks = [...Map.groupBy(questions, ({ session }) => session).values()];
  const single = talks.filter((talk) => talk.length === 1).flat();
  const shapes = [...Map.groupBy(single, (question) => shapeOf(question) ?? question.id).values()];
  const groups = [
    ...talks.filter((talk) => talk.length > 1).map((each) => ({ kind: "one conversation" as const, each })),
    ...shapes.map((each) => ({ kind: "alike" as const, each })),
  ].flatMap(({ kind, each }) => partsOf(each).map((part) => ({ kind, questions: part })));
  const placeOf = ({ questions: [first] }: Together<T>): number =>
    first === undefined ? -1 : questions.indexOf(first);
  return groups.toSorted((one, other) => placeOf(one) - placeOf(other));
}

function partsOf<T>(questions: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(questions.length / TOGETHER_MAX);
  return Array.from({ length: count }, (_, at) => questions.slice(at * TOGETHER_MAX, (at + 1) * TOGETHER_MAX));
}

/** Why these may be answered with one word; null where they may not. */
export function togetherKind(questions: readonly AskedCall[]): TogetherKind | null {
  if (new Set(questions.map(({ session }) => session)).size === 1) return "one conversation";
  const shapes = new Set(questions.map((question) => shapeOf(question)));
  return shapes.size === 1 && !shapes.has(null) ? "alike" : null;
}

/** Questions of one shape ask the same of the same tool for the same program; only values differ. */
function shapeOf({ principal, tool, args }: AskedCall): string | null {
  const parsed = parseStrict(args);
  if (tool === TASK || parsed.kind === "refused" || !isObject(parsed.value)) return null;
  return canonical([principal, tool, ...Object.keys(parsed.value).toSorted()]);
}

export interface TaskRow {
  readonly name: string;
  readonly text: string;
}

/** The question about a whole task, row by row: how often each tool, and each call. Null for any other question. */
export function taskRows({ tool, args }: Pick<AskedCall, "tool" | "args">): readonly TaskRow[] | null {
  const parsed = parseStrict(args);
  const value = parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
  const task = tool === TASK ? taskFrom(value) : null;
  if (task === null) return null;
  const counts = Object.entries(task.outline ?? {}).map(([name, count]) => ({
    name,
    text: `at most ${count === 1 ? "once" : `${count} times`}`,
  }));
  const calls = task.calls.map((call, at) => {
    const how = call.open.length === 0 ? "exactly this, once" : `still open, and asked then: ${call.open.join(", ")}`;
    return { name: `${at + 1}. ${call.tool} (${how})`, text: JSON.stringify(call.args, null, 2) };
  });
  return [...counts, ...calls];
}
