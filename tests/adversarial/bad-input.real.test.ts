import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { addClient, addRogues, makeHome, openMcp, until, type TestDaemon } from "../fixtures/daemon.ts";

/** What a browser would put around it is given by the test; nothing is added but the host. */
interface Raw {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  isClosed(): boolean;
}

function raw(port: number, bytes: string): Raw {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  // A dropped connection is one of the ways to refuse.
  socket.on("error", () => (isClosed = true));
  socket.on("close", () => (isClosed = true));
  socket.write(bytes);
  return { socket, text: () => text, isClosed: () => isClosed };
}

const statusOf = (sent: Raw): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(sent.text())?.[1] ?? 0);

async function statusFor(port: number, bytes: string): Promise<number> {
  const sent = raw(port, bytes);
  await until(() => statusOf(sent) !== 0 || sent.isClosed(), `an answer to ${bytes.slice(0, 80)}`);
  sent.socket.destroy();
  return statusOf(sent);
}

function rssMb({ pid }: TestDaemon): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

const LORIS = 300;
const STREAMS = 10_000;
const AT_ONCE = 500;

test("what no honest client sends is refused, and the others are served meanwhile", async (t) => {
  const home = makeHome(t, { rules: "rules: []\n" });
  const daemon = await home.start({ waitMs: 20 });
  await addRogues(daemon, home.paths, [{ name: "one", folder: home.folder("one") }]);
  const token = await addClient(daemon, "ada");
  const other = await addClient(daemon, "bob");
  const good = await openMcp(daemon.url, other);
  const port = Number(new URL(daemon.url).port);
  const host = `host: 127.0.0.1:${port}\r\n`;
  const authorization = `authorization: Bearer ${token}\r\n`;
  const json = "content-type: application/json\r\naccept: application/json, text/event-stream\r\n";
  const head = `POST /mcp HTTP/1.1\r\n${host}${authorization}${json}`;
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const isServed = async (): Promise<void> => {
    assert.equal((await good.call("one__look", { path: "still" })).isError, false);
  };

  const lorises = Array.from({ length: LORIS }, () => raw(port, `POST /mcp HTTP/1.1\r\n${host}x-slow: a`));
  await isServed();

  await t.test("a page's form, a page's script without preflight, a page that asks first: refused unread", async () => {
    const form = (more: string): string =>
      `POST /mcp HTTP/1.1\r\n${host}${more}content-length: ${body.length}\r\n\r\n${body}`;
    const page = "origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n";
    assert.equal(await statusFor(port, form(`${page}content-type: text/plain\r\n`)), 403);
    assert.equal(await statusFor(port, form("sec-fetch-site: cross-site\r\ncontent-type: text/plain\r\n")), 403);
    assert.equal(await statusFor(port, form("content-type: text/plain\r\n")), 401);
    assert.equal(await statusFor(port, form(`${authorization}content-type: text/plain\r\n`)), 415);
    assert.equal(
      await statusFor(port, form(`${authorization}content-type: application/x-www-form-urlencoded\r\n`)),
      415,
    );
    const asked = raw(port, `OPTIONS /mcp HTTP/1.1\r\n${host}${page}access-control-request-method: POST\r\n\r\n`);
    await until(() => statusOf(asked) !== 0, "an answer to the preflight");
    assert.equal(statusOf(asked), 403);
    assert.doesNotMatch(asked.text(), /access-control-allow/i);
    asked.socket.destroy();
  });

  await t.test("another name for this machine, and a whole address in the request's line: refused", async () => {
    const get = (line: string, name: string): string => `GET ${line} HTTP/1.1\r\nhost: ${name}\r\n${authorization}\r\n`;
    assert.equal(await statusFor(port, get("/mcp", "rebound.example")), 403);
    assert.equal(await statusFor(port, get("/mcp", `rebound.example:${port}`)), 403);
    assert.notEqual(await statusFor(port, get("http://rebound.example/mcp", `127.0.0.1:${port}`)), 200);
    assert.equal(await statusFor(port, `GET /mcp?access_token=${token} HTTP/1.1\r\n${host}\r\n`), 400);
  });

  await t.test("a WebSocket, HTTP/2 in the clear, a tunnel: there is nothing to switch to", async () => {
    const upgrade = (to: string): string =>
      `GET /mcp HTTP/1.1\r\n${host}${authorization}connection: upgrade\r\nupgrade: ${to}\r\n` +
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    for (const to of ["websocket", "h2c"]) {
      const status = await statusFor(port, upgrade(to));
      assert.ok(status >= 400 || status === 0, `${to}: ${status}`);
    }
    const tunnel = await statusFor(port, `CONNECT one.example:443 HTTP/1.1\r\n${host}${authorization}\r\n`);
    assert.ok(tunnel >= 400 || tunnel === 0, String(tunnel));
  });

  await t.test("giant headers and a body with two lengths: refused before they are read", async () => {
    const before = rssMb(daemon);
    const giant = `POST /mcp HTTP/1.1\r\n${host}x-giant: ${"g".repeat(8 * 1024 * 1024)}\r\n\r\n`;
    assert.ok([0, 431].includes(await statusFor(port, giant)));
    const many = `POST /mcp HTTP/1.1\r\n${host}${"x-a: b\r\n".repeat(20_000)}\r\n`;
    assert.ok([0, 431].includes(await statusFor(port, many)));
    const twice = "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    const lengths = `POST /mcp HTTP/1.1\r\n${host}${authorization}${json}${twice}`;
    assert.equal(await statusFor(port, lengths), 400);
    assert.ok(rssMb(daemon) - before < 64, `${rssMb(daemon) - before} MB`);
    await isServed();
  });

  await t.test("requests behind each other on one connection are answered in order, each with its own id", async () => {
    const hello = await openMcp(daemon.url, token);
    const session = `mcp-session-id: ${hello.session}\r\nmcp-protocol-version: 2025-11-25\r\n`;
    const call = (id: number): string => {
      const params = { name: "one__look", arguments: { path: `p${id}` } };
      const text = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
      return `${head}${session}content-length: ${text.length}\r\n\r\n${text}`;
    };
    const ids = Array.from({ length: 20 }, (_, index) => 100 + index);
    const sent = raw(port, ids.map(call).join(""));
    const answers = (): readonly string[] =>
      [...sent.text().matchAll(/"id":(\d+),"result".*?p(\d+)/g)].map(([, id, path]) => `${id} ${path}`);
    await until(() => answers().length === ids.length, "twenty answers");
    assert.deepEqual(
      answers(),
      ids.map((id) => `${id} ${id}`),
    );
    sent.socket.destroy();
  });

  await t.test("ten thousand streams of one client: a bounded number opens, the memory holds", async () => {
    const before = rssMb(daemon);
    const open: Raw[] = [];
    let refused = 0;
    for (let tried = 0; tried < STREAMS; tried += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, index) => listenOn(tried + index));
      await until(() => batch.every((each) => statusOf(each) !== 0 || each.isClosed()), "each is answered or dropped");
      for (const each of batch) {
        if (statusOf(each) === 200) open.push(each);
        else {
          refused += 1;
          each.socket.destroy();
        }
      }
    }
    assert.ok(open.length > 0 && open.length <= 256, `${open.length} streams`);
    assert.equal(refused, STREAMS - open.length);
    assert.ok(rssMb(daemon) - before < 100, `${rssMb(daemon) - before} MB more`);
    await isServed();
    for (const { socket } of open) socket.destroy();
    await until(async () => {
      const again = listenOn(STREAMS);
      await until(() => statusOf(again) !== 0 || again.isClosed(), "an answer");
      again.socket.destroy();
      return statusOf(again) === 200;
    }, "the places are free again");

    function listenOn(id: number): Raw {
      const meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
      };
      const params = { _meta: meta, notifications: { toolsListChanged: true } };
      const text = JSON.stringify({ jsonrpc: "2.0", id, method: "subscriptions/listen", params });
      const modern = "mcp-protocol-version: 2026-07-28\r\nmcp-method: subscriptions/listen\r\n";
      return raw(port, `${head}${modern}freehold-process: p${id}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    }
  });

  await t.test("whoever sends one header for ever is dropped, and the daemon is as it was", async () => {
    await until(() => lorises.every((each) => each.isClosed()), "the slow ones are dropped");
    await isServed();
    assert.equal((await daemon.owner.call("ledger.verify", {}))["kind"], "good");
    assert.equal(daemon.child.exitCode, null);
  });
});
