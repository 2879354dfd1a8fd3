import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { missingPackages, openRegistry, type Registry } from "../../tests/fixtures/npm-registry.ts";
import { homePaths, type HomePaths } from "../home/index.ts";
import { Fault, type PermitConnection } from "../kernel/index.ts";
import { SANDBOX_DEFAULT, type LockedServer, type StackServer } from "../manifest/index.ts";
import { probeSandbox } from "../sandbox/index.ts";
import { hexOf } from "./content.ts";
import { launchSpecOf } from "./launch.ts";
import { installFromLock, prepareServer, type PreparedServer, type PrepareOptions } from "./prepare.ts";
import { treeHash, verifyTree } from "./tree.ts";

const FILESYSTEM = "@modelcontextprotocol/server-filesystem";
const isCi = process.env["CI"] !== undefined;
const probe = await probeSandbox();
const missing = missingPackages();
const needs = { skip: probe.kind === "ready" || isCi ? false : "NOT TESTED: no working sandbox" };
const needsReal = {
  skip:
    (missing.length === 0 && needs.skip === false) || isCi
      ? false
      : `NOT TESTED: ${missing[0] ?? "no sandbox"} is absent`,
};
const folder = mkdtempSync(join(tmpdir(), "supply-test-"));
const config = process.env["npm_config_registry"];
let registry: Registry;

before(async () => {
  registry = await openRegistry({ withPinned: missing.length === 0 });
  process.env["npm_config_registry"] = registry.url;
});
after(() => {
  registry.close();
  if (config === undefined) delete process.env["npm_config_registry"];
  else process.env["npm_config_registry"] = config;
  // Installed trees are read-only.
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const full = join(folder, path);
    if (lstatSync(full).isDirectory()) chmodSync(full, 0o700);
  }
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
function newHome(): HomePaths {
  const paths = homePaths(join(folder, `home-${(count += 1)}`));
  mkdirSync(paths.stateDir, { recursive: true });
  return paths;
}

function stackServer(change: Partial<StackServer>): StackServer {
  const empty = { connector: null, account: {}, args: [], env: {}, secrets: {}, asks: [], compartment: "family" };
  return { source: null, ...empty, sandbox: SANDBOX_DEFAULT, ...change };
}

type Change = Partial<Omit<PrepareOptions, "stackServer">> & { readonly server?: Partial<StackServer> };

function prepare(source: string, { server, ...change }: Change = {}): Promise<PreparedServer> {
  return prepareServer({
    name: "files",
    homePaths: newHome(),
    ownerHome: folder,
    probe,
    permitConnection: async () => true,
    progress: () => undefined,
    timeoutMs: 5_000,
    ...change,
    stackServer: stackServer({ source, ...server }),
  });
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return assert.fail("there was no fault");
}

/** A server in one file, without any package. `on` is the body of a switch over methods; it calls say(result). */
function serverCode({ first = "", list = "say({tools})" }: { first?: string; list?: string }): string {
  return `#!/usr/bin/env node
${first};
const tools = [{ name: "tool", description: "x", inputSchema: { type: "object" } }];
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  const say = (result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
  if (method === "initialize") {
    const { protocolVersion } = params;
    say({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } });
  }
  if (method === "tools/list") { ${list} }
});`;
}

function serverFolder(options: Parameters<typeof serverCode>[0] = {}): string {
  const path = join(folder, `server-${(count += 1)}`);
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), '{"name":"own","version":"0.1.0","bin":"server.js"}');
  writeFileSync(join(path, "server.js"), serverCode(options));
  return path;
}

test(
  "the real filesystem server is locked, installed as npm would, started and read, without any network",
  needsReal,
  async () => {
    mkdirSync(join(folder, "notes"));
    const home = newHome();
    const asked: string[] = [];
    const permitConnection: PermitConnection = async ({ host, port }) => asked.push(`${host}:${port}`) > 0;
    const server = { args: ["${home}/notes"], sandbox: { ...SANDBOX_DEFAULT, read: ["${home}/notes"] } };
    const options = { server, homePaths: home, permitConnection };
    const { locked, draft, notes } = await prepare(`npm:${FILESYSTEM}@2026.1.14`, options);
    assert.equal(locked.surface.tools.length, 14);
    assert.deepEqual(locked.command, ["node", `node_modules/${FILESYSTEM}/dist/index.js`]);
    assert.ok(draft.cards["files.write_file"] !== undefined);
    assert.deepEqual(notes, []);
    assert.deepEqual([...new Set(asked)], [new URL(registry.url).host]);
    await verifyTree({ name: "files", locked, homePaths: home });

    const theirs = join(folder, "npm");
    mkdirSync(theirs);
    const args = ["install", `${FILESYSTEM}@2026.1.14`, "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"];
    await promisify(execFile)("npm", [...args, "--cache", join(folder, "npm-cache"), "--prefix", theirs], {
      cwd: theirs,
    });
    rmSync(join(theirs, "node_modules", ".package-lock.json"));
    for (const file of ["package.json", "package-lock.json"]) rmSync(join(theirs, file));
    assert.equal(await treeHash(theirs), locked.tree?.hash);
    const ours = join(home.trees, locked.tree?.hash ?? "");
    for (const path of readdirSync(theirs, { recursive: true, encoding: "utf8" })) {
      const modes = [ours, theirs].map((root) => lstatSync(join(root, path)).mode & 0o111);
      assert.equal(modes[0], modes[1], path);
    }
  },
);

test("a version that is not exact is made exact, and said", needs, async () => {
  publishServer("ranged", "1.0.0");
  publishServer("ranged", "1.2.0");
  const { locked, notes } = await prepare("npm:ranged@^1.0.0");
  assert.equal(locked.source, "npm:ranged@1.2.0");
  assert.equal(locked.version, "1.2.0");
  assert.match(notes[0] ?? "", /\^1\.0\.0 is 1\.2\.0 today/);
  const latest = await prepare("npm:ranged");
  assert.equal(latest.locked.source, "npm:ranged@1.2.0");
});

function publishServer(name: string, version: string, change: Readonly<Record<string, unknown>> = {}): string {
  const file = { path: "package/server.js", content: serverCode({}) };
  return registry.publish({ name, version, bin: { [name]: "server.js" }, ...change }, [file]);
}

test("no script of a package runs, and the owner is told that there was one", needs, async () => {
  const trace = join(folder, "script-ran");
  const scripts = Object.fromEntries(
    ["preinstall", "install", "postinstall", "prepare"].map((name) => [name, `touch ${trace}`]),
  );
  publishServer("scripted", "1.0.0", { scripts, hasInstallScript: true });
  const { notes } = await prepare("npm:scripted@1.0.0");
  assert.deepEqual(notes, ["scripted@1.0.0 brings an install script, which was not run."]);
  assert.ok(!existsSync(trace));
});

test("an unknown package and a connection that is not permitted are told apart", needs, async () => {
  assert.equal((await faultOf(prepare("npm:nowhere-to-be-found@1.0.0"))).code, "supply.unknown-package");
  publishServer("refused", "1.0.0");
  const before = registry.asked.length;
  const fault = await faultOf(prepare("npm:refused@1.0.0", { permitConnection: async () => false }));
  assert.equal(fault.code, "supply.npm");
  assert.match(fault.message, /not permitted/);
  assert.equal(registry.asked.length, before);
});

test("a tree comes back from the store alone, and a changed file is named and mended", needs, async () => {
  publishServer("kept", "1.0.0");
  const home = newHome();
  const { locked } = await prepare("npm:kept@1.0.0", { homePaths: home });
  const asked = registry.asked.length;
  const file = join(home.trees, locked.tree?.hash ?? "", "node_modules", "kept", "server.js");
  chmodSync(file, 0o600);
  appendFileSync(file, "// changed");
  const fault = await faultOf(verifyTree({ name: "kept", locked, homePaths: home }));
  assert.equal(fault.code, "supply.tree-differs");
  assert.match(fault.message, /node_modules\/kept\/server\.js was changed/);
  await installFromLock(installOptions(home, locked));
  await verifyTree({ name: "kept", locked, homePaths: home });
  assert.equal(registry.asked.length, asked);
});

function installOptions(home: HomePaths, locked: LockedServer): Parameters<typeof installFromLock>[0] {
  const rest = { permitConnection: async () => true, progress: () => undefined };
  return { name: "kept", locked, homePaths: home, probe, ...rest };
}

test("on a clean machine the locked bytes are fetched anew, and other bytes are refused", needs, async () => {
  publishServer("moved", "1.0.0");
  const { locked } = await prepare("npm:moved@1.0.0");
  const clean = newHome();
  await installFromLock(installOptions(clean, locked));
  await verifyTree({ name: "moved", locked, homePaths: clean });
  publishServer("moved", "1.0.0", { description: "the same version with other bytes" });
  const other = newHome();
  const fault = await faultOf(installFromLock(installOptions(other, locked)));
  assert.match(fault.code, /^supply\.(?:content|npm)$/);
  assert.equal((await faultOf(verifyTree({ name: "moved", locked, homePaths: other }))).code, "supply.tree-missing");
});

test("a package changed in the store is refused", needs, async () => {
  const integrity = publishServer("stored", "1.0.0");
  const home = newHome();
  const { locked } = await prepare("npm:stored@1.0.0", { homePaths: home });
  appendFileSync(join(home.store, "sha512", hexOf(integrity)), "x");
  renameSync(join(home.trees, locked.tree?.hash ?? ""), join(home.trees, "gone"));
  const fault = await faultOf(installFromLock(installOptions(home, locked)));
  assert.equal(fault.code, "supply.content");
  assert.match(fault.message, /stored was changed in the store/);
});

test("an archive with a link is refused and leaves nothing behind", needs, async () => {
  const link = { path: "package/x", type: "2", link: "/etc/passwd" };
  registry.publish({ name: "linked", version: "1.0.0", bin: "server.js" }, [link]);
  const home = newHome();
  const fault = await faultOf(prepare("npm:linked@1.0.0", { homePaths: home }));
  assert.equal(fault.code, "supply.archive");
  assert.deepEqual(readdirSync(home.trees), []);
});

test("a folder of the owner's is copied, so that a later edit changes nothing", needs, async () => {
  const source = serverFolder();
  mkdirSync(join(source, ".git"));
  writeFileSync(join(source, ".git", "config"), "secret");
  symlinkSync("server.js", join(source, "same.js"));
  const home = newHome();
  const { locked } = await prepare(`path:${source}`, { homePaths: home });
  const { tree, ...rest } = locked;
  assert.deepEqual([rest.kind, rest.version, rest.command], ["path", "0.1.0", ["node", "server.js"]]);
  appendFileSync(join(source, "server.js"), "// edited");
  await verifyTree({ name: "own", locked, homePaths: home });
  const copy = join(home.trees, tree?.hash ?? "");
  assert.deepEqual(readdirSync(copy).toSorted(), ["package.json", "same.js", "server.js"]);
  assert.ok(!readFileSync(join(copy, "server.js"), "utf8").includes("edited"));
  renameSync(copy, join(home.trees, "gone"));
  assert.match((await faultOf(installFromLock(installOptions(home, locked)))).message, /its folder has changed since/);
});

test("a folder with a link that leads out, without a program, or with Freehold's state in it is refused", async () => {
  const home = newHome();
  const out = serverFolder();
  symlinkSync("../../etc/passwd", join(out, "x"));
  assert.match((await faultOf(prepare(`path:${out}`))).message, /the link x leads out/);
  const empty = serverFolder();
  writeFileSync(join(empty, "package.json"), "{}");
  assert.equal((await faultOf(prepare(`path:${empty}`))).code, "supply.entry");
  writeFileSync(join(empty, "package.json"), '{"main":"absent.js"}');
  assert.match((await faultOf(prepare(`path:${empty}`))).message, /has no absent\.js/);
  assert.match((await faultOf(prepare("path:./", { homePaths: home }))).message, /Freehold's own state/);
  assert.match((await faultOf(prepare("path:./nowhere", { homePaths: home }))).message, /is no folder/);
});

const BROKEN: readonly (readonly [string, Parameters<typeof serverCode>[0], RegExp])[] = [
  ["does not start", { first: 'console.error("no \\u001b[31mkey"); process.exit(3)' }, /code 3.*no \\u001b\[31mkey/],
  ["hangs in list", { list: "" }, /tools\/list/],
  ["prints only noise", { first: 'setInterval(()=>console.log("noise"),1)', list: "" }, /noise/],
  [
    "serves empty schemas",
    { list: 'say({tools: [...tools, {name:"b", inputSchema:{}}]})' },
    /1 of 2 tools without an input/,
  ],
  ["dies in list", { list: "process.exit(9)" }, /code 9/],
];

for (const [what, options, words] of BROKEN) {
  test(`a server that ${what} is refused with its own words`, needs, async () => {
    const fault = await faultOf(prepare(`path:${serverFolder(options)}`, { timeoutMs: 1_000 }));
    assert.match(fault.code, /^supply\.(?:start|surface)$/);
    assert.match(fault.message, words);
  });
}

test("a server that prints a banner is taken, and the owner is told", needs, async () => {
  const { notes } = await prepare(`path:${serverFolder({ first: 'console.log("Welcome!")' })}`);
  assert.deepEqual(notes, ["it prints on stdout, where only messages belong: Welcome!"]);
});

test("the first look has no network and no real secret", needs, async () => {
  const list = `
    const name = process.env.TOKEN;
    fetch("${registry?.url ?? "http://127.0.0.1:9"}").then(() => "reached", (error) => error.cause.code)
      .then((network) => say({ tools: [{ name: network + "_" + name, inputSchema: { type: "object" } }] }));`;
  const source = `path:${serverFolder({ list })}`;
  const server = {
    secrets: { TOKEN: "secret:mail" },
    sandbox: { ...SANDBOX_DEFAULT, network: [new URL(registry.url).host] },
  };
  const blind = await prepare(source, { server });
  assert.deepEqual(blind.locked.surface.tools[0]?.["name"], "ECONNREFUSED_freehold-first-look-without-a-secret");
  const given = await prepare(source, { server, secretValues: { TOKEN: "given" } });
  assert.deepEqual(given.locked.surface.tools[0]?.["name"], "ECONNREFUSED_given");
});

test("a launch names the locked program, the owner's folders and secrets by name only", () => {
  const home = homePaths("/srv/home");
  const tree = { hash: "ab".repeat(32), packages: [] };
  const sandbox = { ...SANDBOX_DEFAULT, read: ["${home}/notes"], write: ["${stack}/skills"] };
  const server = stackServer({
    source: "npm:x@1.0.0",
    args: ["${home}/notes"],
    secrets: { TOKEN: "secret:mail" },
    sandbox,
  });
  const locked = { kind: "npm", command: ["node", "node_modules/x/cli.js"], tree } as const;
  const request = { name: "files", stackServer: server, locked, homePaths: home, ownerHome: "/home/ada" };
  const at = `/srv/home/.state/trees/${tree.hash}`;
  assert.deepEqual(launchSpecOf(request), {
    kind: "process",
    asks: [],
    server: "files",
    command: [process.execPath, `${at}/node_modules/x/cli.js`, "/home/ada/notes"],
    cwd: at,
    env: {},
    secrets: { TOKEN: "mail" },
    sandbox: {
      read: [at, "/home/ada/notes"],
      write: ["/srv/home/skills"],
      network: "none",
      memoryMb: 512,
      pidsMax: 128,
      off: false,
    },
  });
  const open = launchSpecOf({ ...request, stackServer: { ...server, sandbox: "none" } });
  assert.ok(open.kind === "process" && open.sandbox.off);
  assert.throws(() => launchSpecOf({ ...request, locked: { ...locked, tree: null } }), /without a tree/);
});

test("a remote server is read over http and locked without a program", async (context) => {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      const { id, method, params } = JSON.parse(text === "" ? "{}" : text) as Record<string, never>;
      const tools = [{ name: request.headers["x-key"], inputSchema: { type: "object" } }];
      const { protocolVersion } = (params ?? {}) as Record<string, unknown>;
      const hello = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "r", version: "1" } };
      if (method === "initialize" || method === "tools/list") {
        response.setHeader("content-type", "application/json");
        const result = method === "initialize" ? hello : { tools };
        return response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      }
      return response.writeHead(id === undefined ? 202 : 400).end();
    });
  });
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const secrets = { "x-key": "secret:remote" };
  const { locked, notes } = await prepare(url, { server: { secrets }, secretValues: { "x-key": "opens" } });
  assert.deepEqual([locked.kind, locked.tree, locked.command], ["remote", null, []]);
  assert.equal(locked.surface.tools[0]?.["name"], "opens");
  assert.match(notes[0] ?? "", /runs elsewhere/);
});

test("a server from a registry that needs an absent tool is refused, and the tool is named", async () => {
  assert.equal((await faultOf(prepare("oci:x"))).code, "supply.needs-container");
});
