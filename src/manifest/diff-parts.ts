// What the comparisons of two policies share.

export interface Change {
  readonly kind: "added" | "removed" | "changed";
  readonly file: string;
  readonly what: string;
  /** True when something may happen that could not before. In doubt it is true. */
  readonly wider: boolean;
}

export function minus<T extends string>(a: readonly T[], b: readonly T[]): readonly T[] {
  return a.filter((item) => !b.includes(item));
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .map(([key, item]) => [key, sorted(item)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Every name in either record, sorted, with its value before and after. */
export function pairs<T>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
): readonly (readonly [string, T | undefined, T | undefined])[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  const at = (record: Readonly<Record<string, T>>, name: string): T | undefined =>
    Object.hasOwn(record, name) ? record[name] : undefined;
  return names.map((name) => [name, at(before, name), at(after, name)] as const);
}
