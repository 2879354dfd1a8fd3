// The control socket over a real Unix socket: who may do what, and what a broken or rude caller meets.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { before, test, type TestContext } from "node:test";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { connectControl, type ControlClient } from "./client.ts";
import type { Operation, OperationContext } from "./operation.ts";
import { ownerAuth, requireOwner, type OwnerAuth, type OwnerSession } from "./owner-auth.ts";
import { startControl, type ControlServer } from "./server.ts";

const PIN = "835274";
let auth: OwnerAuth;

before(async () => {
  const kept = new Map<string, string>();
  const settings = {
    get: (key: string) => kept.get(key) ?? null,
    set: (key: string, value: string) => void kept.set(key, value),
  };
  auth = ownerAuth({ settings, nowMs: Date.now, randomBytes });
  await auth.enrol(PIN);
});

interface Place {
  readonly socketPath: string;
  readonly bugs: unknown[];
  start(operations?: readonly Operation[], mode?: number): Promise<ControlServer>;
  client(): Promise<ControlClient>;
  /** A connection that speaks as badly as the test likes. */
  raw(): Promise<{
    readonly socket: Socket;
    readonly send: (text: string) => void;
    readonly next: () => Promise<JsonObject>;
  }>;
}

function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), "freehold-control-"));
  const socketPath = join(folder, "run", "control.sock");
  const closing: (() => unknown)[] = [];
  const bugs: unknown[] = [];
  t.after(async () => {
    for (const close of closing.reverse()) await close();
    rmSync(folder, { recursive: true });
  });
  return {
    socketPath,
    bugs,
    async start(operations = [], mode = 0o600) {
      const onBug = (error: unknown): void => void bugs.push(error);
      const server = await startControl({ socketPath, mode, operations, auth, onBug });
      closing.push(() => server.close());
      return server;
    },
    async client() {
      const client = await connectControl(socketPath);
      closing.push(() => client.close());
      return client;
    },
    async raw() {
      const socket = createConnection(socketPath);
      await once(socket, "connect");
      closing.push(() => socket.destroy());
      const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
      return {
        socket,
        send: (text) => void socket.write(text),
        next: async () => JSON.parse(String((await lines.next()).value)) as JsonObject,
      };
    },
  };
}

function operation(name: string, run: Operation["run"], needsOwner = false): Operation {
  return { name, needsOwner, run };
}

const echo = operation("echo", async (input) => input);
const isFault = (code: string) => (error: unknown) => error instanceof Fault && error.code === code;
const errorOf = (answer: JsonObject): unknown => (answer["error"] as JsonObject)["code"];

test("an operation answers, and sends its events before", async (t) => {
  const here = place(t);
  const count = operation("count", async (input, { emit }) => {
    for (let at = 1; at <= Number(input["to"]); at += 1) emit({ at });
    return { done: true };
  });
  await here.start([count, echo]);
  const client = await here.client();
  const events: JsonObject[] = [];
  assert.deepEqual(await client.call("count", { to: 2 }, (event) => events.push(event)), { done: true });
  assert.deepEqual(events, [{ at: 1 }, { at: 2 }]);
  const many = await Promise.all([1, 2, 3].map((n) => client.call("echo", { n, text: "zwölf\n" })));
  assert.deepEqual(
    many.map(({ n }) => n),
    [1, 2, 3],
  );
});

test("a fault of an operation arrives whole; a bug arrives without its insides and is reported", async (t) => {
  const here = place(t);
  const fault = operation("fault", async () => {
    throw new Fault("a.code", { message: "what", at: "stack.yaml:3", next: "do this" });
  });
  const bug = operation("bug", async () => assert.fail("broken"));
  await here.start([fault, bug]);
  const client = await here.client();
  await assert.rejects(client.call("fault", {}), {
    code: "a.code",
    message: "what",
    at: "stack.yaml:3",
    next: "do this",
  });
  await assert.rejects(client.call("bug", {}), isFault("control.bug"));
  assert.equal(here.bugs.length, 1);
});

test("what needs the owner is refused until this very connection has proven it", async (t) => {
  const here = place(t);
  const secret = operation("secret", async (_, { owner }) => ({ owner: requireOwner(owner).isLive(Date.now()) }), true);
  await here.start([secret]);
  const [mine, other] = [await here.client(), await here.client()];
  await assert.rejects(mine.call("secret", {}), isFault("owner.needed"));
  await assert.rejects(mine.call("owner.prove", { secret: "wrong guess" }), isFault("owner.refused"));
  await assert.rejects(mine.call("owner.prove", { secret: 835274 }), isFault("control.input"));
  await assert.rejects(mine.call("secret", {}), isFault("owner.needed"));
  assert.deepEqual(await mine.call("owner.prove", { secret: PIN }), { owner: true });
  assert.deepEqual(await mine.call("secret", {}), { owner: true });
  await assert.rejects(other.call("secret", { owner: true }), isFault("owner.needed"));
});

test("a dropped connection ends its owner session and stops what it had running", async (t) => {
  const here = place(t);
  const seen = Promise.withResolvers<OperationContext>();
  const wait = operation("wait", async (_, context) => {
    seen.resolve(context);
    await once(context.signal, "abort");
    return {};
  });
  await here.start([wait]);
  const client = await here.client();
  await client.call("owner.prove", { secret: PIN });
  const call = client.call("wait", {});
  const { owner, signal } = await seen.promise;
  assert.ok(requireOwner(owner).isLive(Date.now()));
  const aborted = once(signal, "abort");
  client.close();
  await assert.rejects(call, isFault("control.closed"));
  await aborted;
  assert.throws(() => requireOwner(owner), isFault("owner.needed"));
});

test("a second proof on one connection ends the first session", async (t) => {
  const here = place(t);
  const owners: (OwnerSession | null)[] = [];
  await here.start([operation("note", async (_, { owner }) => ({ n: owners.push(owner) }))]);
  const client = await here.client();
  for (let at = 0; at < 2; at += 1) {
    await client.call("owner.prove", { secret: PIN });
    await client.call("note", {});
  }
  assert.deepEqual(
    owners.map((owner) => owner?.isLive(Date.now())),
    [false, true],
  );
});

test("an unknown operation is refused by name", async (t) => {
  const here = place(t);
  await here.start([echo]);
  const client = await here.client();
  await assert.rejects(client.call("ecko", {}), isFault("control.unknown"));
  await assert.rejects(client.call("__proto__", {}), isFault("control.unknown"));
});

test("malformed requests are refused one by one, and the connection goes on", async (t) => {
  const here = place(t);
  await here.start([echo]);
  const { send, next } = await here.raw();
  const bad = [
    "no json",
    '{"id":1,"id":2,"op":"echo"}',
    '{"id":1,"op":"echo","input":{"n":9007199254740993}}',
    "[]",
    '{"op":"echo"}',
    '{"id":{},"op":"echo"}',
    '{"id":1,"op":7}',
    '{"id":1,"op":"echo","input":[]}',
  ];
  for (const line of bad) {
    send(`${line}\n`);
    assert.equal(errorOf(await next()), "control.malformed", line);
  }
  send('\n{"id":"a","op"');
  send(':"echo"}\n');
  assert.deepEqual(await next(), { id: "a", ok: true, value: {} });
});

test("an oversized request ends the connection, with or without its end of line", async (t) => {
  const here = place(t);
  await here.start([echo]);
  for (const end of ["", "\n"]) {
    const { socket, send, next } = await here.raw();
    const closed = once(socket, "close");
    send(`{"id":1,"op":"echo","input":{"x":"${"x".repeat(4 * 1024 * 1024)}"}}${end}`);
    assert.equal(errorOf(await next()), "control.too-large");
    socket.resume();
    await closed;
  }
  const client = await here.client();
  await assert.rejects(client.call("echo", { x: "x".repeat(4 * 1024 * 1024) }), isFault("control.too-large"));
  assert.deepEqual(await client.call("echo", { x: "fits" }), { x: "fits" });
});

test("one connection runs at most 32 operations at once, and no two under one id", async (t) => {
  const here = place(t);
  const release = Promise.withResolvers<JsonObject>();
  await here.start([operation("wait", () => release.promise)]);
  const { send, next } = await here.raw();
  for (let id = 1; id <= 33; id += 1) send(`{"id":${id},"op":"wait"}\n`);
  assert.deepEqual([errorOf(await next())], ["control.busy"]);
  send('{"id":1,"op":"wait"}\n');
  assert.equal(errorOf(await next()), "control.busy");
  release.resolve({});
});

test("the sixty-fifth connection is told so and closed while all others are at work", async (t) => {
  const here = place(t);
  const release = Promise.withResolvers<JsonObject>();
  await here.start([echo, operation("wait", () => release.promise)]);
  const clients = [];
  for (let at = 0; at < 64; at += 1) clients.push(await here.client());
  await Promise.all(clients.map((client) => client.call("echo", {})));
  const waiting = clients.map((client) => client.call("wait", {}));
  await Promise.all(clients.map((client) => client.call("echo", {})));
  const { next } = await here.raw();
  assert.equal(errorOf(await next()), "control.busy");
  release.resolve({});
  await Promise.all(waiting);
});

test("whoever holds connections open and does nothing makes room; the owner and who works do not", async (t) => {
  const here = place(t);
  const release = Promise.withResolvers<JsonObject>();
  await here.start([echo, operation("wait", () => release.promise)]);
  const owner = await here.client();
  await owner.call("owner.prove", { secret: PIN });
  const atWork = await here.client();
  const work = atWork.call("wait", {});
  await atWork.call("echo", {});
  const idle = [];
  for (let at = 0; at < 62; at += 1) idle.push(await here.client());
  await idle[0]?.call("echo", {});
  for (let at = 0; at < 3; at += 1) {
    const late = await here.client();
    assert.deepEqual(await late.call("echo", { at }), { at });
  }
  // The first was used last of all, so it goes last.
  assert.deepEqual(await idle[0]?.call("echo", { still: true }), { still: true });
  for (const gone of [1, 2, 3]) await assert.rejects(idle[gone]?.call("echo", {}) ?? Promise.resolve(), Fault);
  assert.deepEqual(await owner.call("echo", { still: true }), { still: true });
  release.resolve({ done: true });
  assert.deepEqual(await work, { done: true });
});

test("calls end with a fault when the daemon goes away, and later ones do not hang", async (t) => {
  const here = place(t);
  const server = await here.start([operation("wait", () => Promise.withResolvers<JsonObject>().promise)]);
  const client = await here.client();
  const call = client.call("wait", {});
  await Promise.all([assert.rejects(call, isFault("control.lost")), server.close()]);
  await assert.rejects(client.call("wait", {}), isFault("control.lost"));
  assert.equal(existsSync(here.socketPath), false);
});

test("without a daemon the client says how to start it", async (t) => {
  const here = place(t);
  const says = { code: "control.not-running", next: "Start it with: npm start" };
  await assert.rejects(connectControl(here.socketPath), says);
  mkdirSync(join(here.socketPath, ".."), { mode: 0o700 });
  writeFileSync(here.socketPath, "");
  await assert.rejects(connectControl(here.socketPath), says);
});

test("the socket and its folder are the user's alone", async (t) => {
  const here = place(t);
  await here.start();
  assert.equal(statSync(here.socketPath).mode & 0o777, 0o600);
  assert.equal(statSync(join(here.socketPath, "..")).mode & 0o777, 0o700);
});

test("a folder that others can enter is refused; a group's is fine for a group's socket", async (t) => {
  const here = place(t);
  const folder = join(here.socketPath, "..");
  mkdirSync(folder);
  chmodSync(folder, 0o750);
  await assert.rejects(here.start(), isFault("control.folder"));
  await here.start([], 0o660);
  assert.equal(statSync(here.socketPath).mode & 0o777, 0o660);
  chmodSync(folder, 0o755);
  await assert.rejects(here.start([], 0o660), isFault("control.folder"));
});

test("a socket that a dead daemon left is cleared; a live daemon's and other files are not", async (t) => {
  const here = place(t);
  mkdirSync(join(here.socketPath, ".."), { mode: 0o700 });
  writeFileSync(here.socketPath, "precious");
  await assert.rejects(here.start(), isFault("control.path"));
  rmSync(here.socketPath);
  // A listener that is closed without removing its file, as kill -9 does it.
  const dead = createServer();
  dead.listen({ path: `${here.socketPath}.x`, exclusive: true });
  await once(dead, "listening");
  renameSync(`${here.socketPath}.x`, here.socketPath);
  dead.close();
  assert.equal(existsSync(here.socketPath), true);
  await here.start([echo]);
  assert.deepEqual(await (await here.client()).call("echo", {}), {});
  await assert.rejects(here.start(), isFault("control.running"));
});

test("a path too long for a socket is refused before the system cuts it", async () => {
  const socketPath = `/tmp/${"x".repeat(120)}/control.sock`;
  await assert.rejects(startControl({ socketPath, mode: 0o600, operations: [], auth }), isFault("control.path"));
});
