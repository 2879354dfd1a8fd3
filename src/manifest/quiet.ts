// The hours in which the owner is left alone, on the owner's own clock, and how a wait goes on after them.

export interface QuietHours {
  /** Minutes after midnight. From is in the quiet hours, until is not; until may be the smaller: over midnight. */
  readonly fromMinute: number;
  readonly untilMinute: number;
}

/** Where and when the owner wants quiet; both parts stand under `owner` in stack.yaml. */
export interface OwnersClock {
  readonly timezone: string;
  readonly quiet: QuietHours | null;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** Clocks change on quarter hours of UTC alone, everywhere: in between, minutes can be counted. */
const QUARTER_MS = 15 * MINUTE_MS;
const STEPS_MAX = 10_000;

/** Hours and minutes as the owner's clock shows them. */
const clocks = new Map<string, Intl.DateTimeFormat>();

export function minuteOfDay(timezone: string, atMs: number): number {
  let clock = clocks.get(timezone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit", minute: "2-digit" });
    if (clocks.size > 20) clocks.clear();
    clocks.set(timezone, clock);
  }
  const [hour = "", minute = ""] = clock.format(atMs).split(":");
  return (Number(hour) % 24) * 60 + Number(minute);
}

export function isQuiet({ timezone, quiet }: OwnersClock, atMs: number): boolean {
  if (quiet === null) return false;
  const minute = minuteOfDay(timezone, atMs);
  const { fromMinute, untilMinute } = quiet;
  return fromMinute < untilMinute
    ? minute >= fromMinute && minute < untilMinute
    : minute >= fromMinute || minute < untilMinute;
}

/** When a wait of that length ends that began at `fromMs` and stands still in the quiet hours. Never in them. */
export function endOfWait(owner: OwnersClock, fromMs: number, lengthMs: number): number {
  if (owner.quiet === null) return fromMs + lengthMs;
  let [atMs, leftMs] = [fromMs, lengthMs];
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    const stepMs = toNextEdge(owner.quiet, minuteOfDay(owner.timezone, atMs), atMs);
    if (!isQuiet(owner, atMs)) {
      if (leftMs < stepMs) return atMs + leftMs;
      leftMs -= stepMs;
    }
    atMs += stepMs;
  }
  throw new Error("Bug: quiet hours without an end");
}

/** Up to the next quarter hour, or to where the quiet hours begin or end if that is sooner. */
function toNextEdge(quiet: QuietHours, minute: number, atMs: number): number {
  const intoMinuteMs = atMs % MINUTE_MS;
  const edges = [quiet.fromMinute, quiet.untilMinute].map(
    (edge) => ((edge - minute + DAY_MINUTES - 1) % DAY_MINUTES) + 1,
  );
  return Math.min(QUARTER_MS - (atMs % QUARTER_MS), Math.min(...edges) * MINUTE_MS - intoMinuteMs);
}
