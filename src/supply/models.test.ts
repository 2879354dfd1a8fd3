import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { homePaths } from "../home/index.ts";
import { formatLock } from "../manifest/index.ts";
import { modelFile, modelsFolder, openModelChecks, pullModel, verifyModel, type PullRequest } from "./models.ts";

const BYTES = randomBytes(200_000);
const HASH = createHash("sha256").update(BYTES).digest("hex");

interface Place {
  readonly base: string;
  readonly asked: string[];
  readonly told: string[];
  readonly request: (source: string, more?: Partial<PullRequest>) => PullRequest;
}

function place(t: TestContext): Place {
  const base = mkdtempSync(join(tmpdir(), "freehold-models-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const [asked, told]: [string[], string[]] = [[], []];
  mkdirSync(join(base, "home"));
  const permitConnection: PullRequest["permitConnection"] = ({ host, port }) => {
    asked.push(`${host}:${port}`);
    return Promise.resolve(true);
  };
  const progress = (text: string): void => void told.push(text);
  const home = homePaths(join(base, "home"));
  const request: Place["request"] = (source, more) => ({
    homePaths: home,
    source,
    sha256: null,
    permitConnection,
    progress,
    ...more,
  });
  return { base, asked, told, request };
}

async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
}

function kept(request: PullRequest): readonly string[] {
  return readdirSync(modelsFolder(request.homePaths));
}

test("a model from a path stands under its hash, read-only, and is checked before it is loaded", async (t) => {
  const { base, asked, request } = place(t);
  writeFileSync(join(base, "a.gguf"), BYTES);
  const given = request(join(base, "a.gguf"));
  const locked = await pullModel(given);
  assert.deepEqual(locked, { source: join(base, "a.gguf"), sha256: HASH, bytes: BYTES.length });
  const file = modelFile(given.homePaths, HASH);
  assert.deepEqual(readFileSync(file), BYTES);
  await verifyModel({ name: "a", locked, home: given.homePaths });
  assert.deepEqual(asked, [], "no connection is needed");
  // One byte, same size.
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.concat([Buffer.from([(BYTES[0] ?? 0) ^ 1]), BYTES.subarray(1)]));
  const verify = (): Promise<void> => verifyModel({ name: "a", locked, home: given.homePaths });
  await assert.rejects(verify(), { code: "supply.model-differs", message: /model a .*bytes were changed/ });
  writeFileSync(file, BYTES.subarray(1));
  await assert.rejects(verify(), { code: "supply.model-differs", message: /199999 bytes, not 200000/ });
  rmSync(file);
  await assert.rejects(verify(), { code: "supply.model-missing" });
});

test("bytes of another hash than named are not kept", async (t) => {
  const { base, request } = place(t);
  writeFileSync(join(base, "a.gguf"), BYTES);
  const given = request(join(base, "a.gguf"), { sha256: "0".repeat(64) });
  await assert.rejects(pullModel(given), { code: "supply.model-hash" });
  assert.deepEqual(kept(given), []);
  await assert.rejects(pullModel(request(join(base, "a.gguf"), { sha256: "abc" })), { code: "supply.model-source" });
});

test("another stack home gives a model by the name it locked, without a network", async (t) => {
  const { base, asked, request } = place(t);
  const other = homePaths(join(base, "other"));
  mkdirSync(modelsFolder(other), { recursive: true });
  writeFileSync(modelFile(other, HASH), BYTES);
  const model = { source: "https://models.example/a", sha256: HASH, bytes: BYTES.length };
  writeFileSync(join(other.dir, "stack.lock"), formatLock({ version: 1, servers: {}, models: { small: model } }));
  assert.equal((await pullModel(request(`${other.dir}#small`))).sha256, HASH);
  assert.deepEqual(asked, []);
  await assert.rejects(pullModel(request(`${other.dir}#large`)), {
    code: "supply.model-source",
    message: /no model 'large'/,
  });
  const clash = request(`${other.dir}#small`, { sha256: "1".repeat(64) });
  await assert.rejects(pullModel(clash), { code: "supply.model-source", message: /locks 'small' as/ });
  // A peer whose file was changed gives nothing.
  writeFileSync(modelFile(other, HASH), randomBytes(10));
  const fresh = { ...request(`${other.dir}#small`), homePaths: homePaths(join(base, "third")) };
  await assert.rejects(pullModel(fresh), { code: "supply.model-hash" });
});

test("a download that broke off goes on where it stopped, and each connection is asked for", async (t) => {
  const { asked, told, request } = place(t);
  const ranges: (string | undefined)[] = [];
  const url = await serve(t, ({ headers }, response) => {
    ranges.push(headers.range);
    if (headers.range === undefined) {
      response.writeHead(200, { "content-length": BYTES.length });
      response.write(BYTES.subarray(0, 120_000), () => response.destroy());
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range)?.[1]);
    const range = `bytes ${from}-${BYTES.length - 1}/${BYTES.length}`;
    response.writeHead(206, { "content-range": range }).end(BYTES.subarray(from));
  });
  const given = request(url, { sha256: HASH });
  await assert.rejects(pullModel(given), { code: "supply.model-fetch", message: /broke off/ });
  assert.equal(kept(given).length, 1);
  assert.equal((await pullModel(given)).bytes, BYTES.length);
  assert.deepEqual(kept(given), [HASH]);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]/);
  assert.match(told.join(), /going on at/);
  assert.deepEqual(new Set(asked), new Set([new URL(url).host]));
  // What is here already is not fetched again.
  await pullModel(given);
  assert.equal(ranges.length, 2);
});

test("without https the hash is needed; a password in the address and an unpermitted host are refused", async (t) => {
  const { request } = place(t);
  const url = await serve(t, (_request, response) => void response.end(BYTES));
  await assert.rejects(pullModel(request(url)), { code: "supply.model-source", message: /--sha256/ });
  const secret = request(url.replace("http://", "http://ada:word@"), { sha256: HASH });
  await assert.rejects(pullModel(secret), { code: "supply.model-source", message: /password/ });
  const barred = request(url, { sha256: HASH, permitConnection: () => Promise.resolve(false) });
  await assert.rejects(pullModel(barred), { code: "supply.model-fetch", message: /not permitted/ });
  assert.deepEqual(kept(barred), []);
});

test("a redirect never leads to a place on the owner's network, nor to plain http elsewhere", async (t) => {
  const { request } = place(t);
  const secret = await serve(t, (_request, response) => void response.end(BYTES));
  for (const to of [secret, secret.replace("http:", "https:"), "file:///etc/passwd", ""]) {
    const url = await serve(t, (_request, response) => void response.writeHead(302, { location: to }).end());
    const given = request(url, { sha256: HASH });
    await assert.rejects(pullModel(given), { code: "supply.model-fetch" }, to);
  }
  const loop = await serve(t, ({ url }, response) => void response.writeHead(302, { location: `${url ?? ""}x` }).end());
  await assert.rejects(pullModel(request(loop, { sha256: HASH })), { message: /redirects more than 5 times/ });
});

test("what is larger than the limit is refused, said or not said in advance, and nothing is kept", async (t) => {
  const { base, request } = place(t);
  writeFileSync(join(base, "a.gguf"), BYTES);
  const small = { sha256: HASH, bytesMax: 100_000 };
  await assert.rejects(pullModel(request(join(base, "a.gguf"), small)), { code: "supply.model-large" });
  const said = await serve(t, (_request, response) => void response.end(BYTES));
  const unsaid = await serve(t, (_request, response) => {
    response.writeHead(200, { "transfer-encoding": "chunked" });
    response.write(BYTES);
    response.end();
  });
  for (const url of [said, unsaid]) {
    const given = request(url, small);
    await assert.rejects(pullModel(given), { code: "supply.model-large" });
    assert.deepEqual(kept(given), []);
  }
});

test("an answer that is no file, another part than asked for, and nothing at all are refused", async (t) => {
  const { base, request } = place(t);
  const gone = await serve(t, (_request, response) => void response.writeHead(404).end("no"));
  await assert.rejects(pullModel(request(gone, { sha256: HASH })), {
    code: "supply.model-fetch",
    message: /answers 404/,
  });
  writeFileSync(join(base, "empty"), "");
  await assert.rejects(pullModel(request(join(base, "empty"))), { code: "supply.model-hash" });
  assert.equal(existsSync(modelFile(request("").homePaths, HASH)), false);
  await assert.rejects(pullModel(request(base)), { code: "supply.model-source" });
  await assert.rejects(pullModel(request("relative.gguf")), { code: "supply.model-source" });
});

test("a checked file is hashed again once anything of it was touched", async (t) => {
  const { base, request } = place(t);
  writeFileSync(join(base, "a.gguf"), BYTES);
  const given = request(join(base, "a.gguf"));
  const locked = await pullModel(given);
  const check = openModelChecks(given.homePaths);
  await check({ name: "a", locked });
  await check({ name: "a", locked });
  const file = modelFile(given.homePaths, locked.sha256);
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.from(BYTES).fill(0, 0, 1).fill(1, 1, 2));
  await assert.rejects(check({ name: "a", locked }), { code: "supply.model-differs", message: /bytes were changed/ });
  rmSync(file);
  await assert.rejects(check({ name: "a", locked }), { code: "supply.model-missing" });
});
