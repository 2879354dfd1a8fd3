// Names of packages in install commands that imitate a known one: a letter changed, doubled, dropped or swapped.

import type { Hit } from "./scan-hit.ts";

const INSTALL =
  /\b(npm|pnpm|yarn|bun|npx|pip3?|uv pip|uv|pipx)[ \t]{1,3}(?:install|add|i|-y)[ \t]{1,3}([^\n`;&|"'#]{1,160})/g;

/** Names that are imitated most because they are installed most. */
const KNOWN = new Set(
  `requests numpy pandas scipy matplotlib tensorflow pytorch django flask fastapi pydantic boto3 urllib3 setuptools
  cryptography beautifulsoup4 selenium playwright sqlalchemy openai anthropic langchain colorama pillow
  lodash express react react-dom axios chalk commander webpack typescript eslint prettier next vue jquery moment
  dotenv mongoose nodemon puppeteer cross-env react-devtools socket.io electron discord.js ethers web3`.split(/\s+/),
);

export function packagesIn(text: string): readonly Hit[] {
  const found: Hit[] = [];
  for (const match of text.matchAll(INSTALL)) {
    const isNpm = !/pip|uv/.test(match[1] ?? "");
    const from = match.index + match[0].length - (match[2] ?? "").length;
    for (const { 0: word, index } of (match[2] ?? "").matchAll(/\S+/g)) {
      if (!word.startsWith("-") && isLookalike(bare(word), isNpm)) {
        found.push({ rule: "package.lookalike", start: from + index, end: from + index + word.length });
      }
    }
  }
  return found;
}

function bare(word: string): string {
  return word.replace(/(?<=.)(?:@|[=<>~!]=|\[).*$/, "");
}

/** Whether the name of a package imitates a known one. */
export function isLookalike(name: string, isNpm: boolean): boolean {
  if (!/^[A-Za-z][\w.-]{3,60}$/.test(name) || KNOWN.has(name)) return false;
  // npm takes no capitals; one inside a name stands for another letter (I for l, O for 0).
  if (isNpm && /[a-z][IO]|[IO][a-z]/.test(name)) return true;
  const lower = name.toLowerCase();
  if (KNOWN.has(lower)) return false;
  return [...KNOWN].some((known) => known.length >= 5 && isOneStep(lower, known));
}

/** One letter changed, added, dropped, or two neighbours swapped. */
function isOneStep(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const [a, b] = [one.slice(at), other.slice(at)];
  if (a.length > b.length) return a.slice(1) === b;
  if (a.length < b.length) return b.slice(1) === a;
  const isSwapped = a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return (
    isSwapped || (/[0-9]/.test(a[0] ?? "") ? a.slice(1) === b.slice(1) : a.slice(1) === b.slice(1) && a.length > 1)
  );
}
