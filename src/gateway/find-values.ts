// Finds secret values in a text, in every notation that programs use without meaning to hide anything.
// Invariants: what is compared is folded (small letters and digits alone), so separators hide nothing; a form too short
// for that is compared as it is; each place costs at most one block per form.

export interface Hit {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

type Find = (text: string) => readonly Hit[];

interface Form {
  readonly name: string;
  readonly codes: Uint16Array;
}

/** Shorter values are left: too many innocent words would match. */
export const FOUND_LENGTH_MIN = 8;
/** Runs of digits are common. */
const FOUND_DIGITS_MIN = 12;
/** Longer forms are compared in blocks, which finds a long part of a value too. */
const BLOCK = 64;
const PREFIX = 4;
const KEPT = /^[\p{L}\p{N}\p{M}\p{Cs}]$/u;

/** Of pairs of name and value. Null where there is nothing to find. */
export function finderOf(values: readonly (readonly [string, string])[]): Find | null {
  const secrets = values.filter(([, value]) => value.length >= FOUND_LENGTH_MIN);
  if (secrets.length === 0) return null;
  const folds = Uint16Array.from({ length: 65_536 }, (_, code) => {
    const small = String.fromCharCode(code).toLowerCase();
    return KEPT.test(small) ? small.charCodeAt(0) : 0;
  });
  const same = folds.map((_, code) => code);
  const [folded, exact]: [Form[], Form[]] = [[], []];
  for (const [name, value] of secrets) {
    for (const text of formsOf(value)) {
      const codes = fold(text, folds);
      if (isTelling(codes)) folded.push({ name, codes });
      else exact.push({ name, codes: fold(text, same) });
    }
  }
  const searches = [search(folded, folds), search(exact, same)];
  return (text) => searches.flatMap((find) => find(text)).sort((one, other) => one.start - other.start);
}

function isTelling(codes: Uint16Array): boolean {
  return codes.length >= (codes.every((code) => code >= 48 && code <= 57) ? FOUND_DIGITS_MIN : FOUND_LENGTH_MIN);
}

/** Without what folds to 0. */
function fold(text: string, folds: Uint16Array): Uint16Array {
  const codes = new Uint16Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = folds[text.charCodeAt(at)] ?? 0;
    if (code !== 0) codes[length++] = code;
  }
  return codes.subarray(0, length);
}

/** Depends on the last four codes alone. */
function rolled(hash: number, code: number): number {
  return ((hash << 4) ^ code) & 0xffff;
}

/** A table of the blocks' first four codes lets most places pass with one look. */
function search(forms: readonly Form[], folds: Uint16Array): Find {
  const byHash = new Map<number, Form[]>();
  for (const { name, codes } of forms) {
    for (let from = 0; from < codes.length; from += BLOCK) {
      const start = Math.max(0, Math.min(from, codes.length - BLOCK));
      const block = codes.subarray(start, start + BLOCK);
      const hash = block.subarray(0, PREFIX).reduce(rolled, 0);
      byHash.set(hash, [...(byHash.get(hash) ?? []), { name, codes: block }]);
    }
  }
  for (const blocks of byHash.values()) blocks.sort((one, other) => other.codes.length - one.codes.length);
  const isBlockStart = Uint8Array.from({ length: 65_536 }, (_, hash) => (byHash.has(hash) ? 1 : 0));
  if (forms.length === 0) return () => [];
  return (text) => {
    const codes = fold(text, folds);
    const found: { start: number; end: number; name: string }[] = [];
    let hash = 0;
    for (let at = 0; at < codes.length; at += 1) {
      hash = rolled(hash, codes[at] ?? 0);
      if (isBlockStart[hash] === 0) continue;
      const start = at + 1 - PREFIX;
      const form = byHash.get(hash)?.find((block) => standsAt(codes, start, block.codes));
      if (form === undefined) continue;
      const [last, end] = [found.at(-1), start + form.codes.length];
      const isMore = last !== undefined && (start < last.end || (start === last.end && last.name === form.name));
      if (isMore) last.end = Math.max(last.end, end);
      else found.push({ start, end, name: form.name });
    }
    return found.length === 0 ? [] : inText(found, text, folds);
  };
}

function standsAt(codes: Uint16Array, start: number, block: Uint16Array): boolean {
  for (let at = 0; at < block.length; at += 1) if (codes[start + at] !== block[at]) return false;
  return true;
}

/** From places among the folded codes to places in the text. */
function inText(found: readonly Hit[], text: string, folds: Uint16Array): readonly Hit[] {
  const places: number[] = [];
  for (let at = 0; at < text.length; at += 1) if ((folds[text.charCodeAt(at)] ?? 0) !== 0) places.push(at);
  return found.map(({ start, end, name }) => ({ start: places[start] ?? 0, end: (places[end - 1] ?? 0) + 1, name }));
}

function formsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value);
  const url = encodeURIComponent(value);
  const strict = url.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  const urls = [url, strict].flatMap((form) => [form, form.replaceAll("%20", "+")]);
  const escaped = JSON.stringify(value).slice(1, -1);
  const ascii = escaped.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const base64 = [0, 1, 2].flatMap((shift) => [inBase64(bytes, shift, "base64"), inBase64(bytes, shift, "base64url")]);
  const safeSlash = urls.map((form) => form.replaceAll("%2F", "/"));
  const forms = [value, escaped, ascii, bytes.toString("hex"), ...urls, ...safeSlash, ...base64];
  return new Set([...forms, ...forms.map((form) => Array.from(form).toReversed().join(""))]);
}

/** The characters that stand for the value alone when it begins `shift` bytes into what was encoded. */
function inBase64(bytes: Buffer, shift: number, encoding: "base64" | "base64url"): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString(encoding);
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}
