// How long a switch between two generations takes, on a stack with a policy of a usual size, disk syncs included.
//   switchMs: from when the pointer is written until the other policy holds and the ledger's entry is on disk, p50
//   switchP99Ms: the same, p99
//   rollbackMs: a whole rollback, with the commits in the home, p50

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPolicyState } from "../src/control/index.ts";
import { initHome } from "../src/home/index.ts";
import { surfaceRoot } from "../src/kernel/index.ts";
import { formatLock, type LockedServer } from "../src/manifest/index.ts";
import { openStore } from "../src/store/index.ts";
import { openGenerations } from "../src/supply/index.ts";
import { median, quantile, round, type Bench } from "./lib.ts";

const SERVERS = 8;
const TOOLS = 14;
const PACKAGES = 120;
const OWNER = { isLive: () => true };

export const run: Bench = async ({ quick, note }) => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-bench-generations-"));
  const { paths: home } = initHome(join(dir, "home"), { files: { "stack.yaml": stackOf("one") } });
  const clock = { nowMs: () => Date.now() };
  const store = openStore({ file: home.database, sign: null, nowMs: clock.nowMs, randomBytes });
  try {
    const generations = openGenerations(home);
    let pointedAt = 0;
    const timed: typeof generations = {
      ...generations,
      point: (...args) => {
        pointedAt = performance.now();
        generations.point(...args);
      },
    };
    const policy = openPolicyState({ home, store, clock, generations: timed });
    for (const name of ["one", "two"]) {
      writeFileSync(home.stack, stackOf(name));
      writeFileSync(home.lock, formatLock({ version: 1, servers: serversOf(name) }));
      await policy.apply(policy.proposal()?.digest ?? "", OWNER);
    }
    const switches: number[] = [];
    const whole: number[] = [];
    policy.onApplied(() => void switches.push(performance.now() - pointedAt));
    const rounds = quick ? 10 : 60;
    note(`${rounds} rollbacks between two generations of ${SERVERS} servers`);
    for (let at = 0; at < rounds; at += 1) {
      const from = policy.generation().number;
      const startedAt = performance.now();
      await policy.rollback({ from, to: from === 3 ? 2 : 3 }, OWNER);
      whole.push(performance.now() - startedAt);
    }
    return {
      switchMs: round(median(switches)),
      switchP99Ms: round(quantile(switches, 0.99)),
      rollbackMs: round(median(whole)),
      rounds,
    };
  } finally {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  }
};

function stackOf(name: string): string {
  const head = "version: 1\nowner: { name: Ada, timezone: UTC }\ncompartments: { home: {} }\nservers:\n";
  const rows = Object.keys(serversOf(name)).map(
    (server) => `  ${server}: { source: "npm:${server}@1.0.0", compartment: home }`,
  );
  return `${head}${rows.join("\n")}\n# ${name}\n`;
}

function serversOf(name: string): Readonly<Record<string, LockedServer>> {
  return Object.fromEntries(
    Array.from({ length: SERVERS }, (_, at) => [`server-${at}`, serverOf(`server-${at}`, name)]),
  );
}

function serverOf(server: string, generation: string): LockedServer {
  const inputSchema = { type: "object", properties: { path: { type: "string", description: "x".repeat(200) } } };
  const tools = Array.from({ length: TOOLS }, (_, at) => ({
    name: `tool_${at}`,
    description: generation,
    inputSchema,
  }));
  const rest = { protocol: "2025-11-25", instructions: null, serverInfo: {}, capabilities: {} };
  const surface = { ...rest, tools, resources: [], templates: [], prompts: [] };
  const integrity = `sha512-${"A".repeat(86)}==`;
  const packages = Array.from({ length: PACKAGES }, (_, at) => {
    const name = at === 0 ? server : `zz-${String(at).padStart(4, "0")}`;
    return { path: `node_modules/${name}`, name, version: "1.0.0", integrity };
  });
  const hash = generation === "one" ? "1".repeat(64) : "2".repeat(64);
  return {
    source: `npm:${server}@1.0.0`,
    kind: "npm",
    version: "1.0.0",
    integrity,
    tree: { hash, packages },
    command: ["node", `node_modules/${server}/index.js`],
    surface,
    surfaceRoot: surfaceRoot(surface),
  };
}
