// Dates, times, spans and amounts as people write them, so that `2024-05-19 13:00` is found in "19 May, one hour from
// 12:00". Invariant: a value is found only by arithmetic on the owner's own words; no clock and no read text is used.

/** What the owner's words say in numbers. Minutes count from midnight. */
export interface Spoken {
  /** `2024-05-19`, or `05-19` where no year was said. */
  readonly dates: ReadonlySet<string>;
  readonly minutes: ReadonlySet<number>;
  readonly spansMin: ReadonlySet<number>;
  readonly amounts: ReadonlySet<number>;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/** "may" and "march" are words of other meanings too: as months they are written large. */
const MONTH =
  "((?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|Mar(?:ch)?|[Aa]pr(?:il)?|May|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?|" +
  "[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?|" +
  "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\\b\\.?)";
const COUNTS = ["a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
const FOUND_MAX = 200;

export function spokenIn(text: string): Spoken {
  const minutes = timesIn(text);
  return { dates: datesIn(text), minutes, spansMin: spansIn(text), amounts: amountsIn(text) };
}

/** A date, a time, or both, in ISO form or with a space between; seconds must be zero. */
export function isSpokenTime(spoken: Spoken, value: string): boolean {
  const match = /^(\d{4}-\d{2}-\d{2})?(?:(?:^|[T ])([01]\d|2[0-3]):([0-5]\d)(?::00(?:\.0+)?)?)?$/.exec(value);
  const [date, hour, minute] = [match?.[1], match?.[2], match?.[3]];
  if (match === null || (date === undefined && hour === undefined)) return false;
  if (date !== undefined && !spoken.dates.has(date) && !spoken.dates.has(date.slice(5))) return false;
  return hour === undefined || isSpokenMinute(spoken, Number(hour) * 60 + Number(minute));
}

/** A time that was said, or one that was said plus a span that was said. */
function isSpokenMinute(spoken: Spoken, minute: number): boolean {
  if (spoken.minutes.has(minute)) return true;
  return [...spoken.minutes].some((from) => [...spoken.spansMin].some((span) => from + span === minute));
}

function matches(text: string, pattern: RegExp): readonly RegExpExecArray[] {
  return [...text.matchAll(pattern)].slice(0, FOUND_MAX);
}

function datesIn(text: string): ReadonlySet<string> {
  const dates = new Set(matches(text, /(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])/g).map((match) => match[0]));
  const add = (day: string, month: string, year: string | undefined): void => {
    const index = MONTHS.indexOf(month.slice(0, 3).toLowerCase()) + 1;
    const rest = `${String(index).padStart(2, "0")}-${day.padStart(2, "0")}`;
    dates.add(year === undefined ? rest : `${year}-${rest}`);
  };
  const monthFirst = new RegExp(
    `\\b${MONTH} (\\d{1,2})(?:st|nd|rd|th)?\\b(?![:.]\\d| ?[AaPp][Mm]\\b)(?:,? (\\d{4})\\b)?`,
    "g",
  );
  for (const [, month = "", day = "", year] of matches(text, monthFirst)) add(day, month, year);
  const dayFirst = new RegExp(`(?<![\\w.:,-])(\\d{1,2})(?:st|nd|rd|th)?\\.? (?:of )?${MONTH}(?:,? (\\d{4})\\b)?`, "g");
  for (const [, day = "", month = "", year] of matches(text, dayFirst)) add(day, month, year);
  return dates;
}

function timesIn(text: string): ReadonlySet<number> {
  const minutes = new Set<number>();
  for (const [, hour = "", minute = "", half] of matches(text, /(?<![\d:.])(\d{1,2}):([0-5]\d)(?![\d:]) ?([ap]m)?/gi)) {
    add(minutes, Number(hour), Number(minute), half);
  }
  for (const [, hour = "", half] of matches(text, /(?<![\d:.])(\d{1,2}) ?([ap]m)\b/gi))
    add(minutes, Number(hour), 0, half);
  if (/\bnoon\b/i.test(text)) minutes.add(12 * 60);
  return minutes;
}

function add(minutes: Set<number>, ...[hour, minute, half]: readonly [number, number, string?]): void {
  if (half !== undefined && (hour < 1 || hour > 12)) return;
  const offset = half?.toLowerCase() === "pm" ? 12 : 0;
  const hours = half === undefined ? hour : (hour % 12) + offset;
  if (hours < 24) minutes.add(hours * 60 + minute);
}

function spansIn(text: string): ReadonlySet<number> {
  const spans = new Set<number>();
  const pattern = new RegExp(
    `(?<![\\w.,:-])(half an|an|\\d{1,3}(?:\\.5)?|${COUNTS.join("|")})[ -](hour|minute|min)s?\\b`,
    "gi",
  );
  for (const [, amount = "", unit = ""] of matches(text, pattern)) {
    const spoken = amount.toLowerCase();
    const word = COUNTS.indexOf(spoken);
    const number =
      spoken === "half an" ? 0.5 : spoken === "an" || spoken === "a" ? 1 : word > 0 ? word : Number(spoken);
    spans.add(number * (unit.toLowerCase() === "hour" ? 60 : 1));
  }
  return spans;
}

/** Four digits or more, decimals, or a currency beside it: "1." of a list and "2 files" are no amounts. */
function amountsIn(text: string): ReadonlySet<number> {
  const number = "(?<![\\w.,:-])(\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+(?:\\.\\d+)?)(?![\\w:-]|[.,]\\d)";
  const scale = "(?! (?:hundred|thousand|million|billion)\\b)";
  const found = (pattern: string): readonly string[] =>
    matches(text, new RegExp(pattern, "gi")).map(([, digits = ""]) => digits.replaceAll(",", ""));
  const bare = found(number).filter((digits) => digits.includes(".") || Number(digits) >= 1_000);
  const named = found(`${number} ?(?:[$€£¥]|(?:usd|eur|gbp|chf|dollars?|euros?|pounds?)\\b)`);
  const signed = found(`[$€£¥] ?(\\d+(?:,\\d{3})*(?:\\.\\d+)?)(?!\\w|[.,]\\d)${scale}`);
  return new Set([...bare, ...named, ...signed].map(Number));
}
