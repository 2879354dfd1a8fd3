// Writes src/models/prices.json out of an unpacked copy of @pydantic/genai-prices (MIT): node scripts/prices.mjs FOLDER
// Get one by: npm pack @pydantic/genai-prices@VERSION && tar xzf *.tgz. Nothing of that package runs in the product.

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Providers with one price list and one address. A model that is not here needs a price of the owner's own. */
const HOSTS = {
  anthropic: ["api.anthropic.com"],
  openai: ["api.openai.com"],
  google: ["generativelanguage.googleapis.com"],
  mistral: ["api.mistral.ai"],
  groq: ["api.groq.com"],
  deepseek: ["api.deepseek.com"],
  "x-ai": ["api.x.ai"],
  cerebras: ["api.cerebras.ai"],
  fireworks: ["api.fireworks.ai"],
  together: ["api.together.xyz"],
  moonshotai: ["api.moonshot.ai", "api.moonshot.cn"],
  cohere: ["api.cohere.ai", "api.cohere.com"],
  zai: ["api.z.ai"],
};

/** Charged by something other than tokens: nobody can bound it beforehand. */
const NOT_BY_TOKENS = /^(?:requests_kcount|input_text_messages_kcount|audio_hours|input_audio_hours|.*_kpages)$/;
/** A dated name costs what its undated one does only where the list itself says so of dates like these. */
const DATES = ["-20991231", "-2099-12-31", "-20250514"];

const folder = resolve(process.argv[2] ?? "");
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const list = await import(pathToFileURL(join(folder, "dist/index.js")).href);
const asOf = new Date();

/** USD for a million tokens to nano-USD for a thousand, rounded up. */
const nano = (usd) => Math.ceil(Number((usd * 1e6).toFixed(3)));

/** The entries that may hold now or later: a start that is past replaces what came before it, hours never do. */
function standing(prices) {
  if (!Array.isArray(prices)) return [prices];
  const started = prices.findLastIndex(
    ({ constraint }) =>
      constraint === undefined || (constraint.type === "start_date" && new Date(constraint.start_date) <= asOf),
  );
  return prices.slice(Math.max(0, started)).map((entry) => entry.prices);
}

const at = (price, inputTokens) =>
  typeof price === "number"
    ? price
    : price.tiers.reduce((found, { start, price: next }) => (inputTokens > start ? next : found), price.base);

function tiersOf(all) {
  const starts = new Set([0]);
  for (const price of all.flatMap((one) => Object.values(one))) {
    if (typeof price === "object") for (const { start } of price.tiers) starts.add(start);
  }
  return [...starts]
    .toSorted((a, b) => a - b)
    .map((above) => {
      const of = (name, otherwise) =>
        Math.max(...all.map((one) => (one[name] === undefined ? otherwise(one) : nano(at(one[name], above + 1)))));
      const input = of("input_mtok", () => 0);
      const dearest = (pattern) =>
        Math.max(
          ...all.flatMap((one) =>
            Object.keys(one)
              .filter((name) => pattern.test(name))
              .map((name) => nano(at(one[name], above + 1))),
          ),
          0,
        );
      const output = Math.max(
        of("output_mtok", () => 0),
        of("output_reasoning_mtok", () => 0),
      );
      return {
        above,
        input,
        cacheRead: of("cache_read_mtok", () => input),
        cacheWrite: of("cache_write_mtok", () => input),
        output,
        // Sound, pictures, longer caches: what a usage does not tell apart is still held.
        inputMax: dearest(/^(?:input|cache)_.*mtok$/),
        outputMax: dearest(/^output_.*mtok$/),
      };
    });
}

function literals(match) {
  if (match.equals !== undefined) return [match.equals];
  return (match.or ?? []).flatMap(literals);
}

function entryOf(provider, model) {
  const prices = standing(model.prices);
  const isByTokens = prices.every(
    (one) => one.input_mtok !== undefined && !Object.keys(one).some((name) => NOT_BY_TOKENS.test(name)),
  );
  if (!isByTokens) return null;
  const isIt = (name) => {
    const found = list.calcPrice({ input_tokens: 1, output_tokens: 1 }, name, { providerId: provider.id });
    return found !== null && found.provider.id === provider.id && found.model.id === model.id;
  };
  const written = [...new Set([model.id, ...literals(model.match)])].filter(isIt);
  const isDated = (name) => DATES.some((date) => isIt(name + date));
  const undated = written.map((name) => name.replace(/-latest$/, "")).filter(isDated);
  const names = [...new Set([...written, ...undated])].toSorted();
  const dated = names.filter((name) => !/\d{8}$|\d-\d\d-\d\d$|-latest$/.test(name) && isDated(name));
  if (names.length === 0) return null;
  return {
    names,
    ...(dated.length === 0 ? {} : { dated }),
    ...(model.context_window === undefined ? {} : { contextTokens: model.context_window }),
    tiers: tiersOf(prices),
  };
}

const providers = Object.entries(HOSTS).map(([id, hosts]) => {
  const provider = list.findProvider({ providerId: id });
  return { id, hosts, models: provider.models.map((model) => entryOf(provider, model)).filter((one) => one !== null) };
});
const source = `@pydantic/genai-prices ${version}`;
const licence = "MIT, Copyright (c) Pydantic Services Inc. 2025 to present";
const head = JSON.stringify({
  source,
  licence,
  asOf: asOf.toISOString().slice(0, 10),
  unit: "nano-USD per 1,000 tokens",
});
const lines = providers.map(({ id, hosts, models }) => {
  const rows = models.map((one) => JSON.stringify(one)).join(",\n");
  return `{"id":${JSON.stringify(id)},"hosts":${JSON.stringify(hosts)},"models":[\n${rows}\n]}`;
});
writeFileSync(
  join(import.meta.dirname, "../src/models/prices.json"),
  `${head.slice(0, -1)},"providers":[\n${lines.join(",\n")}\n]}\n`,
);
