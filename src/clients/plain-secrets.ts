// Tokens that stand in plain text in a configuration. Guesses by name and by shape; a reference is not a secret.

export interface PlainSecret {
  readonly where: "env" | "header" | "argument" | "url";
  /** Name of the variable, header, option or query field. */
  readonly name: string;
  readonly value: string;
}

const NAME_ENDS = [
  ...["token", "secret", "passw(?:or)?d", "passphrase", "pwd", "credentials?", "auth", "authorization", "bearer"],
  ...["pat", "cookie", "key", "apikey"],
];
const NAMES = new RegExp(`(?:^|[-_. ])(?:${NAME_ENDS.join("|")})$`, "i");
/** Prefixes under which well-known services hand out tokens. */
const SHAPE_STARTS = [
  ...["sk-[\\w-]{16,}", "sk_(?:live|test)_\\w{10,}", "gh[opusr]_\\w{20,}", "github_pat_\\w{20,}", "glpat-[\\w-]{16,}"],
  ...[
    "xox[abeprs]-[\\w-]{10,}",
    "AKIA[A-Z0-9]{12,}",
    "AIza[\\w-]{30,}",
    "ya29\\.[\\w-]{20,}",
    "hf_\\w{20,}",
    "npm_\\w{30,}",
  ],
  ...["pplx-\\w{20,}", "tvly-[\\w-]{16,}", "ntn_\\w{20,}", "secret_\\w{20,}", "lin_api_\\w{20,}", "figd_[\\w-]{20,}"],
  ...["eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*", "-----BEGIN[\\s\\S]+"],
];
const SHAPES = new RegExp(`^(?:${SHAPE_STARTS.join("|")})$`);
const PLACEHOLDER =
  /\$\{[^}]*\}|^\$[A-Z_][A-Z0-9_]*$|\{env:[^}]*\}|^<.*>$|^your[-_ ]|^(?:x{3,}|\*+|\.{3}|…|changeme|todo)$|^%[A-Z_]+%$/i;

interface Parts {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly url: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export function plainSecrets({ args, env, url, headers }: Parts): readonly PlainSecret[] {
  return [
    ...Object.entries(env).flatMap(([name, value]) => judge("env", name, value)),
    ...Object.entries(headers).flatMap(([name, value]) => judge("header", name, value)),
    ...inArguments(args),
    ...inUrl(url),
  ];
}

/** `${TOKEN}`, `${input:id}` or `<your key>`: something stands for the value, or nobody filled it in. */
export function isPlaceholder(value: string): boolean {
  return value.trim() === "" || PLACEHOLDER.test(value.trim());
}

function judge(where: PlainSecret["where"], name: string, value: string): readonly PlainSecret[] {
  const bare = value.replace(/^(?:Bearer|Basic|Token)\s+/i, "");
  if (isPlaceholder(bare) || /^(?:true|false|\d{1,6}|none|null|https?:\/\/[^@]*|\/.*)$/i.test(bare)) return [];
  const snake = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return NAMES.test(snake) || SHAPES.test(bare) ? [{ where, name, value }] : [];
}

/** `--token X`, `--token=X`, `-e TOKEN=X`, `--header "Authorization: Bearer X"`, or a bare token. */
function inArguments(args: readonly string[]): readonly PlainSecret[] {
  return args.flatMap((arg, index): readonly PlainSecret[] => {
    const pair = /^-{0,2}([\w.-]+)[=:]\s*([\s\S]+)$/.exec(arg);
    if (pair !== null && !/^https?:/i.test(arg)) return judge("argument", pair[1] ?? "", pair[2] ?? "");
    const option = /^--?([\w-]+)$/.exec(args[index - 1] ?? "")?.[1];
    if (option !== undefined && !arg.startsWith("-")) return judge("argument", option, arg);
    if (/^https?:/i.test(arg)) return inUrl(arg);
    return SHAPES.test(arg) ? [{ where: "argument", name: `argument ${index + 1}`, value: arg }] : [];
  });
}

function inUrl(url: string | null): readonly PlainSecret[] {
  const parsed = url === null ? null : URL.parse(url);
  if (parsed === null) return [];
  const found = [...parsed.searchParams].flatMap(([name, value]) => judge("url", name, value));
  return parsed.password === "" ? found : [...found, { where: "url", name: "password", value: parsed.password }];
}

/** For a terminal: enough to recognise it, not enough to use it. */
export function masked(value: string): string {
  return value.length < 12 ? "•••" : `${value.slice(0, 4)}•••`;
}

/** A text with the values taken out, for a diff that is shown. */
export function withoutValues(text: string, values: readonly string[]): string {
  return values
    .filter((value) => value.length >= 4)
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, value) => rest.replaceAll(JSON.stringify(value).slice(1, -1), masked(value)), text);
}
