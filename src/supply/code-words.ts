// JavaScript read as words, not as grammar: comments and the insides of strings are told from code, so that what a
// program imports and calls can be found. A heuristic: code that is built from strings at run time is not seen.

export interface CodeWords {
  /** The source with comments and the contents of strings blanked out; same length, so that offsets agree. */
  readonly code: string;
  readonly strings: readonly CodeString[];
}

export interface CodeString {
  readonly start: number;
  readonly text: string;
}

/** After one of these a slash begins a regular expression, after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%^~<>])\s*$|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)\s*$/;
const LOOK_BACK = 40;
const STRINGS_MAX = 100_000;

export function readCode(source: string): CodeWords {
  const strings: CodeString[] = [];
  const kept: string[] = [];
  let plainFrom = 0;
  /** Open template literals: how many braces deep the code inside each is. */
  const templates: number[] = [];
  const blank = (start: number, end: number): void => {
    kept.push(source.slice(plainFrom, start), source.slice(start, end).replaceAll(/[^\n]/g, " "));
    plainFrom = end;
  };
  const keep = (start: number, end: number): void => {
    if (strings.length < STRINGS_MAX) strings.push({ start, text: source.slice(start, end) });
    blank(start, end);
  };
  const inTemplate = (start: number): number => {
    const end = endOf(source, start, "`");
    keep(start, end);
    if (source[end] !== "$") return end + 1;
    templates.push(0);
    return end + 2;
  };
  for (let at = 0; at < source.length;) {
    const char = source[at] ?? "";
    const next = source[at + 1];
    if (char === "/" && (next === "/" || next === "*")) {
      const found = next === "/" ? source.indexOf("\n", at) : source.indexOf("*/", at + 2);
      const end = found === -1 ? source.length : found + (next === "/" ? 0 : 2);
      blank(at, end);
      at = end;
    } else if (char === '"' || char === "'") {
      const end = endOf(source, at + 1, char);
      keep(at + 1, end);
      at = end + 1;
    } else if (char === "`") at = inTemplate(at + 1);
    else if (char === "/" && BEFORE_REGEX.test(source.slice(Math.max(0, at - LOOK_BACK), at))) {
      const end = endOfRegex(source, at + 1);
      blank(at + 1, end);
      at = end + 1;
    } else {
      const depth = templates.at(-1);
      if (depth !== undefined && char === "{") templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && char === "}") {
        templates.pop();
        if (depth > 0) templates.push(depth - 1);
        else {
          at = inTemplate(at + 1);
          continue;
        }
      }
      at += 1;
    }
  }
  kept.push(source.slice(plainFrom));
  return { code: kept.join(""), strings };
}

/** Where the string ends, or a template's `${` begins; a plain string ends with its line at the latest. */
function endOf(source: string, start: number, quote: string): number {
  for (let at = start; at < source.length; at += 1) {
    const char = source[at];
    if (char === "\\") at += 1;
    else if (char === quote) return at;
    else if (char === "\n" && quote !== "`") return at;
    else if (char === "$" && quote === "`" && source[at + 1] === "{") return at;
  }
  return source.length;
}

function endOfRegex(source: string, start: number): number {
  let isInClass = false;
  for (let at = start; at < source.length; at += 1) {
    const char = source[at];
    if (char === "\\") at += 1;
    else if (char === "\n") return at;
    else if (char === "[") isInClass = true;
    else if (char === "]") isInClass = false;
    else if (char === "/" && !isInClass) return at;
  }
  return source.length;
}
