// Takes secret values out of a text, also where a program wrote them in base64, hex or URL notation.
// Invariant: no listed notation of a value of 8 or more characters is left in the answer.

const LENGTH_MIN = 8;

/** By name. Values under 8 characters are left: too many innocent words would match. */
export function redactor(values: ReadonlyMap<string, string>): (text: string) => string {
  const secrets = [...values]
    .filter(([, value]) => value.length >= LENGTH_MIN)
    .sort((a, b) => b[1].length - a[1].length);
  if (secrets.length === 0) return (text) => text;
  const pattern = new RegExp(secrets.map(([, value]) => `(${formsOf(value).map(literal).join("|")})`).join("|"), "g");
  return (text) =>
    text.replace(pattern, (_, ...groups: readonly unknown[]) => {
      const which = groups.findIndex((group) => group !== undefined);
      return `‹secret:${secrets[which]?.[0] ?? "?"}›`;
    });
}

/** Longest first, so that no notation leaves the end of another. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString("hex");
  const url = encodeURIComponent(value);
  const anyCase = [hex, hex.replace(/../g, "%$&"), url, url.replaceAll("%20", "+")].flatMap((form) => [
    form,
    form.replace(/%..|^[0-9a-f]+$/g, (code) => code.toUpperCase()),
    form.replace(/%../g, (code) => code.toLowerCase()),
  ]);
  const base64 = [0, 1, 2].flatMap((shift) => [inBase64(bytes, shift, "base64"), inBase64(bytes, shift, "base64url")]);
  const forms = new Set([value, JSON.stringify(value).slice(1, -1), ...anyCase, ...base64]);
  return [...forms].sort((a, b) => b.length - a.length);
}

/** The characters that stand for the value alone when it begins `shift` bytes into what was encoded. */
function inBase64(bytes: Buffer, shift: number, encoding: "base64" | "base64url"): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString(encoding);
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
