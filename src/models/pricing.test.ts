import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { isObject, readJson, type ModelUsage } from "../kernel/index.ts";
import { listedPrice, pinnedPrice, pricing, type PriceTier } from "./pricing.ts";
import { listAt, objectsAt } from "./shapes.ts";

const ANTHROPIC = new URL("https://api.anthropic.com/v1");
const OPENAI = new URL("https://api.openai.com/v1");

function usage(some: Partial<ModelUsage>): ModelUsage {
  return { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0, ...some };
}

test("the list knows a model by its name, and by its name and a date", () => {
  const plain = listedPrice(ANTHROPIC, "claude-haiku-4-5");
  const dated = listedPrice(ANTHROPIC, "claude-haiku-4-5-20251001");
  assert.equal(plain?.price.cost(usage({ input: 1_000_000 })), 1_000_000_000);
  assert.equal(dated?.price.cost(usage({ output: 1_000_000, input: 1 })), 5_000_001_000);
  assert.equal(plain?.contextTokens, 200_000);
  assert.match(plain?.price.source ?? "", /^@pydantic\/genai-prices \d+\.\d+\.\d+ of 2\d{3}-\d\d-\d\d$/);
});

test("a model that the list does not know has no price: not by a part of its name, nor at another's address", () => {
  for (const name of ["claude-haiku-4-5-mine", "claude", "claude-haiku-4-5-2025", "", "gpt-4o"]) {
    assert.equal(listedPrice(ANTHROPIC, name), null, name);
  }
  assert.equal(listedPrice(new URL("https://api.anthropic.com.example/v1"), "claude-haiku-4-5"), null);
  assert.equal(listedPrice(new URL("http://api.anthropic.com/v1"), "claude-haiku-4-5"), null);
  assert.equal(listedPrice(new URL("https://api.anthropic.com:8443/v1"), "claude-haiku-4-5"), null);
});

test("what is read from a cache is cheaper, and what is written to it dearer", () => {
  const price = listedPrice(ANTHROPIC, "claude-sonnet-4-5")?.price;
  assert.equal(price?.cost(usage({ input: 1_000 })), 3_000_000);
  assert.equal(price?.cost(usage({ input: 1_000, cacheRead: 1_000 })), 300_000);
  assert.equal(price?.cost(usage({ input: 1_000, cacheWrite: 1_000 })), 3_750_000);
  assert.equal(listedPrice(OPENAI, "gpt-4o-2024-11-20")?.price.cost(usage({ input: 1_000 })), 2_500_000);
});

test("a long request is charged at the tier that it reaches, whole", () => {
  const price = listedPrice(ANTHROPIC, "claude-sonnet-4-5")?.price;
  assert.equal(price?.cost(usage({ input: 200_000 })), 600_000_000);
  assert.equal(price?.cost(usage({ input: 200_001 })), 1_200_006_000);
});

test("the owner's price is taken as written, the cache at the price of plain input where nothing is said", () => {
  const price = pinnedPrice({ input: 0.0375, output: 15, cacheRead: null, cacheWrite: null });
  assert.equal(price.source, "stack.yaml");
  assert.equal(price.cost(usage({ input: 1_000, cacheRead: 1_000 })), 37_500);
  assert.equal(price.cost(usage({ input: 1 })), 38);
  assert.equal(price.bound({ inputTokensMax: 0, outputTokensMax: 1_000 }), 15_000_000);
});

test("no sum is larger than can be counted", () => {
  const price = pinnedPrice({ input: 100_000, output: 100_000, cacheRead: null, cacheWrite: null });
  assert.equal(price.bound({ inputTokensMax: 1e12, outputTokensMax: 1e12 }), Number.MAX_SAFE_INTEGER);
});

test("every model of the list can be priced by each of its names", () => {
  const list = readJson(readFileSync(join(import.meta.dirname, "prices.json"), "utf8"));
  assert.ok(isObject(list));
  const providers = objectsAt(list, "providers");
  assert.ok(providers.length > 10);
  for (const provider of providers) {
    const host = listAt(provider, "hosts")[0];
    for (const name of objectsAt(provider, "models").flatMap((model) => listAt(model, "names"))) {
      assert.ok(typeof name === "string" && typeof host === "string");
      const listed = listedPrice(new URL(`https://${host}/v1`), name);
      const bound = listed?.price.bound({ inputTokensMax: 1_000, outputTokensMax: 1_000 }) ?? -1;
      assert.ok(bound >= 0 && bound < 1_000_000_000, `${host} ${name}: ${bound}`);
    }
  }
});

test("what is held is never less than what any usage within it costs", () => {
  const nano = fc.integer({ min: 0, max: 200_000_000 });
  const tier = fc.record({
    above: fc.integer({ min: 1, max: 400_000 }),
    input: nano,
    cacheRead: nano,
    cacheWrite: nano,
    output: nano,
    inputMax: nano,
    outputMax: nano,
  });
  const tiers = fc
    .tuple(tier, fc.array(tier, { maxLength: 3 }))
    .map(([first, rest]): readonly PriceTier[] => [
      { ...first, above: 0 },
      ...rest.toSorted((a, b) => a.above - b.above),
    ]);
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const tokens = fc.integer({ min: 0, max: 500_000 });
  fc.assert(
    fc.property(
      tiers,
      fc.tuple(tokens, tokens),
      fc.tuple(part, part, part, part),
      (prices, [inputTokensMax, outputTokensMax], at) => {
        const price = pricing("test", prices);
        const input = Math.floor(inputTokensMax * at[0]);
        const cacheRead = Math.floor(input * at[1]);
        const cacheWrite = Math.floor((input - cacheRead) * at[2]);
        const output = Math.floor(outputTokensMax * at[3]);
        const cost = price.cost({ input, cacheRead, cacheWrite, output, reasoning: output });
        const bound = price.bound({ inputTokensMax, outputTokensMax });
        assert.ok(Number.isSafeInteger(cost) && Number.isSafeInteger(bound));
        assert.ok(cost <= bound, `${cost} of ${bound}`);
      },
    ),
  );
});
