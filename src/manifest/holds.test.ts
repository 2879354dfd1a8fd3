import assert from "node:assert/strict";
import { test } from "node:test";
import { policyFiles, STACK_TEXT } from "./fixture.test.ts";
import { diffPolicy, formatCardFile, loadPolicy, parseCards, type PolicyFiles } from "./index.ts";

const cardsText = policyFiles()["cards/files.yaml"] ?? "";

test("holds and free undo are told in a plan, and count as wider where less is held or asked", () => {
  const stack = (family: string): PolicyFiles =>
    policyFiles({ "stack.yaml": STACK_TEXT.replace("family: {}", `family: ${family}`) });
  const told = (before: PolicyFiles, after: PolicyFiles): readonly string[] =>
    diffPolicy(before, after).map(({ what, wider }) => `${wider ? "!" : "-"} ${what}`);
  const plain = policyFiles();
  assert.deepEqual(told(plain, stack("{ hold: 30s }")), ["- allowed effects of family are held: 30s"]);
  assert.deepEqual(told(stack("{ hold: 10m }"), stack("{ hold: 30s }")), ["! allowed effects of family are held: 30s"]);
  assert.deepEqual(told(plain, stack("{ reversible: free }")), [
    "! what a card of family can undo runs without asking",
  ]);
  const card = (line: string): PolicyFiles => ({
    ...plain,
    "cards/files.yaml": cardsText.replace("  write_file:", `  write_file:\n    ${line}`),
  });
  const undo = "undo: { tool: write_file, args: { path: args.path, content: result.before } }";
  assert.match(told(plain, card(undo)).join(), /^! .*undone by files.write_file \(path from args.path, content from /);
  assert.match(told(card(undo), plain).join(), /^- /);
  assert.match(told(plain, card("hold: 10m")).join(), /^! .*held 10m/);
  assert.match(told(card("hold: 30s"), card("hold: 10m")).join(), /^- .*held 10m/);
  const { cards } = loadPolicy(card(undo));
  const text = formatCardFile({ server: "files", cards: Object.fromEntries(cards) });
  assert.deepEqual(parseCards(text, "cards/files.yaml").cards, Object.fromEntries(cards));
});
