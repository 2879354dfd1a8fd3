// Words of a plain text, with the sentence they stand in. Letters set apart and digits in place of letters are undone.

export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly sentence: number;
  /** Known by its form alone: url, email, secretFile, configFile, memoryFile, snakeCase. */
  readonly form: string | null;
}

const URL = /https?:\/\/[^\s<>"'`)\]]{1,300}/;
const EMAIL = /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}/;
/** Files that hold keys and passwords, whoever names them. */
const SECRET_FILE = new RegExp(
  [
    /(?<!\w)\.(?:ssh|aws|gnupg|netrc|git-credentials|kube|bash_history|zsh_history)(?![\w(]|\.\w)/,
    /\bid_(?:rsa|dsa|ecdsa|ed25519)\b(?!\.pub)|\/etc\/(?:passwd|shadow|sudoers)\b|\bwallet\.(?:dat|json)\b/,
    /\blogin data\b|\bcookies\.sqlite\b|gcloud\/credentials|\bauthorized_keys\b|\bkeychain-db\b|\blogin\.keychain\b/,
  ]
    .map(({ source }) => source)
    .join("|"),
);
/** Files that often hold keys, and that honest instructions name often. */
const CONFIG_FILE = new RegExp(
  [
    /(?<!\w)\.(?:env|npmrc|pypirc|openclaw)(?![\w(])|(?<!\w)\*?\.(?:pem|p12|keystore|key)\b|\.docker\/config\.json/,
    /\b(?:mcp|claude_desktop_config|credentials|secrets|auth)\.(?:json|ya?ml|dat)\b/,
  ]
    .map(({ source }) => source)
    .join("|"),
);
/** Files that a model reads as its own instructions, in this or the next session. */
const MEMORY_FILE =
  /\b(?:soul|memory|agents|claude|gemini|heartbeat|identity|copilot-instructions)\.md\b|\.cursorrules\b/;
const PLAIN_WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}@$!]{0,63}(?:'\p{L}{1,20})?/u;
/** In the order of the groups of TOKEN. */
const FORMS = ["url", "email", "secretFile", "configFile", "memoryFile"] as const;
/** Addresses and files are one word each, so that the words inside them are not read as prose. */
const TOKEN = new RegExp(
  `(${URL.source})|(${EMAIL.source})|(${SECRET_FILE.source})|(${CONFIG_FILE.source})` +
    `|(${MEMORY_FILE.source})|\\b(?:qu|[ndl])(?=')|${PLAIN_WORD.source}`,
  "gu",
);
const SENTENCE_END = /[.!?。！？](?:["')*`\]]{0,4}\s)|\n\s{0,8}\n|\n\s{0,8}(?:[-*#>|]|\d{1,3}[.)])|<\/?[a-z!]|```/i;
const GAP_CHARS_MAX = 60;
const SINGLE_LETTERS_MIN = 4;
const LEET: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "8": "b",
  "@": "a",
  $: "s",
  "!": "i",
};

export function* wordsOf(lower: string): Generator<Word> {
  let sentence = 0;
  let before = 0;
  let letters: Word[] = [];
  for (const match of lower.matchAll(TOKEN)) {
    const [found] = match;
    const gap = lower.slice(before, Math.min(match.index, before + GAP_CHARS_MAX));
    if (SENTENCE_END.test(gap)) sentence += 1;
    const isWide = gap.length > 1;
    const text = found.replace(/!+$/, "");
    const shape = FORMS.find((_name, place) => match[place + 1] !== undefined) ?? null;
    const form = shape ?? (gap === "_" ? "snakeCase" : null);
    const word = { text, start: match.index, end: match.index + text.length, sentence, form };
    if (letters.length > 0 && (text.length > 1 || isWide)) {
      yield* joined(letters);
      letters = [];
    }
    if (text.length === 1 && letters.length < 40) letters.push(word);
    else yield word;
    before = word.end;
    if (found.endsWith("!")) sentence += 1;
  }
  yield* joined(letters);
}

/** "i g n o r e" is one word; "a b" are two. */
function* joined(letters: readonly Word[]): Generator<Word> {
  const [first] = letters;
  const last = letters.at(-1);
  if (first === undefined || last === undefined || letters.length < SINGLE_LETTERS_MIN) yield* letters;
  else yield { ...first, text: letters.map(({ text }) => text).join(""), end: last.end };
}

/** "1gn0r3" says ignore; null where there is nothing to undo. Numbers stay numbers. */
export function unleet(word: string): string | null {
  if (!/[0-9@$!]/.test(word) || !/[a-z]/.test(word)) return null;
  return Array.from(word, (char) => LEET[char] ?? char).join("");
}
