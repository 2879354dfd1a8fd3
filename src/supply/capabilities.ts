// What a package's code can reach, found by reading it: modules of Node, code made at run time, native parts, hosts.
// A heuristic that names; the sandbox is what holds.

import { readCode, type CodeString } from "./code-words.ts";

/** One word each, as shown to the owner. */
export type Capability = string;

const MODULES: ReadonlySet<string> = new Set(
  (
    "child_process cluster dgram dns fs http http2 https inspector module net repl sqlite tls v8 vm wasi " +
    "worker_threads"
  ).split(" "),
);

/** In code, never in strings or comments. A name after a dot is another thing's method. */
const WORDS: readonly (readonly [Capability, RegExp])[] = [
  ["eval", /(?<![.\w$])eval\s*\(/],
  ["new Function", /(?<![.\w$])(?:new\s+)?Function\s*\(/],
  ["fetch", /(?:(?<![.\w$])|\bglobalThis\.)fetch\s*\(/],
  ["WebSocket", /(?<![.\w$])new\s+WebSocket\s*\(/],
  ["process.binding", /\bprocess\s*\.\s*(?:binding|_linkedBinding)\s*\(/],
  ["native code", /\bprocess\s*\.\s*dlopen\s*\(/],
  ["WebAssembly", /(?<![.\w$])WebAssembly\s*\./],
  ["process.env", /\bprocess\s*\.\s*env\b/],
  ["import of a computed name", /(?<![.\w$])(?:import|require)\s*\(\s*(?!["'`)])/],
];

/** `import`, `from`, `require(`, `import(`, `getBuiltinModule(` before a string make it the name of a module. */
const IMPORTING = /(?:\bfrom|\bimport|\b(?:require|import|getBuiltinModule)\s*\()\s*["'`]$/;
const LOOK_BACK = 40;
const HOST = /^(?:https?|wss?):\/\/([a-z0-9](?:[a-z0-9.-]{1,250}[a-z0-9])?\.[a-z]{2,24})(?=$|[/:?#"'`])/i;
/** Names of vocabularies and examples, which nobody connects to. */
const NO_HOST = /^(?:json-schema\.org|www\.w3\.org|schema\.org|example\.(?:com|org|net)|.*\.example)$/i;

export interface CodeReach {
  readonly capabilities: ReadonlySet<Capability>;
  /** Named in whole addresses. */
  readonly hosts: ReadonlySet<string>;
}

export function reachOf(source: string): CodeReach {
  const { code, strings } = readCode(source);
  const capabilities = new Set<Capability>(WORDS.flatMap(([name, pattern]) => (pattern.test(code) ? [name] : [])));
  const hosts = new Set<string>();
  for (const text of strings) {
    const module = moduleIn(code, text);
    if (module !== null) capabilities.add(module);
    const host = HOST.exec(text.text)?.[1]?.toLowerCase();
    if (host !== undefined && !NO_HOST.test(host)) hosts.add(host);
  }
  return { capabilities, hosts };
}

function moduleIn(code: string, { start, text }: CodeString): Capability | null {
  if (text.length > 200 || !IMPORTING.test(code.slice(Math.max(0, start - LOOK_BACK), start))) return null;
  if (text.endsWith(".node")) return "native code";
  const name = text.replace(/^node:/, "").split("/")[0] ?? "";
  return MODULES.has(name) ? name : null;
}
