// Other programs' own files, changed by the command line on a real terminal with the real daemon, and put back.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { CLIENT_FILES } from "../fixtures/client-files.ts";
import { makeHome, openMcp, PIN, type TestDaemon } from "../fixtures/daemon.ts";
import { startFuzzHttpServer } from "../fixtures/fuzz-http-server.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const absent = hasPty() ? null : "python3 with its pty module is not installed";
if (absent !== null) process.stderr.write(`freehold: SKIPPED: ${absent}; connect is not tested on a terminal\n`);
const ASK_PIN = { expect: "Your PIN or passphrase: ", send: `${PIN}\r` };
const TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";

interface Stage {
  readonly daemon: TestDaemon;
  readonly userHome: string;
  readonly type: (args: readonly string[], steps: readonly Typing[]) => Promise<Transcript>;
}

async function stageFor(t: TestContext): Promise<Stage> {
  const home = makeHome(t);
  const daemon = await home.start();
  const userHome = home.folder("ada");
  const env = { PATH: process.env["PATH"] ?? "", HOME: userHome, TERM: "dumb", NO_COLOR: "1" };
  return {
    daemon,
    userHome,
    type: (args, steps) =>
      onTerminal({ argv: [process.execPath, MAIN, ...args, "--home", home.paths.dir], env, cwd: home.base, steps }),
  };
}

function put(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

test(
  "connect writes Codex's own TOML, its token opens the gateway, disconnect gives every byte back",
  { skip: absent ?? false },
  async (t) => {
    const { daemon, userHome, type } = await stageFor(t);
    const one = CLIENT_FILES.find(({ client }) => client === "codex");
    assert.ok(one);
    const file = put(join(userHome, one.file), one.text);
    const connected = await type(
      ["connect", "codex"],
      [ASK_PIN, { expect: "[y/N] ", send: "y\r" }, { expect: `Write this to ${file}? [y/N] `, send: "y\r" }],
    );
    assert.deepEqual([connected.missed, connected.code], [null, 0], connected.output);
    const written = readFileSync(file, "utf8");
    assert.ok(written.startsWith(one.text));
    const token = /FREEHOLD_TOKEN = "([^"]+)"/.exec(written)?.[1] ?? "";
    assert.doesNotMatch(connected.output, new RegExp(token));
    await openMcp(daemon.url, token);
    const out = await type(
      ["disconnect", "codex"],
      [ASK_PIN, { expect: "byte for byte? [y/N] ", send: "y\r" }, { expect: "[y/N] ", send: "y\r" }],
    );
    assert.deepEqual([out.missed, out.code], [null, 0], out.output);
    assert.equal(readFileSync(file, "utf8"), one.text);
    await assert.rejects(openMcp(daemon.url, token));
  },
);

test(
  "adopt moves a token, seals the backup that still holds it, and undo opens it again",
  { skip: absent ?? false },
  async (t) => {
    const { daemon, userHome, type } = await stageFor(t);
    const web = await startFuzzHttpServer(1, 0);
    t.after(() => web.close());
    const entry = { serverUrl: web.url, headers: { Authorization: `Bearer ${TOKEN}` } };
    const text = `${JSON.stringify({ mcpServers: { web: entry } }, null, "\t")}\n`;
    const file = put(join(userHome, ".codeium/windsurf/mcp_config.json"), text);
    const passphrase = "correct horse battery";
    const adopted = await type(
      ["adopt", "--client", "windsurf"],
      [
        { expect: "[n]one ", send: "a" },
        ASK_PIN,
        { expect: "instead of 1 own entry", send: "y\r" },
        { expect: "Accept these servers with their cards? [y/N] ", send: "y\r" },
        { expect: `Write this to ${file}? [y/N] `, send: "y\r" },
        { expect: "still holds 1 token in plain text", send: "" },
        { expect: "no way back ", send: "s" },
        { expect: "keep as it is): ", send: `${passphrase}\r` },
        { expect: "Again: ", send: `${passphrase}\r` },
      ],
    );
    assert.deepEqual([adopted.missed, adopted.code], [null, 0], adopted.output);
    assert.doesNotMatch(adopted.output, /ghp_abcdef/);
    assert.deepEqual((await daemon.owner.call("secret.list", {}))["names"], ["web-authorization"]);
    const folder = dirname(file);
    for (const name of readdirSync(folder)) assert.doesNotMatch(readFileSync(join(folder, name), "utf8"), /ghp_abcdef/);
    const undone = await type(["adopt", "--undo"], [{ expect: "Passphrase of ", send: `${passphrase}\r` }]);
    assert.deepEqual([undone.missed, undone.code], [null, 0], undone.output);
    assert.equal(readFileSync(file, "utf8"), text);
  },
);
