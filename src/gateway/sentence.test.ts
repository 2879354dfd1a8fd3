import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToolCard } from "../kernel/index.ts";
import { questionSentence } from "./sentence.ts";

const card = (tool: string, effect: ToolCard["effect"]): ToolCard => ({
  tool,
  effect,
  result: { trust: "third-party", compartments: [], secret: false, mode: "inline" },
  roles: { content: "content", body: "content" },
  ids: [],
  pin: "",
});

test("a question is one sentence that a person would say, and what the card says it does", () => {
  assert.equal(
    questionSentence("client:claude-code", card("files.write_file", "write"), { path: "/notes/a.md", content: "milk" }),
    "claude-code wants to write file “/notes/a.md”, 4 characters of content. It changes something.",
  );
  assert.equal(
    questionSentence("agent", card("mail.sendMail", "send"), { to: "bob@example.org", cc: null, body: "x" }),
    "agent wants to send mail to “bob@example.org”, cc null, 1 character of body. It sends something.",
  );
});

test("what could deceive is spelled out", () => {
  const said = questionSentence("client:x", card("a.pay", "spend"), { to: "p\u0430ypal\u202e.example" });
  assert.match(said, /\\u202e/);
  assert.match(said, /mixes alphabets/);
  assert.match(said, /It spends money\.$/);
});
