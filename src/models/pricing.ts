// What a call may cost and what it did cost, in whole nano-USD: by the owner's price, or by the list that ships.
// A model that neither knows has no price, and the door does not ask it in the cloud.

import { readFileSync } from "node:fs";
import { assert, isObject, readJson, type JsonObject, type JsonValue, type ModelUsage } from "../kernel/index.ts";
import type { DeclaredPrice } from "./declaration.ts";
import type { Pricing } from "./peer.ts";
import { at, listAt, numberAt, objectsAt, stringAt } from "./shapes.ts";

/** Nano-USD for 1,000 tokens; it holds for requests whose input is longer than `above`. */
export interface PriceTier {
  readonly above: number;
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  /** Of the dearest kind that a usage may not tell apart: sound, pictures, a cache kept for an hour. */
  readonly inputMax: number;
  readonly outputMax: number;
}

export interface Listed {
  readonly price: Pricing;
  readonly contextTokens: number | null;
}

const PER_TOKENS = 1_000;
/** From USD for a million tokens. */
const NANO_PER_1000 = 1_000_000;
const DATE = /-(?:20\d{6}|20\d\d-\d\d-\d\d)$/;

/** `tiers` by rising `above`, the first at 0. */
export function pricing(source: string, tiers: readonly PriceTier[]): Pricing {
  const [first] = tiers;
  assert(first?.above === 0, "a price begins at the first token");
  return {
    source,
    bound({ inputTokensMax, outputTokensMax }) {
      const reached = tiers.filter(({ above }) => above === 0 || above < inputTokensMax);
      const dearest = (of: (tier: PriceTier) => readonly number[]): number => Math.max(...reached.flatMap(of));
      const input = dearest((tier) => [tier.input, tier.cacheRead, tier.cacheWrite, tier.inputMax]);
      const output = dearest((tier) => [tier.output, tier.outputMax]);
      return wholeNano(inputTokensMax * input + outputTokensMax * output);
    },
    cost(usage: ModelUsage) {
      const tier = tiers.findLast(({ above }) => above < usage.input) ?? first;
      const plain = usage.input - usage.cacheRead - usage.cacheWrite;
      const input = plain * tier.input + usage.cacheRead * tier.cacheRead + usage.cacheWrite * tier.cacheWrite;
      return wholeNano(input + usage.output * tier.output);
    },
  };
}

/** Never more than can be counted exactly: that much is over every budget. */
function wholeNano(thousandths: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(thousandths / PER_TOKENS));
}

export function pinnedPrice({ input, output, cacheRead, cacheWrite }: DeclaredPrice): Pricing {
  const nano = (usd: number): number => Math.ceil(Number((usd * NANO_PER_1000).toFixed(3)));
  const tier: PriceTier = {
    above: 0,
    input: nano(input),
    cacheRead: nano(cacheRead ?? input),
    cacheWrite: nano(cacheWrite ?? input),
    output: nano(output),
    inputMax: nano(input),
    outputMax: nano(output),
  };
  return pricing("stack.yaml", [tier]);
}

/** Null: the list does not know it by this very name, or by it and a date. */
export function listedPrice(address: URL, model: string): Listed | null {
  const list = priceList();
  const source = `${stringAt(list, "source") ?? ""} of ${stringAt(list, "asOf") ?? ""}`;
  const provider = objectsAt(list, "providers").find(
    (one) => address.protocol === "https:" && address.port === "" && listAt(one, "hosts").includes(address.hostname),
  );
  const models = provider === undefined ? [] : objectsAt(provider, "models");
  const undated = model.replace(DATE, "");
  const found =
    models.find((one) => listAt(one, "names").includes(model)) ??
    models.find((one) => undated !== model && listAt(one, "dated").includes(undated));
  if (found === undefined) return null;
  const tiers = listAt(found, "tiers").map((tier) => tierOf(tier));
  return { price: pricing(source, tiers), contextTokens: numberAt(found, "contextTokens") };
}

let list: JsonObject | null = null;

/** Read when the first price is asked for; it is a file of this build, and being wrong is a bug. */
function priceList(): JsonObject {
  if (list !== null) return list;
  const read: JsonValue = readJson(readFileSync(new URL("./prices.json", import.meta.url), "utf8"));
  assert(isObject(read), "the price list is no list");
  list = read;
  return read;
}

function tierOf(value: JsonValue): PriceTier {
  const amount = (key: string): number => {
    const found = isObject(value) ? at(value, key) : undefined;
    assert(typeof found === "number" && Number.isSafeInteger(found) && found >= 0, `a price list without ${key}`);
    return found;
  };
  return {
    above: amount("above"),
    input: amount("input"),
    cacheRead: amount("cacheRead"),
    cacheWrite: amount("cacheWrite"),
    output: amount("output"),
    inputMax: amount("inputMax"),
    outputMax: amount("outputMax"),
  };
}
