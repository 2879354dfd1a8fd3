// freehold server login and logout on a terminal, against scripted answers.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import type { JsonObject } from "../../src/kernel/index.ts";
import { scriptDaemon, type Scripted } from "../fixtures/control-socket.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LINK = `https://login.example/authorize?state=${"s".repeat(43)}&code_challenge=${"c".repeat(43)}`;
const END = `http://127.0.0.1:7717/oauth/callback?code=1&state=${"s".repeat(43)}`;
const absent = hasPty() ? null : "python3 with its pty module is not installed";
if (absent !== null && process.env["CI"] === "true") throw new Error(absent);

async function scripted(t: TestContext, more: Readonly<Record<string, Scripted>> = {}) {
  const asked: unknown[] = [];
  const note =
    (answer: JsonObject): Scripted =>
    (input) => {
      asked.push(input);
      return answer;
    };
  const daemon = await scriptDaemon({
    "owner.state": () => ({ set: true }),
    "owner.prove": () => ({ owner: true }),
    "login.begin": note({ server: "tracker", url: LINK, issuer: "https://login.example", scopes: ["read", "write"] }),
    "login.wait": note({ server: "tracker", isLoggedIn: true }),
    "login.finish": note({ server: "tracker" }),
    "login.forget": note({ server: "tracker" }),
    ...more,
  });
  t.after(() => daemon.close());
  return { asked, home: daemon.home };
}

function type(home: string, args: readonly string[], steps: readonly Typing[] = []): Promise<Transcript> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb", NO_COLOR: "1" };
  return onTerminal({ argv: [process.execPath, MAIN, "server", ...args, "--home", home], env, cwd: home, steps });
}

test(
  "a login shows who signs in, for what, and the whole link, and waits for the browser",
  { skip: absent ?? false },
  async (t) => {
    const { asked, home } = await scripted(t);
    const { output, code } = await type(home, ["login", "tracker", "https://mcp.example/mcp"]);
    assert.equal(code, 0, output);
    assert.match(output, /https:\/\/login\.example signs you in, for: read, write\./);
    assert.ok(output.replaceAll(/\s+/g, "").includes(LINK));
    assert.match(output, /Logged in\. The tokens are sealed, and go to tracker alone\./);
    assert.deepEqual(asked, [{ server: "tracker", url: "https://mcp.example/mcp" }, { server: "tracker" }]);
  },
);

test("on a machine without a browser the address that it ends at is pasted", { skip: absent ?? false }, async (t) => {
  const { asked, home } = await scripted(t);
  const steps = [{ expect: "the browser ends at: ", send: `  ${END}\r` }];
  const { output, code } = await type(home, ["login", "tracker", "--paste"], steps);
  assert.equal(code, 0, output);
  assert.deepEqual(asked, [{ server: "tracker" }, { redirected: END }]);
});

test("a browser that comes back without a login fails the command", { skip: absent ?? false }, async (t) => {
  const { home } = await scripted(t, { "login.wait": () => ({ server: "tracker", isLoggedIn: false }) });
  const { output, code } = await type(home, ["login", "tracker"]);
  assert.equal(code, 1, output);
  assert.match(output, /came back without a login/);
});

test("a logout says what it does not reach", { skip: absent ?? false }, async (t) => {
  const { asked, home } = await scripted(t);
  const { output, code } = await type(home, ["logout", "tracker"]);
  assert.equal(code, 0, output);
  assert.match(output, /Forgotten on this machine\. Where you signed in, tracker may still be listed\./);
  assert.deepEqual(asked, [{ server: "tracker" }]);
});
