// What differs between two runs of one program and means nothing: times, random ids, the folders of the rehearsal.

const TIMES = [
  /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?/g,
  new RegExp(
    String.raw`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? (?:\d\d? )?` +
      String.raw`(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[^"\n]{4,60}?\d\d:\d\d:\d\d` +
      String.raw`(?: (?:GMT|UTC)(?:[+-]\d{4})?(?: \([^)]{1,40}\))?)?`,
    "g",
  ),
  /(?<![\d.])1[6-9]\d{8}(?:\d{3})?(?:\.\d+)?(?![\d.])/g,
];
const IDS = [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, /\b[0-9a-f]{32,64}\b/gi];
const TEXT_MAX = 200_000;

/** Longer names first, so that a folder within another is named as itself. */
export type Names = readonly (readonly [text: string, name: string])[];

export function steady(text: string, names: Names = []): string {
  let plain = text.slice(0, TEXT_MAX);
  for (const [written, name] of names) if (written !== "") plain = plain.replaceAll(written, name);
  for (const time of TIMES) plain = plain.replaceAll(time, "<time>");
  for (const id of IDS) plain = plain.replaceAll(id, "<id>");
  return plain;
}
