// freehold scan PATH|SERVER: reads the texts of a skill's folder or of a locked server, and says what it found.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { scanSkill, scanSurface } from "../doctor/index.ts";
import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import { LOCK_FILE, parseLock } from "../manifest/index.ts";
import { findingsText, isFactFinding } from "./findings.ts";
import { needArgument, type Given } from "./given.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const named = needArgument(given);
  // A server is a bare word; a folder of the same name is written ./name.
  const server = /^[a-z][a-z0-9-]*$/.test(named) ? await serverScan(shell, named) : null;
  const scan = server ?? fileScan(named);
  const facts = scan.findings.filter(isFactFinding).length;
  return { json: { ...scan }, text: scanText(shell, named, scan), exit: facts > 0 ? 2 : 0 };
}

interface Scan {
  readonly [field: string]: JsonObject[string];
  readonly findings: readonly JsonObject[];
  readonly texts: readonly string[];
  readonly binaries: readonly string[];
  readonly unread: readonly string[];
}

async function serverScan(shell: Shell, name: string): Promise<Scan | null> {
  const file = join(await shell.home(), LOCK_FILE);
  if (!existsSync(file)) return null;
  const { servers } = parseLock(readFileSync(file, "utf8"), LOCK_FILE);
  const locked = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (locked === undefined) return null;
  const findings = scanSurface(locked.surface).map((finding) => ({ ...finding }));
  return { server: name, findings, texts: [`what ${name} offers`], binaries: [], unread: [] };
}

function fileScan(path: string): Scan {
  if (!existsSync(path)) {
    throw new Fault("scan.path", {
      message: `'${oneLine(path, 200)}' is neither a server of this stack nor a file or folder.`,
      next: "freehold status names the servers",
    });
  }
  const { findings, ...rest } = scanSkill(resolve(path));
  return { ...rest, findings: findings.map((finding) => ({ ...finding })) };
}

function scanText(shell: Shell, named: string, { findings, texts, binaries, unread }: Scan): readonly string[] {
  const read = `${safeLine(named, 200)}: ${count(texts.length, "text")} read, ${count(findings.length, "finding")}.`;
  return [
    ...wrap(read, shell.width),
    ...(binaries.length === 0 ? [] : wrap(`Not text, so not read: ${list(binaries)}`, shell.width)),
    ...(unread.length === 0 ? [] : wrap(`Left out: ${list(unread)}`, shell.width)),
    ...findingsText(shell, findings),
  ];
}

const LISTED_MAX = 20;

function list(names: readonly string[]): string {
  const more = names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : "";
  return `${names
    .slice(0, LISTED_MAX)
    .map((name) => safeLine(name, 120))
    .join(", ")}${more}`;
}
