// The official suite's client scenarios against the upstream client, all that a revision requires.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

type Revision = "2025-11-25" | "2026-07-28";

interface ClientScenarios {
  readonly clientPassed: number;
  readonly clientRequired: number;
  /** With the suite's own words, for a person. */
  readonly failed: readonly string[];
}

const CLIENT = join(import.meta.dirname, "..", "..", "tests", "fixtures", "conformance-client.ts");
const SCENARIO_TIMEOUT_MS = 120_000;
const OUTPUT_MAX = 64 * 1024 * 1024;

export async function clientScenarios(revision: Revision): Promise<ClientScenarios> {
  const folder = dirname(fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/package.json")));
  const required = requiredIn(readFileSync(join(folder, "requirements", `${revision}.yaml`), "utf8"));
  const command = `${process.execPath} ${CLIENT}`;
  const said = await runSuite(join(folder, "dist", "index.js"), [
    ...["client", "--command", command, "--requirements", revision],
    ...["--timeout", String(SCENARIO_TIMEOUT_MS)],
  ]);
  const passed = new Set(Array.from(said.matchAll(/^✓ (\S+): [1-9]\d* passed, 0 failed$/gm), ([, name]) => name));
  const failed = required.filter((name) => !passed.has(name));
  const words = (name: string): string => said.split("\n").find((line) => line.includes(` ${name}: `)) ?? name;
  return {
    clientPassed: required.length - failed.length,
    clientRequired: required.length,
    failed: failed.map((name) => words(name)),
  };
}

function requiredIn(text: string): readonly string[] {
  const parsed: unknown = parse(text);
  const client: unknown = typeof parsed === "object" && parsed !== null && "client" in parsed ? parsed.client : [];
  return Array.isArray(client) ? client.filter((name) => typeof name === "string") : [];
}

/** Its exit code says no more than its summary; a suite that breaks off has none, and so nothing passed. */
function runSuite(program: string, args: readonly string[]): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "freehold-conformance-"));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: scratch, maxBuffer: OUTPUT_MAX }, (_error, stdout) => {
      rmSync(scratch, { recursive: true, force: true });
      resolve(stdout);
    });
  });
}
