// What Python and shell code can reach, found by its words, in the vocabulary of capabilities.ts.
// A heuristic that names; the sandbox is what holds.

import type { Capability } from "./capabilities.ts";

type Words = readonly (readonly [Capability, RegExp])[];

const imports = (names: string): RegExp => new RegExp(`^[ \\t]*(?:import|from)[ \\t]+(?:${names})\\b`, "m");

const PYTHON: Words = [
  ["child_process", imports("subprocess|pty|pexpect")],
  ["child_process", /\bos\s*\.\s*(?:system|popen|exec[lv]\w*|spawn\w*|fork)\s*\(/],
  ["net", imports("socket|socketserver|asyncio\\.streams|paramiko|smtplib|ftplib|telnetlib")],
  ["http", imports("requests|httpx|aiohttp|urllib|urllib3|http")],
  ["eval", /(?<![.\w])(?:eval|exec)\s*\(/],
  ["import of a computed name", /(?<![.\w])__import__\s*\(|\bimportlib\s*\.\s*import_module\s*\(/],
  ["native code", imports("ctypes|cffi")],
  ["unpickling", /\b(?:pickle|marshal|dill|shelve)\s*\.\s*(?:load|loads|open)\s*\(/],
  ["process.env", /\bos\s*\.\s*(?:environ|getenv)\b/],
  ["fs", /(?<![.\w])open\s*\(|^[ \t]*(?:import|from)[ \t]+(?:shutil|pathlib|tempfile)\b/m],
];

const SHELL: Words = [
  ["child_process", /\S/],
  ["http", /(?:^|[\s;|&(`])(?:curl|wget)\s/m],
  ["net", /(?:^|[\s;|&(`])(?:nc|ncat|ssh|scp|rsync|telnet|socat)\s/m],
  ["eval", /(?:^|[\s;|&(`])eval\s/m],
];

export function pythonReach(text: string): ReadonlySet<Capability> {
  return reachIn(PYTHON, text.replaceAll(/^[ \t]*#.*$/gm, ""));
}

export function shellReach(text: string): ReadonlySet<Capability> {
  return reachIn(SHELL, text.replaceAll(/^[ \t]*#.*$/gm, ""));
}

function reachIn(words: Words, text: string): ReadonlySet<Capability> {
  return new Set(words.flatMap(([name, pattern]) => (pattern.test(text) ? [name] : [])));
}
