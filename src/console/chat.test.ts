import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { browse, ownersBrowser, type Browser } from "../../tests/fixtures/console-browser.ts";
import { startConsole, type Running } from "../../tests/fixtures/console.ts";

async function owners(t: TestContext): Promise<{ readonly running: Running; readonly browser: Browser }> {
  const running = await startConsole();
  t.after(() => running.close());
  return { running, browser: await ownersBrowser(running) };
}

test("conversations are listed with a form to begin one, and nobody but the owner sees them", async (t) => {
  const { running, browser } = await owners(t);
  const { body } = await browser.get("/chat");
  assert.match(body, /href="\/chat\/chat-4f1c"/);
  assert.match(
    body,
    /<select id="compartment" name="compartment">\s*<option>family<\/option>\s*<option>work<\/option>/,
  );
  const stranger = browse(running);
  assert.equal((await stranger.get("/chat")).status, 303);
  assert.equal((await stranger.get("/chat/chat-4f1c")).status, 303);
});

test("a conversation shows what was said and called, a stranger's text escaped and nothing hidden in it", async (t) => {
  const { browser } = await owners(t);
  const { body, headers } = await browser.get("/chat/chat-4f1c");
  assert.match(body, /Answer Bob if he needs one\./);
  assert.match(body, /&lt;b&gt;Reply&lt;\/b&gt;/);
  assert.ok(!body.includes("\u202e"), "what turns the text around is spelled out");
  assert.match(body, /<code>mail\.read_mail \{\}/, "what it calls, and not the tool of the agent that calls it");
  assert.match(body, /href="\/why\/r-2"/);
  assert.match(body, /Ended: 25 requests to a model/);
  assert.match(body, /It has read family data, text of strangers\. 0\.0042 EUR today\./);
  assert.doesNotMatch(String(headers["content-security-policy"]), /unsafe/);
  assert.doesNotMatch(body, /<script(?! src="\/assets\/)/);
});

test("words are said by a form, and a form without the token of the visit says nothing", async (t) => {
  const { running, browser } = await owners(t);
  await browser.get("/chat/chat-4f1c");
  const said = await browser.submit("/chat/chat-4f1c", { do: "say", text: "And Friday?" });
  assert.equal(said.status, 303);
  assert.equal(said.headers["location"], "/chat/chat-4f1c#text");
  const asked = running.called.find(({ name }) => name === "chat.say");
  assert.deepEqual(asked, { name: "chat.say", input: { session: "chat-4f1c", text: "And Friday?" }, isOwner: true });
  assert.equal((await browser.post("/chat/chat-4f1c", { do: "say", text: "evil" })).status, 403);
});

test("a new conversation is opened in the chosen part of the owner's life", async (t) => {
  const { running, browser } = await owners(t);
  await browser.get("/chat");
  await browser.submit("/chat", { compartment: "work", text: "hello" });
  assert.deepEqual(running.called.find(({ name }) => name === "chat.open")?.input, { compartment: "work" });
  assert.ok(running.called.some(({ name }) => name === "chat.say"));
});

test("a turn under way can be cancelled, one that was cut off gone on with, and no model is said", async (t) => {
  const { running, browser } = await owners(t);
  const { chat } = running.sample;
  running.override.set("chat.state", () => ({ ...chat.state, isRunning: true }));
  assert.match((await browser.get("/chat/chat-4f1c")).body, /Cancel this turn/);
  await browser.submit("/chat/chat-4f1c", { do: "cancel" });
  assert.ok(running.called.some(({ name }) => name === "chat.cancel"));
  running.override.set("chat.state", () => ({ ...chat.state, isUnfinished: true, hasModel: false }));
  const { body } = await browser.get("/chat/chat-4f1c");
  assert.match(body, /Go on with it/);
  assert.match(body, /No model is declared/);
  await browser.submit("/chat/chat-4f1c", { do: "goOn" });
  assert.ok(running.called.some(({ name }) => name === "chat.goOn"));
});

test("a conversation that is not there is a page that says so", async (t) => {
  const { browser } = await owners(t);
  const { status, body } = await browser.get("/chat/nothing");
  assert.equal(status, 400);
  assert.match(body, /there is no such thing/);
});
