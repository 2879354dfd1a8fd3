// Code that the owner had a model write, judged in the words of an update: ship, skim, audit or block. Everything is
// read, nothing is run or fetched, and the same files always give the same reasons.

import { oneLine } from "../kernel/index.ts";
import { reachOf, type Capability } from "./capabilities.ts";
import { readCodeFiles, type CodeFile } from "./code-files.ts";
import { needsOf, type CodeNeeds } from "./code-needs.ts";
import { pythonReach, shellReach } from "./script-reach.ts";
import { scanText, type Finding } from "./scan.ts";
import { VERDICTS, type Verdict } from "./verdict.ts";

export interface CodeReason {
  readonly verdict: Verdict;
  readonly says: string;
}

export interface JudgedCode {
  readonly verdict: Verdict;
  /** Strictest first. Empty when there is nothing to tell. */
  readonly reasons: readonly CodeReason[];
  readonly files: number;
  /** Long lines count as several; prose and lock files do not count. */
  readonly lines: number;
  /** To read all of it with care, at 400 lines an hour. */
  readonly readingMinutes: number;
  /** Capability to the files that have it. */
  readonly capabilities: Readonly<Record<Capability, readonly string[]>>;
  readonly hosts: readonly string[];
  readonly dependencies: CodeNeeds;
  readonly findings: readonly Finding[];
}

const LINES_PER_HOUR = 400;
const LINE_CHARS = 120;
/** A line that no person reads. */
const UNREADABLE_CHARS = 2_000;
const SHIP_LINES_MAX = 50;
const SKIM_LINES_MAX = 400;
const FINDINGS_MAX = 1_000;
const NAMED_MAX = 8;

/** Runs other programs, or code that is not there to be read. */
const POWERS: ReadonlySet<Capability> = new Set([
  "child_process",
  "cluster",
  "eval",
  "new Function",
  "vm",
  "repl",
  "inspector",
  "module",
  "process.binding",
  "native code",
  "WebAssembly",
  "import of a computed name",
  "unpickling",
]);
const NETWORK: ReadonlySet<Capability> = new Set("dgram dns fetch http http2 https net tls WebSocket".split(" "));
const SECRET_FILE =
  /(?:^|\/)(?:\.env(?:\.(?!example$|sample$|template$)[\w-]+)?|id_(?:rsa|ed25519|ecdsa)|.+\.(?:pem|p12|pfx|key))$/;

/** Throws Fault `judge.path`. */
export async function judgeCode(path: string): Promise<JudgedCode> {
  const { files, binaries, unread, linksOut } = await readCodeFiles(path);
  const read = files.filter(({ language }) => language !== "lock");
  const { capabilities, hosts } = reachIn(read);
  const dependencies = needsOf(files);
  const findings = read
    .flatMap(({ path: where, text, language }) =>
      scanText({ where, text, role: language === "prose" ? "skill" : "script" }),
    )
    .slice(0, FINDINGS_MAX);
  const lines = read.reduce((sum, { language, text }) => sum + (language === "prose" ? 0 : weightOf(text)), 0);
  const dense = read
    .filter(({ language, text }) => language !== "prose" && hasDenseLine(text))
    .map((file) => file.path);
  const secretFiles = [...read.map((file) => file.path), ...binaries].filter((file) => SECRET_FILE.test(file));
  const reasons = [
    ...findings.map(findingReason),
    ...needReasons(dependencies),
    ...reachReasons(capabilities, hosts),
    ...several("block", linksOut, ["leads out of the folder", "lead out of the folder"]),
    ...several("audit", secretFiles, ["is a place of secrets", "are places of secrets"]),
    ...several("audit", binaries, ["is nothing that can be read", "are nothing that can be read"]),
    ...several("audit", unread, ["was not read", "were not read"]),
    ...several("audit", dense, ["holds lines that no person reads", "hold lines that no person reads"]),
    ...sizeReasons(lines),
  ];
  const strictest = reasons.toSorted((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict));
  return {
    verdict: strictest[0]?.verdict ?? "ship",
    reasons: strictest,
    files: files.length,
    lines,
    readingMinutes: Math.ceil((lines * 60) / LINES_PER_HOUR),
    capabilities: Object.fromEntries(capabilities),
    hosts,
    dependencies,
    findings,
  };
}

interface Reached {
  /** Sorted by name. */
  readonly capabilities: readonly (readonly [Capability, readonly string[]])[];
  readonly hosts: readonly string[];
}

function reachIn(files: readonly CodeFile[]): Reached {
  const places = new Map<Capability, string[]>();
  const hosts = new Set<string>();
  for (const file of files) {
    const reach = fileReach(file);
    for (const name of reach.capabilities) places.set(name, [...(places.get(name) ?? []), file.path]);
    for (const host of reach.hosts) hosts.add(host);
  }
  const capabilities = [...places].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { capabilities, hosts: [...hosts].toSorted() };
}

function fileReach({ language, text }: CodeFile): ReturnType<typeof reachOf> {
  switch (language) {
    case "javascript":
      return reachOf(text);
    case "python":
      return { capabilities: pythonReach(text), hosts: new Set() };
    case "shell":
      return { capabilities: shellReach(text), hosts: new Set() };
    case "prose":
    case "other":
    case "lock":
      return { capabilities: new Set(), hosts: new Set() };
  }
}

/** A fact is there whoever reads, so nothing runs before the owner has read it; an opinion asks for a careful look. */
function findingReason({ kind, where, line, says, quote }: Finding): CodeReason {
  return { verdict: kind === "fact" ? "block" : "audit", says: `${oneLine(where, 160)}:${line}: ${says}: "${quote}"` };
}

function needReasons(needs: CodeNeeds): readonly CodeReason[] {
  const { declared, locked, floating, elsewhere, undeclared, lookalikes, scripts } = needs;
  return [
    ...several("block", scripts, ["runs when it is installed", "run when it is installed"]),
    ...several("block", lookalikes, ["imitates the name of a known package", "imitate names of known packages"]),
    ...several("audit", undeclared, [
      "is imported and declared nowhere: does such a package exist, and is it the right one?",
      "are imported and declared nowhere: do such packages exist, and are they the right ones?",
    ]),
    ...several("audit", elsewhere, ["comes from outside the registry", "come from outside the registry"]),
    ...several("audit", floating, [
      "is needed in no exact version, and no lock holds it",
      "are needed in no exact version, and no lock holds them",
    ]),
    ...(declared.length > 0 && floating.length < declared.length
      ? [
          {
            verdict: "skim" as const,
            says: `needs ${named(declared)}${locked > 0 ? `; ${locked} locked in all` : ""}`,
          },
        ]
      : []),
  ];
}

function reachReasons(capabilities: Reached["capabilities"], hosts: readonly string[]): readonly CodeReason[] {
  const isNetwork = capabilities.some(([name]) => NETWORK.has(name));
  return [
    ...capabilities.map(([name, places]): CodeReason => {
      const verdict = POWERS.has(name) || NETWORK.has(name) ? "audit" : "skim";
      const what = POWERS.has(name)
        ? "can run more than is written"
        : NETWORK.has(name)
          ? "can reach the network"
          : "uses";
      return { verdict, says: `${what}: ${name} in ${named(places)}` };
    }),
    ...(hosts.length > 0
      ? [{ verdict: isNetwork ? ("audit" as const) : ("skim" as const), says: `names the hosts ${named(hosts)}` }]
      : []),
  ];
}

function sizeReasons(lines: number): readonly CodeReason[] {
  if (lines <= SHIP_LINES_MAX) return [];
  const minutes = Math.ceil((lines * 60) / LINES_PER_HOUR);
  return [{ verdict: lines > SKIM_LINES_MAX ? "audit" : "skim", says: `${lines} lines: about ${minutes} min to read` }];
}

/** `says`: of one, of several. */
function several(verdict: Verdict, names: readonly string[], says: readonly [string, string]): readonly CodeReason[] {
  return names.length === 0 ? [] : [{ verdict, says: `${named(names)} ${says[names.length === 1 ? 0 : 1]}` }];
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((name) => oneLine(name, 160));
  return `${shown.join(", ")}${names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : ""}`;
}

function weightOf(text: string): number {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / LINE_CHARS)), 0);
}

function hasDenseLine(text: string): boolean {
  return text.split("\n").some((line) => line.length > UNREADABLE_CHARS);
}
