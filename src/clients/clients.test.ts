import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { Fault } from "../kernel/index.ts";
import { editStack, parseStack, starterStack } from "../manifest/index.ts";
import {
  adoptEdits,
  applyEdit,
  CLIENT_IDS,
  connectClient,
  findClients,
  planAdopt,
  planDisconnect,
  readJournal,
  readServers,
  shimOf,
  shimText,
  summary,
  undoEdits,
} from "./index.ts";
import type { ClientConfig, FoundServer, Places } from "./index.ts";

const root = fs.mkdtempSync(join(tmpdir(), "freehold-clients-"));
after(() => fs.rmSync(root, { recursive: true, force: true }));
let count = 0;
const TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
const shim = shimOf({
  command: "/opt/freehold/freehold",
  home: "/home/ada/freehold-home",
  token: "fh_secretsecretsecret",
});

function machine(files: Readonly<Record<string, string>>): Places & { journal: string } {
  const dir = join(root, `m${(count += 1)}`);
  const homeDir = join(dir, "home");
  const cwd = join(dir, "project");
  fs.mkdirSync(homeDir, { recursive: true });
  fs.mkdirSync(cwd);
  for (const [path, text] of Object.entries(files)) {
    const file = join(dir, path);
    fs.mkdirSync(dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return { homeDir, cwd, platform: "linux", env: {}, journal: join(dir, "state/clients.json") };
}

const CLAUDE_DESKTOP = `{
  // my servers
  "globalShortcut": "Ctrl+Space",
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "HOME/notes"]
    },
    "github": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-github@2025.4.8"],
      "env": { "GITHUB_PERSONAL_ACCESS_TOKEN": "${TOKEN}", "GITHUB_HOST": "https://github.example.org" }, // keep
    },
  },
}
`;

const config = (places: Places, client: string, scope = "user"): ClientConfig => {
  const found = findClients(places).find((one) => one.client === client && one.scope === scope);
  assert.ok(found, `${client} is listed`);
  return found;
};
const desktop = ".config/Claude/claude_desktop_config.json";

test("every program is listed with its file, or with the place where its file would be", () => {
  const places = machine({
    "home/.config/opencode/opencode.jsonc": "{}",
    "home/.clawdbot/clawdbot.json": "{}",
    "project/.mcp.json": "{}",
    "project/.zed/settings.json": "{}",
  });
  const listed = findClients(places).map(
    ({ client, scope, exists, file }) => `${client} ${scope} ${exists} ${file.split("/").slice(-2).join("/")}`,
  );
  assert.deepEqual(listed, [
    "claude-desktop user false Claude/claude_desktop_config.json",
    "claude-code user false home/.claude.json",
    "claude-code project true project/.mcp.json",
    "cursor user false .cursor/mcp.json",
    "vscode user false User/mcp.json",
    "codex user false .codex/config.toml",
    "gemini user false .gemini/settings.json",
    "zed user false zed/settings.json",
    "zed project true .zed/settings.json",
    "goose user false goose/config.yaml",
    "opencode user true opencode/opencode.jsonc",
    "windsurf user false windsurf/mcp_config.json",
    "cline user false settings/cline_mcp_settings.json",
    "openclaw user true .clawdbot/clawdbot.json",
  ]);
  const atHome = findClients({ ...places, cwd: places.homeDir }).map(({ file }) => file);
  assert.equal(new Set(atHome).size, atHome.length, "a file is listed once");
  assert.ok(
    findClients({ ...places, platform: "darwin" })[0]?.file.endsWith(
      "Library/Application Support/Claude/claude_desktop_config.json",
    ),
  );
});

test("servers of every program are read in one shape, with what is unpinned and what is in plain text", () => {
  const places = machine({
    [`home/${desktop}`]: CLAUDE_DESKTOP,
    "home/.claude.json": JSON.stringify({
      numStartups: 3,
      mcpServers: {
        remote: { type: "http", url: "https://mcp.example.org/mcp", headers: { Authorization: `Bearer ${TOKEN}` } },
      },
      projects: { "/x/y": { mcpServers: { local: { command: "uvx", args: ["mcp-server-git@2025.1.1"] } } }, "/z": {} },
    }),
    "home/.cursor/mcp.json": JSON.stringify({
      mcpServers: { a: { command: "npx", args: ["-y", "pkg@latest"], env: { API_KEY: "${env:API_KEY}" } } },
    }),
    "project/.vscode/mcp.json": `{"inputs":[],"servers":{"v":{"type":"stdio",
      "command":"docker","args":["run","-i","--rm","-e","GITHUB_TOKEN","box.example.org/github/mcp"]},}}`,
    "home/.config/opencode/opencode.json": JSON.stringify({
      mcp: { o: { type: "local", command: ["bun", "x.ts"], environment: { A: "b" } } },
    }),
    "home/.config/zed/settings.json": JSON.stringify({
      context_servers: { z: { command: { path: "/bin/z", args: ["--token", "sk-abcdefghijklmnopqrst"], env: {} } } },
    }),
  });
  const found = findClients(places).flatMap(readServers);
  assert.deepEqual(
    found.map(({ client, name, transport, pinned, plainSecrets }) => [
      client,
      name,
      transport,
      pinned,
      plainSecrets.length,
    ]),
    [
      ["claude-desktop", "filesystem", "stdio", false, 0],
      ["claude-desktop", "github", "stdio", true, 1],
      ["claude-code", "remote", "http", null, 1],
      ["claude-code", "local", "stdio", true, 0],
      ["cursor", "a", "stdio", false, 0],
      ["vscode", "v", "stdio", false, 0],
      ["zed", "z", "stdio", null, 1],
      ["opencode", "o", "stdio", null, 0],
    ],
  );
  assert.equal(summary(found), "8 servers, 3 unpinned, 3 plain-text tokens");
  assert.deepEqual(found[3]?.path, ["projects", "/x/y", "mcpServers", "local"]);
});

test("a reference, a path, an address and a switch are not taken for a token; a token is, wherever it stands", () => {
  const secretsOf = (entry: object): readonly string[] => {
    const places = machine({ "home/.cursor/mcp.json": JSON.stringify({ mcpServers: { s: entry } }) });
    return readServers(config(places, "cursor")).flatMap((server) =>
      server.plainSecrets.map((one) => `${one.where} ${one.name}`),
    );
  };
  const env = {
    A_KEY: "${KEY}",
    B_TOKEN: "",
    C_SECRET: "/run/secrets/x",
    D_AUTH: "true",
    E_TOKEN: "<your token>",
    PUBLIC: "hello",
    KEYBOARD: "de",
  };
  assert.deepEqual(secretsOf({ command: "x", env }), []);
  assert.deepEqual(secretsOf({ command: "x", env: { SLACK: "xoxb-1234567890-abc", DB_PASSWORD: "hunter22" } }), [
    "env SLACK",
    "env DB_PASSWORD",
  ]);
  assert.deepEqual(
    secretsOf({
      command: "x",
      args: ["--api-key", "abcd1234efgh", "--header", "Authorization: Bearer abcdefghijk", "--port=8080"],
    }),
    ["argument api-key", "argument Authorization"],
  );
  assert.deepEqual(secretsOf({ url: "https://h.example/mcp?apiKey=abcdef123456&x=1" }), ["url apiKey"]);
  assert.deepEqual(secretsOf({ url: "https://h.example/mcp", headers: { Authorization: "Bearer ${TOKEN}" } }), []);
});

test("adopting moves tokens to secrets, makes folders readable only, and says what it leaves", () => {
  const places = machine({ [`home/${desktop}`]: CLAUDE_DESKTOP });
  fs.writeFileSync(join(places.homeDir, desktop), CLAUDE_DESKTOP.replace("HOME", places.homeDir));
  fs.mkdirSync(join(places.homeDir, ".cursor"));
  fs.writeFileSync(
    join(places.homeDir, ".cursor/mcp.json"),
    JSON.stringify({
      mcpServers: {
        files: { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", `${places.homeDir}/notes`] },
        "My Server!": { url: "https://mcp.example.org/mcp", headers: { "X-Api-Key": "abcdefgh12345678" } },
        py: { command: "uvx", args: ["mcp-server-git"] },
        box: { command: "docker", args: ["run", "box.example.org/a/b"] },
        mine: { command: "node", args: ["/x/server.js"] },
        cli: { command: "npx", args: ["-y", "pkg@1.0.0", "--token", TOKEN] },
        here: { command: "npx", args: ["-y", "pkg@1.0.0", "${workspaceFolder}"] },
        plain: { url: "http://mcp.example.org/mcp" },
        freehold: { command: "/opt/freehold/freehold", args: ["mcp"] },
      },
    }),
  );
  const found = findClients(places).flatMap(readServers);
  const plan = planAdopt({ found, homeDir: places.homeDir, taken: ["github"] });
  assert.deepEqual(
    plan.left.map((one) => one.server.name),
    ["py", "box", "mine", "cli", "here", "plain"],
  );
  assert.deepEqual(
    plan.adopted.map((one) => [one.name, one.from.length]),
    [
      ["filesystem", 2],
      ["github-2", 1],
      ["my-server", 1],
    ],
  );
  assert.deepEqual(plan.adopted[1]?.secrets, [
    { secret: "github-2-github-personal-access-token", name: "GITHUB_PERSONAL_ACCESS_TOKEN", value: TOKEN },
  ]);
  assert.deepEqual(plan.adopted[0]?.draft, {
    args: ["${home}/notes"],
    sandbox: { read: ["${home}/notes"], write: [], network: "none" },
  });
  const edits = adoptEdits({
    adopted: plan.adopted,
    versions: new Map([["filesystem", "2026.1.14"]]),
    compartment: "personal",
  });
  const text = editStack(starterStack({ name: "Ada", timezone: "UTC", currency: { code: "EUR", usd: 1.1 } }), edits);
  assert.equal(text.includes(TOKEN), false);
  const { servers } = parseStack(text, "stack.yaml");
  assert.equal(servers["filesystem"]?.source, "npm:@modelcontextprotocol/server-filesystem@2026.1.14");
  assert.deepEqual(servers["github-2"]?.env, { GITHUB_HOST: "https://github.example.org" });
  assert.deepEqual(servers["my-server"]?.secrets, { "X-Api-Key": "secret:my-server-x-api-key" });
});

test("connecting keeps comments, order and unknown keys, shows no secret, and undoing gives back every byte", () => {
  const places = machine({ [`home/${desktop}`]: CLAUDE_DESKTOP });
  const file = join(places.homeDir, desktop);
  fs.chmodSync(file, 0o640);
  const target = config(places, "claude-desktop");
  const remove = readServers(target).filter((server) => server.name === "github");
  const edit = connectClient({ config: target, shim, remove });
  assert.ok(edit);
  assert.match(edit.after, /\/\/ my servers/);
  assert.match(edit.after, /"globalShortcut": "Ctrl\+Space"/);
  assert.doesNotMatch(edit.after, /server-github/);
  assert.doesNotMatch(edit.diff, /ghp_abcdef|secretsecret/);
  assert.match(edit.diff, /^--- a\/.*claude_desktop_config.json\n/);
  assert.equal(fs.readFileSync(file, "utf8"), CLAUDE_DESKTOP);
  const entry = applyEdit(edit, { journal: places.journal, nowMs: 1_770_000_000_000 });
  assert.equal(fs.statSync(file).mode & 0o777, 0o640);
  assert.equal(fs.readFileSync(entry.backup ?? "", "utf8"), CLAUDE_DESKTOP);
  assert.equal(fs.statSync(places.journal).mode & 0o777, 0o600);
  const [now] = readServers(target).filter((server) => server.isFreehold);
  assert.deepEqual(now?.env, shim.env);
  assert.equal(connectClient({ config: target, shim, remove: [] }), null);
  assert.deepEqual(
    undoEdits(places.journal).map((one) => one.how),
    ["restored"],
  );
  assert.equal(fs.readFileSync(file, "utf8"), CLAUDE_DESKTOP);
  assert.deepEqual(readJournal(places.journal), []);
  assert.deepEqual(fs.readdirSync(dirname(file)), ["claude_desktop_config.json"]);
});

test("each program gets its own form of the entry", () => {
  const places = machine({});
  const written = (client: string): unknown =>
    JSON.parse(connectClient({ config: config(places, client), shim, remove: [] })?.after ?? "");
  const { command, args, env } = shim;
  assert.deepEqual(written("claude-desktop"), { mcpServers: { freehold: { command, args, env } } });
  assert.deepEqual(written("claude-code"), { mcpServers: { freehold: { type: "stdio", command, args, env } } });
  assert.deepEqual(written("cursor"), { mcpServers: { freehold: { type: "stdio", command, args, env } } });
  assert.deepEqual(written("vscode"), { servers: { freehold: { type: "stdio", command, args, env } } });
  for (const id of CLIENT_IDS) assert.match(shimText(id, shim), /\/opt\/freehold\/freehold/);
  assert.match(
    shimText("codex", shim),
    /^\[mcp_servers\.freehold\]\ncommand = "\/opt\/freehold\/freehold"\nargs = \["mcp"\]\n/,
  );
});

test("a file that did not exist is gone after undoing", () => {
  const places = machine({});
  const edit = connectClient({ config: config(places, "cursor"), shim, remove: [] });
  assert.ok(edit);
  applyEdit(edit, { journal: places.journal, nowMs: 1 });
  assert.equal(fs.statSync(edit.file).mode & 0o777, 0o600);
  undoEdits(places.journal);
  assert.equal(fs.existsSync(edit.file), false);
});

test("when the program wrote its file since, undoing takes back only our change", () => {
  const places = machine({
    "home/.claude.json": JSON.stringify(
      { numStartups: 1, mcpServers: { old: { command: "npx", args: ["pkg"] } } },
      null,
      2,
    ),
  });
  const target = config(places, "claude-code");
  const edit = connectClient({ config: target, shim, remove: readServers(target) });
  assert.ok(edit);
  applyEdit(edit, { journal: places.journal, nowMs: 1 });
  fs.writeFileSync(target.file, fs.readFileSync(target.file, "utf8").replace('"numStartups": 1', '"numStartups": 2'));
  assert.deepEqual(
    undoEdits(places.journal).map((one) => one.how),
    ["merged"],
  );
  assert.deepEqual(JSON.parse(fs.readFileSync(target.file, "utf8")), {
    numStartups: 2,
    mcpServers: { old: { command: "npx", args: ["pkg"] } },
  });
});

test("a file that changed after its diff was shown is not written", () => {
  const places = machine({ "home/.cursor/mcp.json": "{}" });
  const edit = connectClient({ config: config(places, "cursor"), shim, remove: [] });
  assert.ok(edit);
  fs.writeFileSync(edit.file, '{"x":1}');
  assert.throws(
    () => applyEdit(edit, { journal: places.journal, nowMs: 1 }),
    (error) => error instanceof Fault && error.code === "clients.changed",
  );
  assert.equal(fs.readFileSync(edit.file, "utf8"), '{"x":1}');
});

test("a broken configuration is refused with its line and left alone", () => {
  const places = machine({ "home/.cursor/mcp.json": '{\n  "mcpServers": {\n    "a": [}\n' });
  const target = config(places, "cursor");
  assert.throws(
    () => connectClient({ config: target, shim, remove: [] }),
    (error) => error instanceof Fault && error.code === "clients.unreadable" && error.at === `${target.file}:3`,
  );
});

test("a linked configuration is written through to what it links to", () => {
  const places = machine({ "dotfiles/mcp.json": "{}\n" });
  fs.mkdirSync(join(places.homeDir, ".cursor"));
  const real = join(places.homeDir, "../dotfiles/mcp.json");
  fs.symlinkSync(real, join(places.homeDir, ".cursor/mcp.json"));
  const edit = connectClient({ config: config(places, "cursor"), shim, remove: [] });
  assert.ok(edit);
  applyEdit(edit, { journal: places.journal, nowMs: 1 });
  assert.ok(fs.lstatSync(edit.file).isSymbolicLink());
  assert.match(fs.readFileSync(real, "utf8"), /freehold/);
  undoEdits(places.journal);
  assert.equal(fs.readFileSync(real, "utf8"), "{}\n");
  assert.ok(fs.lstatSync(edit.file).isSymbolicLink());
});

test("disconnecting takes Freehold's entry out, and nothing else", () => {
  const places = machine({ [`home/${desktop}`]: CLAUDE_DESKTOP });
  const target = config(places, "claude-desktop");
  assert.equal(planDisconnect(target, places.journal), null);
  const edit = connectClient({ config: target, shim, remove: [] });
  assert.ok(edit);
  applyEdit(edit, { journal: places.journal, nowMs: 1 });
  fs.writeFileSync(target.file, edit.after.replace("Ctrl+Space", "Ctrl+K"));
  const plan = planDisconnect(target, places.journal);
  assert.ok(plan?.kind === "edit");
  assert.doesNotMatch(plan.edit.after, /freehold/);
  assert.match(plan.edit.after, /\/\/ keep/);
  assert.match(plan.edit.after, /Ctrl\+K/);
});

test("no configuration, however odd, makes reading it fail otherwise than with a fault", () => {
  const places = machine({});
  const file = join(places.homeDir, ".cursor/mcp.json");
  fs.mkdirSync(dirname(file));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.json().map((json) => `{"mcpServers":{"a":${json}}}`),
      ),
      (text) => {
        fs.writeFileSync(file, text);
        let servers: readonly FoundServer[] = [];
        try {
          servers = readServers(config(places, "cursor"));
        } catch (error) {
          assert.ok(error instanceof Fault);
        }
        planAdopt({ found: servers, homeDir: places.homeDir, taken: [] });
      },
    ),
    { numRuns: 200 },
  );
});
