// Holds, quiet hours and undo as the owner writes them: `30s`, `"22:00-07:00"`, `{ tool: delete_event, args: … }`.

import type { Undo } from "../kernel/index.ts";
import { TOOL_NAME } from "./names.ts";
import type { QuietHours } from "./quiet.ts";
import { fields, mapOf, nameOf, report, textOf, type SourceNode } from "./reading.ts";

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const HOLD_MAX_MS = 24 * UNITS.h;
/** Four hours of each day are left, so that every hold ends. */
const QUIET_MINUTES_MAX = 20 * 60;
const DAY_MINUTES = 1_440;
const ARGUMENT = { pattern: /^(?!__proto__$)[^\0]{1,256}$/, expected: "the name of an argument" } as const;
const FROM = {
  expected: "a field of the result such as result.id, or an argument of the call such as args.path",
  pattern: /^(?:result(?:\.[^.\s]{1,100}){1,8}|args\.[^\s]{1,100})$/,
} as const;

/** Milliseconds; `none` is 0. */
export function holdOf(node: SourceNode): number {
  if (node.content === "none") return 0;
  const written = /^([1-9]\d{0,4})([smh])$/.exec(typeof node.content === "string" ? node.content : "");
  const unit = written?.[2];
  const lengthMs = unit === "s" || unit === "m" || unit === "h" ? Number(written?.[1]) * UNITS[unit] : NaN;
  if (lengthMs <= HOLD_MAX_MS) return lengthMs;
  report(node, {
    code: "bad-value",
    message: `${nameOf(node)} must be none, or a time such as 30s, 10m or 2h (at most 24h).`,
  });
  return 0;
}

/** `holdOf` reads it back. */
export function holdText(lengthMs: number): string {
  if (lengthMs === 0) return "none";
  for (const unit of ["h", "m"] as const) if (lengthMs % UNITS[unit] === 0) return `${lengthMs / UNITS[unit]}${unit}`;
  return `${lengthMs / UNITS.s}s`;
}

export function quietOf(node: SourceNode): QuietHours | null {
  const written = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(textOf(node, { lengthMax: 20 }));
  const [fromHour = NaN, fromPart = NaN, untilHour = NaN, untilPart = NaN] = (written ?? []).slice(1).map(Number);
  const [fromMinute, untilMinute] = [fromHour * 60 + fromPart, untilHour * 60 + untilPart];
  const length = (untilMinute - fromMinute + DAY_MINUTES) % DAY_MINUTES;
  if (length > 0 && length <= QUIET_MINUTES_MAX) return { fromMinute, untilMinute };
  report(node, {
    code: "bad-value",
    message: `${nameOf(node)} must be hours such as "22:00-07:00", at most 20 of a day.`,
  });
  return null;
}

export function quietText({ fromMinute, untilMinute }: QuietHours): string {
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  return `${clock(fromMinute)}-${clock(untilMinute)}`;
}

/** The undo of a tool is a tool of the same server: what it needs to know came from there or went there. */
export function undoOf(node: SourceNode, server: string): Undo {
  const undo = fields(node, { required: ["tool", "args"], optional: [] });
  return {
    tool: `${server}.${textOf(undo.need("tool"), TOOL_NAME)}`,
    args: mapOf(undo.need("args"), ARGUMENT, (from) => textOf(from, FROM)),
  };
}
