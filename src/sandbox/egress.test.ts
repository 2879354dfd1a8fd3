import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { openEgress, type Egress, type EgressOptions } from "./egress.ts";

const folder = mkdtempSync(join(tmpdir(), "egress-test-"));
const seen: string[] = [];
let upstream: Server;
let port = 0;
let count = 0;

before(async () => {
  upstream = createServer((request, response) => {
    seen.push(
      `${request.method} ${request.headers.host}${request.url} ${request.headers["proxy-authorization"] ?? "-"}`,
    );
    if (request.url === "/away") return response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    request.pipe(response.writeHead(200));
  });
  await once(upstream.listen(0, "127.0.0.1"), "listening");
  port = (upstream.address() as AddressInfo).port;
});
after(() => {
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true });
});

async function withEgress(options: Partial<EgressOptions>, use: (path: string) => Promise<void>): Promise<void> {
  const socketPath = join(folder, `${(count += 1)}.sock`);
  const all = { allow: [`127.0.0.1:${port}`], permitConnection: async () => true, ...options, socketPath };
  const egress: Egress = await openEgress(all);
  try {
    await use(socketPath);
  } finally {
    await egress.close();
  }
}

/** Sends raw bytes, ends its side when told, and returns all that comes back. */
function raw(path: string, text: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect(path, () => socket.write(text));
    let answer = "";
    socket
      .on("data", (chunk) => (answer += chunk.toString()))
      .on("end", () => done(answer))
      .on("error", fail);
  });
}

function connectTo(target: string, then = ""): string {
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${then}`;
}

test("a tunnel to a listed host carries bytes both ways", async () => {
  await withEgress({}, async (path) => {
    const inner = `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`;
    const answer = await raw(path, connectTo(`127.0.0.1:${port}`, inner));
    assert.match(answer, /^HTTP\/1\.1 200 Connection Established\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*hello/);
  });
});

test("whatever is not on the list, in any spelling, is refused before anyone is asked", async () => {
  const asked: string[] = [];
  const permitConnection: EgressOptions["permitConnection"] = async ({ host }) => (asked.push(host), true);
  const notes: string[] = [];
  await withEgress({ permitConnection, onNote: (text) => notes.push(text) }, async (path) => {
    const written = [
      "example.org:443",
      "127.1",
      "0x7f.1",
      "2130706433",
      "[::ffff:127.0.0.1]",
      "localhost",
      "u@127.0.0.1",
    ];
    for (const host of written) {
      const target = host.includes(":4") ? host : `${host}:${port}`;
      assert.match(await raw(path, connectTo(target)), /^HTTP\/1\.1 403 /, target);
    }
    assert.match(await raw(path, connectTo(`127.0.0.1:${port === 1 ? 2 : 1}`)), /403/);
    assert.equal(notes.length, written.length + 1);
  });
  assert.deepEqual(asked, []);
});

test("a listed name that leads to this machine is refused, also after a public answer", async () => {
  const answers = ["203.0.113.7", "127.0.0.1"];
  const resolve = async (): Promise<{ address: string; family: number }[]> =>
    answers.splice(0, 2).map((address) => ({ address, family: 4 }));
  await withEgress({ allow: [`rebind.example:${port}`], resolve }, async (path) => {
    assert.match(await raw(path, connectTo(`rebind.example:${port}`)), /403[\s\S]*not on the public network/);
  });
});

test("a connection that is not permitted is not made", async () => {
  const before = seen.length;
  await withEgress({ permitConnection: async () => false }, async (path) => {
    assert.match(await raw(path, connectTo(`127.0.0.1:${port}`)), /403[\s\S]*not permitted/);
    assert.match(
      await raw(path, `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /403/,
    );
  });
  await withEgress({ permitConnection: () => Promise.reject(new Error("ledger is full")) }, async (path) => {
    assert.match(await raw(path, connectTo(`127.0.0.1:${port}`)), /403[\s\S]*ledger is full/);
  });
  assert.equal(seen.length, before);
});

test("plain http goes to the listed host under its own name and without proxy headers", async () => {
  await withEgress({}, async (path) => {
    const headers = { host: "metadata.internal", "proxy-authorization": "Basic x" };
    const answer = await new Promise<string>((done, fail) => {
      const call = httpRequest({
        socketPath: path,
        path: `http://127.0.0.1:${port}/echo?q=1`,
        method: "POST",
        headers,
      });
      call.on("error", fail).on("response", (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk))).on("end", () => done(`${response.statusCode} ${text}`));
      });
      call.end("body");
    });
    assert.equal(answer, "200 body");
    assert.equal(seen.at(-1), `POST 127.0.0.1:${port}/echo?q=1 -`);
  });
});

test("a redirect is handed back, not followed, and other request forms are refused", async () => {
  await withEgress({}, async (path) => {
    const get = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
    assert.match(await raw(path, get(`http://127.0.0.1:${port}/away`)), /^HTTP\/1\.1 302 /);
    for (const url of [
      "/",
      "https://127.0.0.1/",
      `http://u@127.0.0.1:${port}/`,
      `http://127.0.0.1:${port}\\@evil/`,
      "*",
    ]) {
      assert.match(await raw(path, get(url)), /^HTTP\/1\.1 40[03] /, url);
    }
  });
});

test("a header without end and a dead target end with an error, not a hang", async () => {
  await withEgress({ allow: ["127.0.0.1:1"] }, async (path) => {
    assert.match(await raw(path, `GET / HTTP/1.1\r\nX: ${"a".repeat(40_000)}`), /^HTTP\/1\.1 431 /);
    assert.match(await raw(path, connectTo("127.0.0.1:1")), /^HTTP\/1\.1 502 /);
  });
});

test("a list entry that is not a host and port is named", async () => {
  for (const entry of ["example.org", "https://example.org", "*.example.org:443", "127.1:80"]) {
    const opened = openEgress({ socketPath: join(folder, "x"), allow: [entry], permitConnection: async () => true });
    await assert.rejects(opened, (error) => error instanceof Fault && error.code === "sandbox.network-entry");
  }
});
