import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import { isObject } from "../../src/kernel/index.ts";
import { addClient, addRogues, effects, makeHome, openMcp, post, rpc, type Said } from "../fixtures/daemon.ts";

const RULES = `rules:
  - { id: free, answer: allow, tool: one.write, args: { path: { equals: free } }, reason: "a test" }
`;

/** With headers that fetch would not send. */
function raw(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}mcp`, { method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function errorCode(said: Said): unknown {
  const { error } = said.body;
  return isObject(error) ? error["code"] : null;
}

test("what a client may not do, it cannot do, and what it sends beside the call goes nowhere", async (t) => {
  const home = makeHome(t, { rules: "rules: []\n" });
  const daemon = await home.start({ waitMs: 20 });
  const folder = home.folder("one");
  await addRogues(daemon, home.paths, [{ name: "one", folder }]);
  writeFileSync(home.paths.rules, RULES);
  const token = await addClient(daemon, "shell");
  const other = await addClient(daemon, "other");
  const { url } = daemon;
  const client = await openMcp(url, token);
  const authorization = `Bearer ${token}`;
  const inSession = { authorization, "mcp-session-id": client.session, "mcp-protocol-version": "2025-11-25" };
  const call = (args: string): string =>
    `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"one__look","arguments":${args}}}`;

  await t.test("no token, a made-up token, a token in the address, another scheme: 401 or 400", async () => {
    const body = rpc("tools/list", {});
    assert.equal((await post(url, {}, body)).status, 401);
    assert.equal((await post(url, { authorization: `Bearer ${"A".repeat(43)}` }, body)).status, 401);
    assert.equal((await post(url, { authorization: `Basic ${token}` }, body)).status, 401);
    assert.equal((await post(url, { authorization: `Bearer ${token} ` + "x" }, body)).status, 401);
    for (const name of ["token", "access_token", "api_key"]) {
      const response = await fetch(`${url}mcp?${name}=${token}`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body,
      });
      assert.equal(response.status, 400);
    }
  });

  await t.test("another client's session: as if it were not there", async () => {
    const stolen = await post(url, { ...inSession, authorization: `Bearer ${other}` }, rpc("tools/list", {}));
    assert.equal(stolen.status, 404);
    const invented = await post(url, { ...inSession, "mcp-session-id": "x".repeat(36) }, rpc("tools/list", {}));
    assert.equal(invented.status, 404);
    assert.deepEqual(invented.body["error"], stolen.body["error"]);
    const ended = await fetch(`${url}mcp`, {
      method: "DELETE",
      headers: { ...inSession, authorization: `Bearer ${other}` },
    });
    assert.equal(ended.status, 404);
    assert.equal((await client.call("one__look", { path: "a" })).isError, false);
  });

  await t.test("another client's question: neither its result nor that it exists", async () => {
    const told = await client.call("one__write", { path: "secret" });
    const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
    const thief = await openMcp(url, other);
    const got = await thief.call("freehold_result", { question: id });
    const invented = await thief.call("freehold_result", { question: "ZZZ" });
    const plain = (text: string): string => text.replace(/freehold why \S+/, "");
    assert.equal(plain(got.text), plain(invented.text));
    await daemon.owner.call("question.answer", { id, answer: "no" });
  });

  await t.test("a foreign Host or Origin: 403 before the token is looked at", async () => {
    const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const body = rpc("tools/list", {});
    for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1:1", "0.0.0.0"]) {
      assert.equal(await raw(url, { ...json, ...inSession, host }, body), 403, host);
    }
    for (const origin of ["https://evil.example", "null", "http://localhost", "http://127.0.0.1:1"]) {
      assert.equal(await raw(url, { ...json, ...inSession, origin }, body), 403, origin);
    }
    // Its own address, which the specification wants accepted: the only pages there are the console's.
    assert.equal(await raw(url, { ...json, ...inSession, origin: url.slice(0, -1) }, body), 200);
    assert.equal(await raw(url, { ...json, ...inSession, "sec-fetch-site": "cross-site" }, body), 403);
  });

  await t.test("malformed, oversized or ambiguous JSON is refused whole", async () => {
    const refused = async (body: string): Promise<void> => {
      const said = await post(url, inSession, body);
      assert.ok(said.status >= 400 || said.body["error"] !== undefined, `${said.status} ${body.slice(0, 80)}`);
      assert.equal(said.body["result"], undefined, body.slice(0, 80));
    };
    await refused("{");
    await refused("");
    await refused("[]");
    await refused('"x"');
    await refused(`${call('{"path":"a"}')}{}`);
    await refused(call('{"path":"a","path":"b"}'));
    await refused(call('{"path":"a","p\\u0061th":"b"}'));
    await refused(call('{"path":"a","text":9007199254740993}'));
    await refused(call('{"path":"a","text":1e400}'));
    await refused(call('{"path":"a","__proto__":{"path":"b"}}'));
    await refused(call('{"path":"\\ud83d"}'));
    await refused(call(`${'{"path":'.repeat(200)}"a"${"}".repeat(200)}`));
    await refused(call('{"path":"a"}').replace('"tools/call"', '"tools/call","method":"tools/list"'));
    // Refused by its length alone; whoever still writes then may meet a closed connection before the answer.
    await refused(call(`{"path":"${"x".repeat(9 * 1024 * 1024)}"}`)).catch((error: unknown) => {
      assert.match(String(error), /fetch failed/);
    });
    const length = { ...inSession, "content-type": "application/json", "content-length": "99999999" };
    assert.equal(await raw(url, length, "").catch(() => 413), 413);
  });

  await t.test(
    "numbers that grow when they are written out are an ordinary refusal, not a fault of the daemon",
    async () => {
      const grown = `[${Array.from({ length: 600_000 }, () => "1e20").join(",")}]`;
      const said = await post(url, inSession, call(`{"path":"a","text":"b","more":${grown}}`));
      assert.doesNotMatch(said.text, /gateway failed|Bug/, said.text.slice(0, 300));
    },
  );

  await t.test("hidden _meta, beside the arguments or in them, never reaches the server", async () => {
    const params = {
      name: "one__write",
      arguments: { path: "free" },
      _meta: { "x.example/steal": "me", progressToken: 4 },
    };
    assert.equal((await client.ask("tools/call", params)).status, 200);
    const bare = '{"arguments":{"path":"free"},"name":"write"}';
    // The progress token is the gateway's own.
    assert.deepEqual(
      effects(folder).map((line) => line.replace(/"_meta":\{"progressToken":\d+\},/, "")),
      [bare],
    );
    const other = { name: "one__write", arguments: { path: "free" }, extra: { a: 1 }, task: { ttl: 1 } };
    await client.ask("tools/call", other);
    assert.equal(effects(folder).at(-1), bare);
  });

  await t.test("an unknown tool and arguments that break the schema: told, not sent", async () => {
    for (const name of ["one__gone", "two__look", "one.look", "__proto__", "one__@resources", ""]) {
      const said = await client.ask("tools/call", { name, arguments: { path: "a" } });
      assert.equal(errorCode(said), -32_602, name);
    }
    assert.match((await client.call("one__look", { path: 7 })).text, /Denied \(C0\)/);
    assert.match((await client.call("one__look", {})).text, /Denied \(C0\)/);
    const said = await client.ask("tools/call", { name: "one__look", arguments: ["path"] });
    assert.equal(errorCode(said), -32_602);
    assert.equal(errorCode(await client.ask("sampling/createMessage", {})), -32_601);
  });

  await t.test("arguments of a megabyte pass whole, and are shown whole", async () => {
    const text = "ä".repeat(512 * 1024);
    const got = await client.call("one__look", { path: "a", text });
    assert.equal(JSON.parse(got.text).text, text);
    const told = await client.call("one__write", { path: "big", text });
    const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
    const shown = await daemon.owner.call("question.show", { id });
    assert.deepEqual(JSON.parse(typeof shown["shown"] === "string" ? shown["shown"] : ""), { path: "big", text });
    await daemon.owner.call("question.answer", { id, answer: "yes" });
    assert.equal(JSON.parse(effects(folder).at(-1) ?? "{}").arguments.text, text);
  });

  await t.test("a client cannot fill the disk with what was denied", async () => {
    const size = (): number => statSync(`${home.paths.database}-wal`).size + statSync(home.paths.database).size;
    const before = size();
    for (let calls = 0; calls < 10; calls += 1)
      await client.call("one__look", { path: 7, text: "x".repeat(1024 * 1024) });
    assert.ok(size() - before < 4 * 1024 * 1024, `${size() - before} bytes`);
  });

  await t.test("no client can bury the owner: opening new conversations gives no new right to ask", async () => {
    const crowd = await Promise.all(Array.from({ length: 5 }, () => openMcp(url, other)));
    for (const [number, each] of crowd.entries()) {
      for (let asked = 0; asked < 10; asked += 1) await each.call("one__write", { path: `${number}-${asked}` });
    }
    const { questions } = await daemon.owner.call("inbox", {});
    assert.ok(
      Array.isArray(questions) && questions.length <= 20,
      `${Array.isArray(questions) ? questions.length : "?"} questions`,
    );
  });

  await t.test("after all of this the ledger verifies", async () => {
    assert.equal((await daemon.owner.call("ledger.verify", {}))["kind"], "good");
  });
});
