import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { CLIENT_FILES, type ClientFile } from "../../tests/fixtures/client-files.ts";
import { Fault } from "../kernel/index.ts";
import {
  alsoThere,
  applyEdit,
  CLIENT_IDS,
  connectClient,
  deleteBackup,
  findClients,
  plainTokens,
  planAdopt,
  planDisconnect,
  readJournal,
  readServers,
  sealBackup,
  shimOf,
  shimText,
  undoEdits,
  unsealBackup,
} from "./index.ts";
import type { ClientConfig, FoundServer, Places } from "./index.ts";
import { readConfig } from "./syntax.ts";

const root = fs.mkdtempSync(join(tmpdir(), "freehold-programs-"));
after(() => fs.rmSync(root, { recursive: true, force: true }));
let count = 0;
const shim = shimOf({ command: "/opt/freehold/freehold", home: "/home/ada/freehold-home", token: "fh_secretsecret" });

interface Machine {
  readonly config: ClientConfig;
  readonly places: Places;
  readonly journal: string;
}

function machine({ client, file, text }: Pick<ClientFile, "client" | "file" | "text">): Machine {
  const dir = join(root, `m${(count += 1)}`);
  const places: Places = { homeDir: join(dir, "home"), cwd: join(dir, "project"), platform: "linux", env: {} };
  fs.mkdirSync(places.cwd, { recursive: true });
  fs.mkdirSync(dirname(join(places.homeDir, file)), { recursive: true });
  fs.writeFileSync(join(places.homeDir, file), text);
  const config = findClients(places).find((one) => one.client === client && one.exists);
  assert.ok(config, client);
  assert.equal(config.file, join(places.homeDir, file));
  return { config, places, journal: join(dir, "state/clients.json") };
}

const textOf = ({ config }: Machine): string => fs.readFileSync(config.file, "utf8");
const label = ({ client, file }: ClientFile): string => `${client}, ${file}`;

/** Lines that stand in both, in order, as `after` has them. */
function keptLines(before: string, now: string): number {
  const rest = now.split("\n");
  let at = 0;
  let kept = 0;
  for (const line of before.split("\n")) {
    const found = rest.indexOf(line, at);
    if (found === -1) continue;
    kept += 1;
    at = found + 1;
  }
  return kept;
}

test("each program's documented file is read: its servers, in order", () => {
  for (const one of CLIENT_FILES) {
    const { config } = machine(one);
    assert.deepEqual(
      readServers(config).map((server) => server.name),
      one.servers,
      label(one),
    );
  }
});

test("connecting adds one entry and leaves every other line; disconnecting gives back every byte", () => {
  for (const one of CLIENT_FILES) {
    const there = machine(one);
    const edit = connectClient({ config: there.config, shim, remove: [] });
    assert.ok(edit, label(one));
    assert.doesNotMatch(edit.diff, /fh_secretsecret/);
    applyEdit(edit, { journal: there.journal, nowMs: 1 });
    const lines = one.text.split("\n").length;
    // In JSON the line before the new entry may have gained a comma.
    assert.ok(keptLines(one.text, textOf(there)) >= lines - 1, `${label(one)}\n${textOf(there)}`);
    const own = readServers(there.config).find((server) => server.isFreehold);
    assert.deepEqual(own?.env, shim.env, label(one));
    assert.equal(connectClient({ config: there.config, shim, remove: [] }), null, label(one));
    // A second token, then out.
    const again = connectClient({
      config: there.config,
      shim: shimOf({ command: shim.command, home: "/h", token: "fh_other" }),
      remove: [],
    });
    assert.ok(again);
    applyEdit(again, { journal: there.journal, nowMs: 2 });
    const plan = planDisconnect(there.config, there.journal);
    assert.ok(plan?.kind === "restore", label(one));
    assert.doesNotMatch(plan.diff, /fh_other/);
    undoEdits(there.journal, ({ id }) => plan.ids.includes(id));
    assert.equal(textOf(there), one.text, label(one));
    assert.deepEqual(fs.readdirSync(dirname(there.config.file)), [one.file.split("/").at(-1)]);
  }
});

test("adopting takes the servers out and Freehold in; undoing gives back every byte", () => {
  for (const one of CLIENT_FILES) {
    const there = machine(one);
    const found = readServers(there.config);
    const edit = connectClient({ config: there.config, shim, remove: found });
    assert.ok(edit, label(one));
    assert.doesNotMatch(edit.diff, /ghp_abcdef/);
    applyEdit(edit, { journal: there.journal, nowMs: 1 });
    assert.deepEqual(
      readServers(there.config).map((server) => server.name),
      ["freehold"],
      label(one),
    );
    assert.doesNotMatch(fs.readFileSync(there.journal, "utf8"), /ghp_abcdef/);
    assert.deepEqual(
      undoEdits(there.journal).map((each) => each.how),
      ["restored"],
    );
    assert.equal(textOf(there), one.text, label(one));
  }
});

test("where the program wrote its file since, undoing puts the servers back and keeps what is new", () => {
  for (const one of CLIENT_FILES.filter(({ client }) => client !== "goose")) {
    const there = machine(one);
    const found = readServers(there.config);
    const edit = connectClient({ config: there.config, shim, remove: found });
    assert.ok(edit);
    applyEdit(edit, { journal: there.journal, nowMs: 1 });
    const [mark, more] = there.config.syntax === "toml" ? ["# my settings", "# mine\nnew = 1"] : ["{", '{ "new": 1,'];
    fs.writeFileSync(there.config.file, edit.after.replace(mark, more));
    assert.deepEqual(
      undoEdits(there.journal).map((each) => each.how),
      ["merged"],
      label(one),
    );
    const parts = (servers: readonly FoundServer[]): object =>
      Object.fromEntries(
        servers.map(({ name, command, args, env, url, headers }) => [name, [command, args, env, url, headers]]),
      );
    assert.deepEqual(parts(readServers(there.config)), parts(found), label(one));
    assert.equal(readConfig({ ...there.config, text: textOf(there) })["new"], 1);
  }
});

const NAME = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/).filter((name) => !["freehold", "__proto__"].includes(name));
const ENTRY = fc.record({
  args: fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 }),
  env: fc.dictionary(NAME, fc.string({ maxLength: 12 }), { maxKeys: 3 }),
  value: fc.string({ maxLength: 20 }),
});

test("whatever stands in the files: connect and disconnect, adopt and undo give back every byte", () => {
  const clients = CLIENT_FILES.filter(({ client }) => client !== "openclaw");
  fc.assert(
    fc.property(
      fc.constantFrom(...clients),
      fc.dictionary(NAME, ENTRY, { maxKeys: 4 }),
      fc.record({ isAdopted: fc.boolean(), eol: fc.constantFrom("\n", "\r\n") }),
      (one, extra, { isAdopted, eol }) => {
        const text = withMore(one, extra).replaceAll("\n", one.client === "goose" ? "\n" : eol);
        const there = machine({ ...one, text });
        const found = readServers(there.config);
        const edit = connectClient({ config: there.config, shim, remove: isAdopted ? found : [] });
        assert.ok(edit);
        applyEdit(edit, { journal: there.journal, nowMs: 1 });
        assert.equal(readServers(there.config).filter((server) => server.isFreehold).length, 1);
        const plan = planDisconnect(there.config, there.journal);
        assert.equal(plan?.kind, isAdopted && found.length > 0 ? "edit" : "restore");
        undoEdits(there.journal);
        assert.equal(textOf(there), text);
        fs.rmSync(dirname(there.places.homeDir), { recursive: true });
      },
    ),
    { numRuns: 60 },
  );
});

/** The documented file with more servers before those that it has, in its own syntax. */
function withMore(
  { client, text }: ClientFile,
  extra: Readonly<Record<string, { args: string[]; env: object; value: string }>>,
): string {
  const entries = Object.entries(extra).map(
    ([name, { args, env, value }]) => [`x-${name}`, { command: "npx", args, env, note: value }] as const,
  );
  const json = (value: unknown): string => JSON.stringify(value);
  const toml = (value: unknown): string => json(value).replaceAll("\u007f", "\\u007f");
  if (client === "codex") {
    const blocks = entries.map(
      ([name, entry]) =>
        `[mcp_servers.${name}]\ncommand = "npx" # runs\nargs = ${toml(entry.args)}\n\n` +
        `[mcp_servers.${name}.env]\n` +
        Object.entries(entry.env)
          .map(([key, value]) => `${key} = ${toml(value)}\n`)
          .join(""),
    );
    return text.replace("[mcp_servers.files]", () => `${blocks.join("")}[mcp_servers.files]`);
  }
  if (client === "goose") {
    const lines = entries.map(
      ([name, { args, env }]) =>
        `  ${name}: { type: stdio, name: ${name}, cmd: npx, args: ${json(args)}, envs: ${json(env)} }\n`,
    );
    return text.replace("extensions:\n", () => `extensions:\n${lines.join("")}`);
  }
  const key = /"(?:mcpServers|context_servers|servers|mcp)": \{\n/.exec(
    text.replace(/"mcp": \{\n(?=.*"timeout")/, (all) => "#".repeat(all.length)),
  );
  assert.ok(key, client);
  const at = key.index + key[0].length;
  const lines = entries.map(([name, entry]) => {
    const local = { type: "local", command: ["npx", ...entry.args], environment: entry.env };
    return `    ${json(name)}: ${json(client === "opencode" ? local : entry)}, // ${name}\n`;
  });
  return text.slice(0, at) + lines.join("") + text.slice(at);
}

test("references of each program are asked for, not taken for tokens; what is switched off stays", () => {
  const all = CLIENT_FILES.flatMap((one) => readServers(machine(one).config));
  const plan = planAdopt({ found: all, homeDir: "/home/ada", taken: [] });
  const asked = plan.adopted.flatMap(({ secrets }) =>
    secrets.map(({ name, value }) => `${name} ${value === null ? "asked" : "moved"}`),
  );
  assert.deepEqual(
    asked.toSorted().filter((each) => !each.endsWith("moved")),
    [
      "API_KEY asked",
      "API_KEY asked",
      "API_KEY asked",
      "Authorization asked",
      "CONTEXT7_API_KEY asked",
      "DATABASE_URL asked",
      "FILES_TOKEN asked",
      "MEMORY_TOKEN asked",
    ],
  );
  assert.deepEqual(
    plan.left.map(({ server, reason }) => `${server.client} ${server.name}: ${reason.replace(/^\S+ /, "")}`),
    [
      "codex docs.example: is a Python package, which Freehold cannot lock yet.",
      "codex off: is switched off in its program.",
      "gemini sseServer: is switched off in its program.",
      "opencode everything: is switched off in its program.",
      "opencode my-server: is switched off in its program.",
      "cline remote-server: is switched off in its program.",
    ],
  );
  const transports = Object.fromEntries(all.map(({ name, transport }) => [name, transport]));
  assert.equal(transports["sseServer"], "sse");
  assert.equal(transports["httpServer"], "http");
  assert.equal(transports["docs"], "http");
});

test("an OpenClaw home is named for what else it holds, and nothing of it is taken", () => {
  const one = CLIENT_FILES.find(({ client }) => client === "openclaw");
  assert.ok(one);
  const there = machine(one);
  fs.mkdirSync(join(there.places.homeDir, ".openclaw/cron"));
  fs.writeFileSync(join(there.places.homeDir, ".openclaw/cron/jobs.json"), "{}");
  assert.deepEqual(
    alsoThere(there.config).map(({ what }) => what.replace(there.places.homeDir, "~")),
    [
      "persona and memory files of main",
      "model providers lab",
      "scheduled jobs",
      "chat channels telegram",
      "tool policy",
      "1 more plain-text token in ~/.openclaw/openclaw.json",
    ],
  );
});

test("JSON5 of OpenClaw is read; a change of it is left to the owner", () => {
  const text = "// mine\n{ mcp: { servers: { 'a b': { command: 'npx', args: ['-y', 'it\\'s',], timeout: +.5, } } } }\n";
  const there = machine({ client: "openclaw", file: ".openclaw/openclaw.json", text });
  assert.deepEqual(
    readServers(there.config).map(({ name, args }) => [name, ...args]),
    [["a b", "-y", "it's"]],
  );
  assert.throws(
    () => connectClient({ config: there.config, shim, remove: [] }),
    (error) => error instanceof Fault && error.code === "clients.layout",
  );
  assert.equal(textOf(there), text);
});

test("a layout that leaves no room for one entry is not touched", () => {
  const inline = 'mcp_servers = { a = { command = "npx" } }\n';
  const codex = machine({ client: "codex", file: ".codex/config.toml", text: inline });
  const flow = "extensions: {a: {type: stdio, name: a,   cmd: npx, args: []}} # all\n";
  const goose = machine({ client: "goose", file: ".config/goose/config.yaml", text: flow });
  for (const there of [codex, goose]) {
    assert.equal(readServers(there.config).length, 1);
    assert.throws(
      () => connectClient({ config: there.config, shim, remove: [] }),
      (error) => error instanceof Fault && error.code === "clients.layout",
    );
  }
  assert.equal(textOf(codex), inline);
  assert.equal(textOf(goose), flow);
});

test("a file that does not exist yet is made with the entry alone, which the program reads, and goes again", () => {
  for (const id of CLIENT_IDS) {
    const dir = join(root, `m${(count += 1)}`);
    const places: Places = { homeDir: join(dir, "home"), cwd: dir, platform: "linux", env: {} };
    fs.mkdirSync(places.homeDir, { recursive: true });
    const config = findClients(places).find((one) => one.client === id);
    assert.ok(config);
    const edit = connectClient({ config, shim, remove: [] });
    assert.ok(edit);
    applyEdit(edit, { journal: join(dir, "state/clients.json"), nowMs: 1 });
    assert.equal(readServers(config).filter((server) => server.isFreehold).length, 1, id);
    assert.deepEqual(readConfig({ ...config, text: shimText(id, shim) }), readConfig({ ...config, text: edit.after }));
    const plan = planDisconnect(config, join(dir, "state/clients.json"));
    assert.equal(plan?.kind, "restore");
    undoEdits(join(dir, "state/clients.json"));
    assert.equal(fs.existsSync(config.file), false);
  }
});

test("a backup with tokens says so, can be sealed, and a sealed one still gives back every byte", async () => {
  const one = CLIENT_FILES.find(({ client }) => client === "windsurf");
  assert.ok(one);
  const there = machine(one);
  const { journal } = there;
  const edit = connectClient({ config: there.config, shim, remove: readServers(there.config) });
  assert.ok(edit);
  const entry = applyEdit(edit, { journal, nowMs: 1 });
  assert.equal(plainTokens(entry), 1);
  const passphrase = "correct horse battery";
  const sealed = await sealBackup({ journal, id: entry.id, passphrase, workFactor: 4 });
  assert.ok(sealed !== null && sealed.endsWith(".age"));
  for (const name of fs.readdirSync(dirname(sealed))) {
    assert.doesNotMatch(fs.readFileSync(join(dirname(sealed), name), "utf8"), /ghp_abcdef/, name);
  }
  const [now] = readJournal(journal);
  assert.ok(now);
  assert.equal(plainTokens(now), 0);
  await assert.rejects(
    unsealBackup({ journal, id: entry.id, passphrase: "wrong" }),
    (error) => error instanceof Fault && error.code === "clients.passphrase",
  );
  assert.equal(textOf(there), edit.after);
  await unsealBackup({ journal, id: entry.id, passphrase });
  assert.deepEqual(
    undoEdits(journal).map((each) => each.how),
    ["restored"],
  );
  assert.equal(textOf(there), one.text);
  assert.deepEqual(fs.readdirSync(dirname(sealed)), ["mcp_config.json"]);
});

test("without its backup undoing takes Freehold's entry out and says that the rest did not come back", () => {
  const one = CLIENT_FILES.find(({ client }) => client === "windsurf");
  assert.ok(one);
  const there = machine(one);
  const edit = connectClient({ config: there.config, shim, remove: readServers(there.config) });
  assert.ok(edit);
  const entry = applyEdit(edit, { journal: there.journal, nowMs: 1 });
  deleteBackup(there.journal, entry.id);
  assert.deepEqual(
    undoEdits(there.journal).map((each) => each.how),
    ["partly"],
  );
  assert.deepEqual(readServers(there.config), []);
});
