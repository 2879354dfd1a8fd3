// The one place where text becomes HTML. Whatever is not Markup already is escaped, in text and in attributes.
// Contract: attributes stand in double quotes in every template; nothing is ever put inside <script> or <style>.

/** HTML that is safe as it stands. Only `html` and `join` make it. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(strings: TemplateStringsArray, slots: readonly Slot[]): Markup {
    let text = strings[0] ?? "";
    for (const [index, slot] of slots.entries()) text += written(slot) + (strings[index + 1] ?? "");
    return new Markup(text);
  }

  static joined(parts: readonly Markup[]): Markup {
    return new Markup(parts.map((part) => part.#text).join(""));
  }

  toString(): string {
    return this.#text;
  }
}

export type Slot = Markup | readonly Markup[] | string | number | null | false;

/** `null` and `false` write nothing, so that an optional part reads `condition && html`…``. */
export function html(strings: TemplateStringsArray, ...slots: readonly Slot[]): Markup {
  return Markup.of(strings, slots);
}

export const NOTHING: Markup = html``;

function written(slot: Slot): string {
  if (slot instanceof Markup) return slot.toString();
  if (slot === null || slot === false) return "";
  if (typeof slot === "string" || typeof slot === "number") return escaped(String(slot));
  return Markup.joined(slot).toString();
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
  // A parser drops or replaces these, so that what is shown would not be what was passed.
  "\0": "\\u0000",
  "\r": "&#13;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"'`\0\r]/g, (char) => ENTITIES[char] ?? char);
}
