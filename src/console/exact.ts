// Untrusted text as the owner reads it: in full or openly cut, hidden characters spelled out and marked, never a link.

import { isLookalike, isObject, parseStrict, revealJson, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { html, type Markup } from "./html.ts";

/** Above this an argument is cut on the inbox, where it says so and cannot be answered with yes. */
export const CARD_TEXT_LENGTH_MAX = 6_000;

/** One line; what could hide or reorder is marked, so that it cannot be mistaken for typed text of the same look. */
function exactLine(line: string): Markup {
  if (revealJson(line) === line) return html`${line}`;
  const parts: Markup[] = [];
  let plain = "";
  for (const char of line) {
    const shown = revealJson(char);
    if (shown === char) {
      plain += char;
      continue;
    }
    // A tab is common and takes its room, so it gets a mark of its own; everything else shows its number.
    parts.push(html`${plain}<mark class="hidden">${char === "\t" ? "⇥\t" : shown}</mark>`);
    plain = "";
  }
  return html`${parts}${plain}`;
}

/** A slot, not a part of a template: white space in templates is the formatter's to change. */
export const LINE_END = "\n";

/** Line ends stay line ends, marked where they are not the last thing in the text. */
export function exactText(text: string): Markup {
  const lines = text.split("\n");
  return html`${lines.map((line, index) =>
    index === lines.length - 1
      ? exactLine(line)
      : html`${exactLine(line)}<span class="eol" aria-hidden="true">↵</span>${LINE_END}`,
  )}`;
}

export function countOf(text: string): string {
  const lines = text.split("\n").length;
  const characters = `${grouped(text.length)} ${text.length === 1 ? "character" : "characters"}`;
  return lines === 1 ? characters : `${characters} on ${grouped(lines)} lines`;
}

export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

export type Role = "critical" | "content" | "egress";

const ROLE_ORDER: Readonly<Record<Role, number>> = { critical: 0, egress: 1, content: 2 };

/** A longer value gets a box of its own. */
const LINE_LENGTH_MAX = 160;

const ROLE_WORDS: Readonly<Record<Role, string>> = {
  critical: "decides who, where or what",
  content: "content",
  egress: "leads outside",
};

export interface Argument {
  readonly name: string;
  readonly role: Role;
  /** The value itself: a text as it is, anything else as JSON. */
  readonly text: string;
}

/** What decides comes first. Null when the text is no JSON object: then only the text itself can be shown. */
export function argumentsOf(canonicalArgs: string, roles: ReadonlyMap<string, Role>): readonly Argument[] | null {
  const parsed = parseStrict(canonicalArgs);
  if (parsed.kind === "refused" || !isObject(parsed.value)) return null;
  const args = Object.entries(parsed.value).map(([name, value]) => ({
    name,
    role: roles.get(name) ?? "critical",
    text: typeof value === "string" ? value : spelled(value),
  }));
  return args.toSorted((one, other) => ROLE_ORDER[one.role] - ROLE_ORDER[other.role]);
}

/** On one line while it is short. */
function spelled(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= LINE_LENGTH_MAX ? text : indented(value);
}

/** Reads back to the same value; spelled over several lines so that a phone can show and edit it. */
export function indented(value: JsonValue): string {
  return JSON.stringify(value, null, 2);
}

export function editable(canonicalArgs: string): string {
  const parsed = parseStrict(canonicalArgs);
  const text = parsed.kind === "value" ? indented(parsed.value) : canonicalArgs;
  return text.split("\n").map(revealJson).join("\n");
}

export type ObjectRead =
  | { readonly kind: "object"; readonly value: JsonObject }
  | { readonly kind: "refused"; readonly reason: string };

export function objectFrom(text: string): ObjectRead {
  const parsed = parseStrict(text);
  if (parsed.kind === "refused") return parsed;
  if (isObject(parsed.value)) return { kind: "object", value: parsed.value };
  return { kind: "refused", reason: "the arguments must be one object: { … }" };
}

export function isCut(args: readonly Argument[]): boolean {
  return args.some((one) => one.text.length > CARD_TEXT_LENGTH_MAX);
}

export function argumentList(
  args: readonly Argument[],
  options: { readonly prefix: string; readonly lengthMax: number },
): Markup {
  if (args.length === 0) return html`<p class="quiet">No arguments.</p>`;
  return html`<dl class="args">
    ${args.map((one, index) => argumentRow(one, { ...options, id: `${options.prefix}-${index}` }))}
  </dl>`;
}

function argumentRow(one: Argument, options: { readonly id: string; readonly lengthMax: number }): Markup {
  const isLong = one.role === "content" || one.text.length > LINE_LENGTH_MAX || one.text.includes("\n");
  const cut = one.text.length > options.lengthMax;
  const text = cut ? one.text.slice(0, options.lengthMax).toWellFormed() : one.text;
  const value = isLong
    ? html`<pre class="box" id="${options.id}" tabindex="0" role="region" aria-label="${`value of ${one.name}`}">
${exactText(text)}</pre>
        <p class="count">
          ${cut && html`<strong>Cut here.</strong> The first ${grouped(text.length)} of `}${countOf(one.text)}
        </p>`
    : html`<code class="value">${one.text === "" ? html`<span class="quiet">empty</span>` : exactText(text)}</code>`;
  return html`<div class="arg arg-${one.role}">
    <dt>
      <span class="arg-name">${exactLine(one.name)}</span>
      ${one.name !== one.role && html`<span class="role">${ROLE_WORDS[one.role]}</span>`}
    </dt>
    <dd>${value}${isLookalike(text) && html`<p class="warn">Mixes alphabets: some letters only look familiar.</p>`}</dd>
  </div>`;
}
