import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { diffPolicy, editStack, formatLock, loadPolicy, parseStack } from "./index.ts";

const STACK = `version: 1
owner: { name: Ada }
compartments:
  a: {}
models:
  here: { speaks: gguf, model: small, place: this-machine }
  far: { speaks: anthropic-messages, model: m, place: cloud, secret: "secret:far" }
clients:
  one: { compartments: [a] }
`;
const LOCK = formatLock({
  version: 1,
  servers: {},
  models: { small: { source: "https://a.example/m", sha256: "a".repeat(64), bytes: 1 } },
});

function changes(before: string, after: string): readonly (readonly [string, boolean])[] {
  const files = (stack: string): Record<string, string> => ({ "stack.yaml": stack, "stack.lock": LOCK });
  return diffPolicy(files(before), files(after)).map(({ what, wider }) => [what, wider] as const);
}

test("a model made of a file that is not locked is refused, with the command that brings it", () => {
  const stack = STACK.replace("model: small", "model: smal");
  assert.throws(
    () => loadPolicy({ "stack.yaml": stack, "stack.lock": LOCK }),
    (error) =>
      error instanceof Fault &&
      error.at === "stack.yaml:6" &&
      error.message.includes("Did you mean 'small'?") &&
      error.next === "freehold model pull SOURCE --as smal",
  );
});

test("context, length of answers and price stand in the stack as whole things", () => {
  const text = STACK.replace(
    "place: cloud,",
    "place: cloud, context: 200k, maxOutput: 4k, price: { input: 3, output: 15 },",
  );
  const far = parseStack(text, "stack.yaml").models["far"];
  assert.equal(far?.context, 200_000);
  assert.equal(far?.maxOutput, 4_000);
  assert.deepEqual(far?.price, { input: 3, output: 15, cacheRead: null, cacheWrite: null });
});

test("whatever is changed in a model is said in one sentence, and counts as wider", () => {
  const after = STACK.replace("place: cloud,", "place: cloud, fallbackFor: [here], price: { input: 1, output: 2 },");
  assert.deepEqual(changes(STACK, after), [
    [
      "model far is now m at its maker's address (cloud), with secret:far, standing in for here, " +
        "at 1 and 2 USD a million tokens",
      true,
    ],
  ]);
});

test("a client that may ask a model, or spend more, can do more than before", () => {
  const asks = STACK.replace("one: { compartments: [a] }", "one: { compartments: [a], models: [far], budget: 1 }");
  assert.deepEqual(changes(STACK, asks), [
    ["client one may now ask model far", true],
    ["client one may spend 1 a day on models", false],
  ]);
  assert.deepEqual(changes(asks, asks.replace("budget: 1", "budget: 2")), [
    ["client one may spend 2 a day on models", true],
  ]);
  assert.deepEqual(changes(asks, asks.replace(", budget: 1", "")), [
    ["client one may spend what the whole stack may a day on models", true],
  ]);
  assert.deepEqual(changes(asks, asks.replace("models: [far], ", "")), [
    ["client one may no longer ask model far", false],
  ]);
});

test("another view of a client leaves its models, its budget and how it is told as they were", () => {
  const text = STACK.replace(
    "one: { compartments: [a] }",
    "one: { compartments: [a], inform: elicitation, models: [here, far], budget: 0.25 }",
  );
  const edited = editStack(text, [{ kind: "change-view", name: "one", view: { view: "search" } }]);
  const { models, budget, inform, view } = parseStack(edited, "stack.yaml").clients["one"] ?? {};
  assert.deepEqual(
    { models, budget, inform, view },
    { models: ["here", "far"], budget: 0.25, inform: "elicitation", view: "search" },
  );
});
