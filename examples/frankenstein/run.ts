// A stack of many parts on one machine, without a network: 12 git repositories, 4 npm servers, 2 local models and a
// cloud fallback. Plans, applies, updates three times (ship, audit, block), rolls back, and checks what it claims.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeTree } from "../../tests/fixtures/daemon.ts";
import { missingPackages, openRegistry } from "../../tests/fixtures/npm-registry.ts";
import { mailServer, makeRepositories, SKILLS, type Repositories } from "./repositories.ts";
import { line, openFreehold, PROOF, type Freehold } from "./screen.ts";
import { openModelStandIn, tinyGguf, type ModelStandIn } from "./stand-ins.ts";

const SCOPE = "npm:@modelcontextprotocol";
const HIDDEN_COPY = ', Bcc: "phan@giftshop.club"';
const NOTES = ["family", "garden", "recipes", "travel"];

interface Workshop {
  readonly base: string;
  readonly repositories: Repositories;
  readonly models: ModelStandIn;
  readonly freehold: Freehold;
}

async function main(): Promise<void> {
  const [missing] = missingPackages();
  if (missing !== undefined)
    throw new Error(`${missing} is not in the cache. Next: npm run -s example -- frankenstein`);
  const base = mkdtempSync(join(tmpdir(), "freehold-frankenstein-"));
  const registry = await openRegistry({ withPinned: true });
  const models = await openModelStandIn();
  const freehold = openFreehold({ base, registry: registry.url });
  const startedMs = performance.now();
  try {
    const repositories = makeRepositories(base);
    const workshop = { base, repositories, models, freehold };
    await collect(workshop);
    await planAndApply(workshop);
    await updates(workshop);
    await back(workshop);
    console.log(`\nEverything was as claimed, in ${Math.round((performance.now() - startedMs) / 1_000)} s.`);
  } finally {
    await freehold.close();
    models.close();
    registry.close();
    removeTree(base);
  }
}

/** Everything is proposed and nothing is accepted: the answer to each question is no. */
async function collect({ base, repositories, models, freehold }: Workshop): Promise<void> {
  await freehold.begin();
  const notes = join(base, "notes");
  mkdirSync(notes);
  for (const name of NOTES) repositories.clone("notes", name, join(notes, name));
  const add = (args: readonly string[]): Promise<void> =>
    freehold.shortly(["add", ...args], [PROOF, line("with these cards? [y/N] ", "n")]);
  await add([`${SCOPE}/server-filesystem@2025.12.18`, "--as", "files", "--read", notes, "--", notes]);
  await add([`${SCOPE}/server-everything@2025.8.18`, "--as", "everything"]);
  await add([`${SCOPE}/server-memory@2026.1.26`, "--as", "memory"]);
  await add([`${SCOPE}/server-sequential-thinking@2025.12.18`, "--as", "thinking"]);
  await add([repositories.address("tools", "mail"), "--as", "mail", "--network", "api.mail.test:443"]);
  for (const tool of ["units", "dice", "slug"]) await add([repositories.address("tools", tool), "--as", tool]);
  for (const skill of Object.keys(SKILLS)) {
    const source = repositories.address("skills", skill);
    await freehold.shortly(["skill", "add", source, "--as", skill], [PROOF, line("[y/N] ", "n")]);
  }
  for (const name of ["small", "smaller"]) {
    const file = join(base, `${name}.gguf`);
    writeFileSync(file, tinyGguf(name));
    await freehold.shortly(["model", "pull", file], [PROOF, line("to these bytes? [y/N] ", "n")]);
  }
  const stack = join(freehold.home, "stack.yaml");
  writeFileSync(stack, readFileSync(stack, "utf8").replace(/^models: \{\}$/m, modelsText(models.url)));
}

function modelsText(url: string): string {
  return `models:
  small: { speaks: openai-chat, url: "${url}", model: small, place: this-machine }
  smaller: { speaks: openai-chat, url: "${url}", model: smaller, place: this-machine }
  cloud: { speaks: openai-chat, url: "https://models.example.net/v1", model: large-2026-10-01, place: cloud,
           secret: "secret:cloud", fallbackFor: [small, smaller] }`;
}

async function planAndApply({ freehold }: Workshop): Promise<void> {
  const plan = await freehold.shown(["plan"]);
  for (const name of ["files", "everything", "memory", "thinking", "mail", "units", "dice", "slug"]) {
    assert.match(plan.text, new RegExp(`server ${name} `), `the plan names ${name}`);
  }
  assert.equal(plan.text.match(/skill \w+ is locked at/g)?.length, 4, "the plan locks four skills");
  assert.equal(plan.text.match(/model \w+ is locked/g)?.length, 2, "the plan locks two model files");
  const applied = await freehold.shown(["apply"], [line("Apply exactly this? [y/N] ", "y"), PROOF]);
  assert.match(applied.text, /^Applied\. /m);
  const status = await freehold.shown(["status"]);
  assert.match(status.text, /everything/, "the status lists the servers");
  await mustBeAsLocked(freehold);
}

async function mustBeAsLocked(freehold: Freehold): Promise<void> {
  const lock = await freehold.shown(["lock", "--check", "--offline"]);
  assert.deepEqual([lock.code, /Nothing has drifted/.test(lock.text)], [0, true]);
}

async function updates({ repositories, freehold }: Workshop): Promise<void> {
  const shipped = await freehold.shown(["update", "files"], [PROOF, { expect: "n: not now ", send: "a" }]);
  assert.match(shipped.text, /2025\.12\.18 -> 2026\.1\.14 +ship/);
  assert.match(shipped.text, /files is 2026\.1\.14 now/);
  const watched = await freehold.shown(["status"]);
  assert.match(watched.text, /files has other code: its standing permissions wait/);
  const reason = line("Why is it fine? (nothing: not now) ", "the new tools are what I want; read the list");
  const audited = await freehold.shown(["update", "everything@2026.1.26"], [PROOF, reason]);
  assert.match(audited.text, /2025\.8\.18 -> 2026\.1\.26 +audit/);
  assert.match(audited.text, /tools that are gone: add, /);
  assert.match(audited.text, /everything is 2026\.1\.26 now/);
  repositories.publish("mail", mailServer(HIDDEN_COPY), "Tidy up");
  const blocked = await freehold.shown(["update", "mail"], [PROOF]);
  assert.match(blocked.text, / block$/m);
  assert.match(blocked.text, /POST api\.mail\.test\/email carries a new key Bcc/);
  assert.match(blocked.text, /Nothing changed\. The verdict is kept/);
  assert.equal(readdirSync(join(freehold.home, "verdicts")).length, 3, "each verdict is kept");
}

async function back({ freehold }: Workshop): Promise<void> {
  const lock = (): string => readFileSync(join(freehold.home, "stack.lock"), "utf8");
  assert.match(lock(), /server-everything@2026\.1\.26/);
  const rolled = await freehold.shown(["rollback"], [line("? [y/N] ", "y"), PROOF]);
  assert.match(rolled.text, /Barred until you say `freehold unbar`: everything\./);
  assert.match(lock(), /server-everything@2025\.8\.18/);
  assert.match(lock(), /server-filesystem@2026\.1\.14/, "the update that shipped stays");
  const again = await freehold.shown(["update", "everything@2026.1.26"], [PROOF]);
  assert.deepEqual([again.code, /is barred/.test(again.text)], [1, true]);
  await freehold.shown(["generations"]);
  await mustBeAsLocked(freehold);
  assert.equal((await freehold.shown(["ledger", "verify"])).code, 0);
}

await main();
