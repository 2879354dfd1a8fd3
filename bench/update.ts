// How long the rehearsal of a real update takes: server-filesystem 2025.12.18 to 2026.1.14, archives in the store.
// npm run -s bench -- update --json. A registry on this machine answers npm; the packages are those of the tests.

import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homePaths } from "../src/home/index.ts";
import { SANDBOX_DEFAULT, type StackServer } from "../src/manifest/index.ts";
import { probeSandbox } from "../src/sandbox/index.ts";
import { prepareServer, rehearse, type Rehearsal } from "../src/supply/index.ts";
import { removeTree } from "../tests/fixtures/daemon.ts";
import { missingPackages, openRegistry } from "../tests/fixtures/npm-registry.ts";
import { median, round, type Bench } from "./lib.ts";

const PACKAGE = "@modelcontextprotocol/server-filesystem";
const [FROM, TO] = ["2025.12.18", "2026.1.14"];
const ROUNDS = 5;
const DAY_MS = 86_400_000;

export const run: Bench = async ({ quick, note }) => {
  const [missing] = missingPackages();
  if (missing !== undefined) throw new Error(`${missing} is not in the cache: npm test fetches it`);
  const registry = await openRegistry({ withPinned: true });
  const base = mkdtempSync(join(tmpdir(), "bench-update-"));
  const before = process.env["npm_config_registry"];
  process.env["npm_config_registry"] = registry.url;
  try {
    const home = homePaths(join(base, "home"));
    mkdirSync(home.stateDir, { recursive: true });
    mkdirSync(join(base, "notes"));
    const stackServer: StackServer = {
      ...{ source: null, connector: null, account: {}, env: {}, secrets: {}, asks: [], compartment: "family" },
      args: ["${home}/notes"],
      sandbox: { ...SANDBOX_DEFAULT, read: ["${home}/notes"] },
    };
    const shared = {
      ...{ name: "files", homePaths: home, ownerHome: base, probe: await probeSandbox() },
      permitConnection: async () => true,
      progress: () => undefined,
    };
    const old = { ...stackServer, source: `npm:${PACKAGE}@${FROM}` };
    const { locked, draft } = await prepareServer({ ...shared, stackServer: old });
    const rehearsals: Rehearsal[] = [];
    for (let round = 0; round <= (quick ? 1 : ROUNDS); round += 1) {
      const { cards } = draft;
      const given = { contracts: null, others: new Map<string, string>(), ageMs: 9 * DAY_MS, cooldownMs: 3 * DAY_MS };
      const source = `npm:${PACKAGE}@${TO}`;
      const nowMs = Date.now();
      const done = await rehearse({ ...shared, ...given, stackServer: old, locked, source, cards, nowMs });
      note(`${done.judged.verdict} in ${done.seconds.whole} s`);
      // The first one brings the archives.
      if (round > 0) rehearsals.push(done);
    }
    const [first] = rehearsals;
    return {
      rehearsalSeconds: round(median(rehearsals.map(({ seconds }) => seconds.whole))),
      resolveAndInstallSeconds: round(median(rehearsals.map(({ seconds }) => seconds.staged))),
      verdict: first?.judged.verdict,
      callsSame: first?.replay.same,
      calls: first?.replay.total,
      packages: first?.tree.packages.total,
      rounds: rehearsals.length,
    };
  } finally {
    if (before === undefined) delete process.env["npm_config_registry"];
    else process.env["npm_config_registry"] = before;
    registry.close();
    removeTree(base);
  }
};
