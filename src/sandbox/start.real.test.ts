import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { after, test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Fault, type SandboxSpec } from "../kernel/index.ts";
import { processTree } from "./limits.ts";
import { probeSandbox } from "./probe.ts";
import { startSandboxed, type SandboxedProcess, type StartOptions } from "./start.ts";

const folder = mkdtempSync(join(tmpdir(), "sandbox-test-"));
const probe = await probeSandbox();
const isWorking = probe.kind === "ready" || process.env["CI"] !== undefined;
const needs = { skip: isWorking ? false : `NOT TESTED: ${probe.kind === "absent" ? probe.reason : ""}` };
const SPEC: SandboxSpec = { read: [], write: [], network: "none", memoryMb: 256, pidsMax: 64, off: false };
after(() => rmSync(folder, { recursive: true }));

type Change = Partial<Omit<StartOptions, "spec">> & { readonly spec?: Partial<SandboxSpec> };

function start(code: string, change: Change = {}): Promise<SandboxedProcess> {
  const spec = { ...SPEC, ...change.spec };
  const base = { name: "files", cwd: "/tmp", env: {}, probe, protect: [], permitConnection: async () => true };
  return startSandboxed({ ...base, command: [process.execPath, "-e", code], ...change, spec });
}

async function said(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text.trim();
}

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line;
  return "";
}

function isAlive(pid: number): boolean {
  try {
    // A zombie that its parent has not yet collected runs nothing.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // Gone.
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => isAlive(pid))) await turn();
}

function place(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "note.txt"), "a note");
  return path;
}

test("a server reads what it was given, writes where it may, and sees nothing else", needs, async () => {
  const [given, writable, secret] = [place("given"), place("writable"), place("secret")];
  const attempt = (expression: string): string => `try{console.log(${expression})}catch(e){console.log(e.code)}`;
  const code = [
    attempt(`fs.readFileSync("${given}/note.txt","utf8")`),
    attempt(`fs.writeFileSync("${given}/note.txt","x")`),
    attempt(`fs.writeFileSync("${writable}/new.txt","made")`),
    ...[`${secret}/note.txt`, "/etc/shadow", "/etc/hostname", "/root", "/home", "/var"].map((path) =>
      attempt(`fs.statSync("${path}")`),
    ),
    attempt('fs.writeFileSync("/usr/x","x")'),
    attempt('fs.readdirSync("/proc").filter(name=>Number(name)>0).length<8'),
    attempt("Object.keys(process.env).sort().join()"),
  ].join(";");
  const child = await start(code, { spec: { read: [given], write: [writable] }, env: { TOKEN: "t" } });
  const lines = (await said(child.stdout)).split("\n");
  const none = Array.from({ length: 6 }, () => "ENOENT");
  const env = "HOME,LANG,PATH,PWD,TMPDIR,TOKEN";
  assert.deepEqual(lines, ["a note", "EROFS", "undefined", ...none, "EROFS", "true", env]);
  assert.deepEqual(await child.exited, { code: 0, signal: null, reason: null });
  assert.equal(readFileSync(join(writable, "new.txt"), "utf8"), "made");
});

test("a folder given by a link is found under both names", needs, async () => {
  const real = place("behind-link");
  const link = join(folder, "link");
  symlinkSync(real, link);
  const child = await start(`console.log(fs.readFileSync("${link}/note.txt","utf8"), fs.readdirSync("${real}")[0])`, {
    spec: { read: [link] },
  });
  assert.equal(await said(child.stdout), "a note note.txt");
});

test("values of the environment stand in no argument list", needs, async () => {
  const child = await start('console.log("up");process.stdin.resume()', { env: { TOKEN: "canary-7f3a" } });
  await firstLine(child.stdout);
  const lines = processTree(child.pid).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  assert.ok(lines.length >= 3);
  assert.ok(!lines.join().includes("canary-7f3a"));
  await child.stop();
});

/** A web server outside the sandbox, gone when the test is. */
async function outside(context: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end("reached"));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

test("a server without network reaches nothing, this machine's own ports included", needs, async (context) => {
  const port = await outside(context);
  const code = `fetch("http://127.0.0.1:${port}/").then(()=>console.log("reached"),e=>console.log(e.cause.code))`;
  assert.equal(await said((await start(code)).stdout), "ECONNREFUSED");
});

test("a server with a host list reaches that host through the proxy, and no other", needs, async (context) => {
  const port = await outside(context);
  const asked: string[] = [];
  const notes: string[] = [];
  const code = `
    const get = (url) => new Promise((done) => require("node:http").get(url, (answer) => {
      console.log("http", answer.statusCode);
      answer.resume().on("end", done);
    }));
    get("http://127.0.0.1:${port}/")
      .then(() => fetch("http://127.0.0.1:${port}/"))
      .then(async (answer) => console.log("fetch", await answer.text()))
      .then(() => get("http://127.0.0.1:1/"))
      .then(() => process.exit(7));`;
  const child = await start(code, {
    spec: { network: [`127.0.0.1:${port}`] },
    permitConnection: async (target) => asked.push(`${target.host}:${target.port}`) > 0,
    onNote: (text) => notes.push(text),
  });
  assert.equal(await said(child.stdout), "http 200\nfetch reached\nhttp 403");
  assert.equal((await child.exited).code, 7);
  assert.deepEqual(new Set(asked), new Set([`127.0.0.1:${port}`]));
  assert.deepEqual(notes, ["refused: 127.0.0.1:1 is not on the list of this server"]);
});

test("a program's own loopback stays inside the sandbox", needs, async (context) => {
  const port = await outside(context);
  const code = `
    const server = require("node:http").createServer((_, response) => response.end("own")).listen(0, "127.0.0.1", () =>
      fetch("http://127.0.0.1:" + server.address().port).then(async (answer) => {
        console.log(await answer.text());
        return fetch("http://127.0.0.1:${port}/");
      }).catch((error) => console.log(error.cause.code)).finally(() => process.exit()));`;
  const child = await start(code, { spec: { network: ["api.example.org:443"] } });
  assert.equal(await said(child.stdout), "own\nECONNREFUSED");
});

async function refusal(change: Change): Promise<Fault> {
  try {
    await start("0", change);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return assert.fail("it was started");
}

test("without a working sandbox nothing starts and the fix is named", async () => {
  const absent = {
    kind: "absent",
    reason: "bubblewrap is not installed",
    fix: "sudo apt-get install -y bubblewrap",
  } as const;
  const fault = await refusal({ probe: absent });
  assert.equal(fault.code, "sandbox.absent");
  assert.equal(fault.next, absent.fix);
});

test("`sandbox: none` starts the program as it is", async () => {
  const absent = { kind: "absent", reason: "no", fix: "no" } as const;
  const child = await start("console.log(process.env.TOKEN, process.cwd())", {
    probe: absent,
    spec: { off: true },
    env: { TOKEN: "t" },
    cwd: folder,
  });
  assert.equal(await said(child.stdout), `t ${folder}`);
});

test("a path that does not exist is named", needs, async () => {
  const fault = await refusal({ spec: { read: [join(folder, "absent")], write: ["relative"] } });
  assert.equal(fault.code, "sandbox.path-missing");
  assert.ok(fault.message.includes(join(folder, "absent")));
});

test("no spelling of a path opens the stack's state or the system's secrets", needs, async () => {
  const home = place("home");
  const state = join(home, ".state");
  mkdirSync(join(state, "trees", "abc"), { recursive: true });
  symlinkSync(state, join(folder, "innocent"));
  const protect = [state];
  const paths = [home, state, `${home}/./x/../.state`, join(state, "trees"), folder, "/", join(folder, "innocent")];
  for (const path of [...paths, "/proc", "/proc/1", "/etc", "/etc/shadow", "/dev", "/run", "/var/run"].filter((p) =>
    existsSync(p),
  )) {
    assert.equal((await refusal({ spec: { read: [path] }, protect })).code, "sandbox.path-protected", path);
    assert.equal((await refusal({ spec: { write: [path] }, protect })).code, "sandbox.path-protected", path);
  }
  const installed = [join(state, "trees")];
  const tree = join(state, "trees", "abc");
  await (
    await start("0", { spec: { read: [tree] }, protect, installed })
  ).exited;
  assert.equal((await refusal({ spec: { write: [tree] }, protect, installed })).code, "sandbox.path-protected");
  assert.equal(
    (await refusal({ spec: { read: [join(state, "trees")] }, protect, installed })).code,
    "sandbox.path-protected",
  );
});

test("a program that is not there is told apart from one that fails", needs, async () => {
  const child = await start("0", { command: ["/nowhere/program"] });
  assert.match(await said(child.stderr), /nowhere/);
  assert.notEqual((await child.exited).code, 0);
  await assert.rejects(
    start("0", { spec: { off: true }, cwd: "/nowhere" }),
    (error) => error instanceof Fault && error.code === "sandbox.start",
  );
});

const STUBBORN = `
  process.on("SIGTERM", () => undefined);
  const { spawn } = require("node:child_process");
  const loop = 'process.on("SIGTERM",()=>0);console.log("up");setInterval(()=>0,1000)';
  const child = spawn(process.execPath, ["-e", loop], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.once("data", () => console.log("up"));`;

test("stop ends a server that ignores SIGTERM and its children, and leaves nothing", needs, async () => {
  for (const off of [false, true]) {
    const child = await start(STUBBORN, { spec: { off } });
    assert.equal(await firstLine(child.stdout), "up");
    const tree = processTree(child.pid);
    assert.ok(tree.length >= 2);
    await child.stop();
    await untilGone(tree);
  }
});

test("a server that ends by itself takes its children with it", needs, async () => {
  const child = await start(
    `${STUBBORN} child.stdout.once("data", () => process.stdin.once("data", () => process.exit(3)))`,
  );
  await firstLine(child.stdout);
  const tree = processTree(child.pid);
  child.stdin.write("go");
  assert.equal((await child.exited).code, 3);
  await untilGone(tree);
});

test("stop lets a server end in order, by the end of its input or by SIGTERM", needs, async () => {
  const kept = place("kept");
  const spec = { write: [kept] };
  const polite = await start(
    `console.log("up");process.stdin.resume().on("end",()=>fs.writeFileSync("${kept}/a","1"))`,
    { spec },
  );
  await firstLine(polite.stdout);
  await polite.stop();
  assert.ok(existsSync(join(kept, "a")));
  const onTerm = `process.on("SIGTERM",()=>{fs.writeFileSync("${kept}/b","1");process.exit()})`;
  const term = `${onTerm};console.log("up");setInterval(()=>0,1e3)`;
  const deaf = await start(term, { spec: { ...spec, network: ["127.0.0.1:1"] } });
  await firstLine(deaf.stdout);
  await deaf.stop();
  assert.ok(existsSync(join(kept, "b")));
});

test("kill -9 of the parent leaves no process", needs, async () => {
  const script = `
    import { probeSandbox, startSandboxed } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
    import { processTree } from ${JSON.stringify(new URL("./limits.ts", import.meta.url).href)};
    const spec = ${JSON.stringify({ ...SPEC, network: ["127.0.0.1:1"] })};
    const command = [process.execPath, "-e", ${JSON.stringify(STUBBORN)}];
    const rest = { name: "x", cwd: "/tmp", env: {}, protect: [], permitConnection: async () => true };
    const child = await startSandboxed({ ...rest, spec, command, probe: await probeSandbox() });
    child.stdout.once("data", () => console.log(JSON.stringify(processTree(child.pid))));`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    // What a killed parent leaves there goes with this test.
    env: { ...process.env, TMPDIR: folder },
  });
  const tree = JSON.parse(await firstLine(parent.stdout)) as number[];
  assert.ok(tree.length >= 4);
  parent.kill("SIGKILL");
  await untilGone(tree);
});

test("a server over its memory is ended and the limit is named", needs, async () => {
  const hog = "const kept=[];setInterval(()=>kept.push(Buffer.alloc(2e7,1)),20)";
  const child = await start(hog, { spec: { memoryMb: 128 } });
  assert.equal((await child.exited).reason, "it used more than its 128 MB of memory");
});

test("a server over its processes is ended and the limit is named", needs, async () => {
  const code = 'for(let i=0;i<20;i++)require("node:child_process").spawn("/bin/sleep",["60"])';
  const child = await start(code, { spec: { pidsMax: 8 } });
  const { reason } = await child.exited;
  assert.equal(reason, "it started more than its 8 processes");
});
