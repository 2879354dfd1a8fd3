import assert from "node:assert/strict";
import { request } from "node:http";
import test, { after, before, describe } from "node:test";
import fc from "fast-check";
import { ownersBrowser, type Browser } from "../../tests/fixtures/console-browser.ts";
import { NOW_MS, sampleData, sampleQuestion, startConsole, type Running } from "../../tests/fixtures/console.ts";
import { STREAMS_MAX } from "./live.ts";

let running: Running;
let owner: Browser;
before(async () => {
  running = await startConsole();
  owner = await ownersBrowser(running);
});
after(() => running.close());

describe("what is shown", () => {
  test("a long argument is said to be cut, is whole on its own page, and has no yes before that", async () => {
    const data = sampleData();
    const long = `start ${"x".repeat(1_000_000)} the very end`;
    data.questions = [sampleQuestion({ args: JSON.stringify({ content: long, path: "/a" }) })];
    const own = await startConsole(data);
    try {
      const browser = await ownersBrowser(own);
      const inbox = (await browser.get("/")).body;
      assert.match(inbox, /Cut here.*1,000,019 characters/s);
      assert.match(inbox, /Read it all, then answer/);
      assert.doesNotMatch(inbox, /value="yes"/);
      const page = (await browser.get("/q/7KQ")).body;
      assert.match(page, /the very end/);
      assert.match(page, /value="yes"/);
    } finally {
      await own.close();
    }
  });

  test("the story of a call shows the exact undo and runs it with the digest that was seen", async () => {
    const own = await startConsole(sampleData());
    try {
      const offered = {
        request: "r-4f1c",
        tool: "calendar.delete_event",
        args: '{"id":"<b>e1</b>"}',
        digest: "d".repeat(64),
        gone: null,
      };
      const browser = await ownersBrowser(own);
      assert.doesNotMatch((await browser.get("/why/r-4f1c")).body, /Undo it/);
      own.override.set("undo.show", () => offered);
      const page = (await browser.get("/why/r-4f1c")).body;
      assert.match(page, /calendar\.delete_event/);
      assert.match(page, /&lt;b&gt;e1&lt;\/b&gt;/);
      const sent = await browser.submit("/undo", { id: "r-4f1c", digest: offered.digest });
      assert.equal(sent.status, 303, sent.body);
      const runs = own.called.filter(({ name }) => name === "undo.run");
      assert.deepEqual(
        runs.map(({ input, isOwner }) => ({ ...input, isOwner })),
        [{ id: "r-4f1c", digest: offered.digest, isOwner: true }],
      );
      own.override.set("undo.show", () => ({ ...offered, gone: "it was used" }));
      const after = (await browser.get("/why/r-4f1c")).body;
      assert.match(after, /Its undo is gone: it was used/);
      assert.doesNotMatch(after, /action="\/undo"/);
    } finally {
      await own.close();
    }
  });

  test("what is held shows when it is done, and is cancelled by one tap", async () => {
    const data = sampleData();
    const held = sampleQuestion({ id: "H3D", state: "held", heldUntilMs: NOW_MS + 300_000 });
    data.questions = [held];
    const own = await startConsole(data);
    try {
      own.override.set("question.list", () => ({ questions: [], held: [held] }));
      const browser = await ownersBrowser(own);
      const inbox = (await browser.get("/")).body;
      assert.match(inbox, /It is done <time[^>]*>in 5 min<\/time>, unless you cancel it/);
      assert.match(inbox, /value="cancel"/);
      const digest = JSON.stringify(held["digest"]).slice(1, -1);
      assert.equal((await browser.submit("/q/H3D", { answer: "cancel", digest: "0".repeat(64) })).status, 303);
      assert.equal(own.called.filter(({ name }) => name === "hold.cancel").length, 0, "another call than the one seen");
      const news = await browser.submit("/q/H3D", { answer: "cancel", digest });
      assert.equal(news.status, 303, news.body);
      assert.deepEqual(
        own.called.filter(({ name }) => name === "hold.cancel").map(({ input }) => input),
        [{ id: "H3D" }],
      );
      const page = (await browser.get("/q/H3D")).body;
      assert.doesNotMatch(page, /value="no"/);
    } finally {
      await own.close();
    }
  });

  test("a closed question has no buttons, and an effect that may have happened shows its exact call", async () => {
    const data = sampleData();
    data.questions = [sampleQuestion({ state: "no", note: "<i>never</i>" })];
    data.unknown = [{ request: "r-4f1c", tool: "mail.send", principal: "agent", atMs: NOW_MS - 5 }];
    data.entries = [{ seq: 3, kind: "intent", atMs: 0, text: '{"to":"bo@example.org"}', facts: {} }];
    const own = await startConsole(data);
    try {
      const browser = await ownersBrowser(own);
      const page = (await browser.get("/q/7KQ")).body;
      assert.doesNotMatch(page, /name="answer"/);
      assert.match(page, /&lt;i&gt;never/);
      assert.match((await browser.get("/")).body, /mail\.send may or may not have happened.*bo@example\.org.*>Seen</s);
    } finally {
      await own.close();
    }
  });

  test("no text in any field breaks out of any page", async () => {
    const data = sampleData();
    const own = await startConsole(data);
    const probe = "zq<img src=x onerror=1>\"'`&</textarea></pre><a href=https://evil.example>";
    try {
      const browser = await ownersBrowser(own);
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (noise) => {
          Object.assign(data, replaced(sampleData(), `${probe}${noise.toWellFormed()}`));
          for (const path of ["/", "/q/7KQ", "/activity", "/why/7KQ", "/stack", ...RULES])
            checkTags((await browser.get(path)).body);
        }),
        { numRuns: 12 },
      );
    } finally {
      await own.close();
    }
  });
});

const RULES = ["/always/7KQ", "/always/7KQ/change", "/alike/7KQ"];
const TAGS = new Set(
  (
    "!doctype html head meta title link script noscript body a header img nav span form input button main section p " +
    "h1 h2 " +
    "article footer time dl div dt dd code pre mark strong ul li ol details summary label textarea br"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "lang charset name content href rel type src defer http-equiv class id alt width height method action value role " +
    "aria-label aria-labelledby aria-current aria-live aria-hidden aria-describedby tabindex datetime title for " +
    "maxlength " +
    "autocomplete autocapitalize spellcheck rows required placeholder open data-live data-waiting html"
  ).split(" "),
);

/** Every `<` opens a tag of ours that holds only attributes of ours; so no text has become one. */
function checkTags(page: string): void {
  const tags = page.match(/<[^<>]*>/g) ?? [];
  assert.equal(tags.length, page.split("<").length - 1);
  assert.equal(tags.length, page.split(">").length - 1);
  for (const tag of tags) {
    const parts = /^<\/?([!a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>$/.exec(tag);
    assert.ok(parts !== null && TAGS.has(parts[1] ?? ""), tag);
    for (const [, name] of (parts[2] ?? "").matchAll(/\s([a-z-]+)(?:="[^"]*")?/g))
      assert.ok(ATTRIBUTES.has(name ?? ""), tag);
  }
}

/** The same shape with every text replaced, but for the words that choose how a thing is shown. */
function replaced<T>(value: T, text: string): T {
  const keep = new Set(["id", "state", "role", "kind", "answer"]);
  const walk = (item: unknown, key: string): unknown => {
    if (typeof item === "string")
      return key === "args" ? JSON.stringify({ [text]: text, b: [text] }) : keep.has(key) ? item : text;
    if (Array.isArray(item)) return item.map((one: unknown) => walk(one, ""));
    if (typeof item !== "object" || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([name, one]) => [name, walk(one, name)]));
  };
  return walk(value, "") as T;
}

describe("live", () => {
  function listen(browser: Browser): Promise<{ status: number; next(): Promise<string>; end(): void }> {
    return new Promise((resolve, reject) => {
      const sent = request(
        `${running.origin}/live`,
        { headers: { cookie: browser.cookie }, agent: false },
        (response) => {
          response.setEncoding("utf8");
          const chunks = response[Symbol.asyncIterator]();
          const next = async (): Promise<string> => String((await chunks.next()).value ?? "ended");
          resolve({ status: response.statusCode ?? 0, next, end: () => void sent.destroy() });
        },
      );
      sent.on("error", reject);
      sent.end();
    });
  }

  test("an open page hears that something happened, without any content, until the owner's session ends", async () => {
    const browser = await ownersBrowser(running);
    const stream = await listen(browser);
    assert.match(await stream.next(), /^event: hello\n/);
    for (const listener of running.listeners) listener();
    assert.equal(await stream.next(), "event: change\ndata: \n\n");
    await browser.submit("/leave");
    for (const listener of running.listeners) listener();
    assert.equal(await stream.next(), "ended");
    assert.equal(running.listeners.size, 0, "nobody looks, so nobody listens");
  });

  test("there is a limit to open pages", async () => {
    const streams = [];
    for (let count = 0; count < STREAMS_MAX; count += 1) streams.push(await listen(owner));
    assert.deepEqual(new Set(streams.map(({ status }) => status)), new Set([200]));
    assert.equal((await listen(owner)).status, 503);
    for (const stream of streams) stream.end();
  });
});
