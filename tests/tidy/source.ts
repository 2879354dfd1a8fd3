// Reads TypeScript just far enough for the rules: what is code, what is comment, what is text, what is imported.

export interface Masked {
  /** Comments are blanks; strings as written. Same length and lines as the text. */
  readonly uncommented: string;
  /** Comments and the insides of strings, templates and regular expressions are blanks. */
  readonly code: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly kind: "static" | "type" | "dynamic" | "side-effect";
  readonly names: readonly string[];
}

const BEFORE_REGEX = /(?:^|[([{,;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))$/;

export function mask(text: string): Masked {
  const uncommented = [...text.split("")];
  const code = [...text.split("")];
  const blank = (target: string[], from: number, to: number) => {
    for (let at = from; at < to; at += 1) if (target[at] !== "\n") target[at] = " ";
  };
  const braces: number[] = [];
  let at = 0;
  let before = "";
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text.charAt(at);
    if (two === "//" || two === "/*" || (at === 0 && two === "#!")) {
      const end = two === "/*" ? endAfter(text, "*/", at + 2) : endBefore(text, "\n", at);
      blank(uncommented, at, end);
      blank(code, at, end);
      at = end;
      continue;
    }
    if (one === '"' || one === "'" || (one === "/" && BEFORE_REGEX.test(before.trimEnd()))) {
      const end = one === "/" ? endOfRegex(text, at) : endOfString(text, at);
      blank(code, at + 1, end - 1);
      before = `${before.slice(-20)}"`;
      at = end;
      continue;
    }
    const closes = one === "}" && braces.at(-1) === 0;
    if (one === "`" || closes) {
      if (closes) braces.pop();
      const { end, opens } = endOfTemplate(text, at + 1);
      blank(code, at + 1, opens ? end - 2 : end - 1);
      if (opens) braces.push(0);
      before = opens ? "{" : '"';
      at = end;
      continue;
    }
    const depth = braces.length - 1;
    if (depth >= 0 && (one === "{" || one === "}")) braces[depth] = (braces[depth] ?? 0) + (one === "{" ? 1 : -1);
    before = before.slice(-20) + one;
    at += 1;
  }
  return { uncommented: uncommented.join(""), code: code.join("") };
}

function endAfter(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found + mark.length;
}

function endBefore(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found;
}

function endOfString(text: string, start: number): number {
  const quote = text.charAt(start);
  for (let at = start + 1; at < text.length; at += 1) {
    const one = text.charAt(at);
    if (one === "\\") at += 1;
    else if (one === quote || one === "\n") return at + 1;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let isInClass = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const one = text.charAt(at);
    if (one === "\\") at += 1;
    else if (one === "[") isInClass = true;
    else if (one === "]") isInClass = false;
    else if (one === "\n" || (one === "/" && !isInClass)) return at + 1;
  }
  return text.length;
}

function endOfTemplate(text: string, start: number): { readonly end: number; readonly opens: boolean } {
  for (let at = start; at < text.length; at += 1) {
    const one = text.charAt(at);
    if (one === "\\") at += 1;
    else if (one === "`") return { end: at + 1, opens: false };
    else if (one === "$" && text.charAt(at + 1) === "{") return { end: at + 2, opens: true };
  }
  return { end: text.length, opens: false };
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** Lines that hold code: no blanks, no comments. */
export function codeLines(text: string): number {
  return mask(text)
    .uncommented.split("\n")
    .filter((line) => line.trim() !== "").length;
}

const STATIC = /\b(?:import|export)\b(\s+type\b)?\s*((?:[\w$*]|\{[^{}]*\}|[\s,])*?)\s*\bfrom\s*(["'])/g;
const SIDE_EFFECT = /(?:^|[;\n])\s*import\s*(["'])/g;
const DYNAMIC = /\bimport\s*\(\s*(["'`])/g;

export function importsOf(text: string): readonly Import[] {
  const { code, uncommented } = mask(text);
  const found: Import[] = [];
  const add = (match: RegExpExecArray, kind: Import["kind"], names: readonly string[]) => {
    const start = match.index + match[0].length;
    const quote = code.charAt(start - 1);
    const specifier = uncommented.slice(start, code.indexOf(quote, start));
    found.push({ specifier, line: lineAt(text, start), kind, names });
  };
  for (const match of code.matchAll(STATIC)) {
    const clause = match[2] ?? "";
    const names = [...clause.matchAll(/[\w$]+/g)].map((name) => name[0]);
    const isType = match[1] !== undefined || everyNameIsType(clause);
    add(match, isType ? "type" : "static", names);
  }
  for (const match of code.matchAll(SIDE_EFFECT)) add(match, "side-effect", []);
  for (const match of code.matchAll(DYNAMIC)) add(match, "dynamic", []);
  return found;
}

function everyNameIsType(clause: string): boolean {
  const inside = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1];
  const names = (inside ?? "").split(",").filter((name) => name.trim() !== "");
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}
