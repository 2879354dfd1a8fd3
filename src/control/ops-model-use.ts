// Models that are asked: found on this machine, declared, tried, taken out. Finding changes nothing.

import { Fault, oneLine, type Clock, type JsonObject, type OwnersDoor, type Random } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import { editStack, parseStack, STACK_FILE, type StackEdit } from "../manifest/index.ts";
import { maybeNumber, maybeObject, maybeText, text, texts } from "./input.ts";
import type { Operation } from "./operation.ts";
import { planned, writeHomeFile } from "./ops-stack.ts";
import type { PolicyState } from "./policy-state.ts";

export interface FoundModels {
  readonly engine: string;
  readonly url: string;
  readonly models: readonly {
    readonly name: string;
    readonly contextTokens: number | null;
    readonly elsewhere: string | null;
  }[];
}

export interface ModelState {
  /** Proven; `unproven` counts as the cloud, and what is `false` is not asked. */
  readonly place: string;
  readonly why: string;
  readonly contextTokens: number | null;
  /** USD for a million tokens; null where nobody knows. */
  readonly price: { readonly source: string; readonly input: number; readonly output: number } | null;
}

export interface ModelUseParts {
  readonly home: HomePaths;
  readonly policy: PolicyState;
  readonly isOwnUser: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly door: OwnersDoor;
  /** At the usual ports of this machine, or at one address of it. */
  findModels(url: string | null): Promise<readonly FoundModels[]>;
  /** Of a model of the policy in force; it is asked where it runs. */
  modelState(name: string): Promise<ModelState>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
const TRY = "Answer with the one word: ready";
const TRY_TOKENS_MAX = 64;

export function modelUseOperations(parts: ModelUseParts): readonly Operation[] {
  return [
    { name: "model.find", needsOwner: false, run: (input) => find(parts, maybeText(input, "url")) },
    { name: "model.add", needsOwner: true, run: async (input) => addModel(parts, input) },
    { name: "model.undeclare", needsOwner: true, run: async (input) => undeclare(parts, text(input, "name")) },
    {
      name: "model.test",
      needsOwner: true,
      run: (input, { signal }) => tryModel(parts, { model: maybeText(input, "name"), signal }),
    },
  ];
}

/** The declared models with what is known of each, for lists. */
export async function declaredRows(parts: Pick<ModelUseParts, "policy" | "modelState">): Promise<JsonObject[]> {
  const { models, compartments } = parts.policy.current().stack;
  const readers = (name: string): readonly string[] =>
    Object.entries(compartments).flatMap(([one, { models: named }]) => (named?.includes(name) === true ? [one] : []));
  return Promise.all(
    Object.entries(models).map(async ([name, { speaks, model, place, fallbackFor }]) => {
      const { place: proven, why, contextTokens, price } = await parts.modelState(name);
      const state = { proven, why, contextTokens, price: price === null ? null : { ...price } };
      return { name, speaks, model, place, fallbackFor, compartments: readers(name), ...state };
    }),
  );
}

async function find(parts: ModelUseParts, url: string | null): Promise<JsonObject> {
  const { models, budgets } = parts.policy.current().stack;
  const isDeclared = (at: string, name: string): boolean =>
    Object.values(models).some((one) => one.url?.replace(/\/+$/, "") === at && one.model === name);
  const found = (await parts.findModels(url)).map((one) => ({
    engine: one.engine,
    url: one.url,
    models: one.models.map((model) => ({ ...model, isDeclared: isDeclared(one.url, model.name) })),
  }));
  return { engines: found, declared: Object.keys(models), hasBudget: budgets.day !== null || budgets.month !== null };
}

/** What is written is judged by the stack's own parser. */
function addModel(parts: ModelUseParts, input: JsonObject): JsonObject {
  const name = text(input, "name");
  if (!NAME.test(name)) {
    const message = `'${oneLine(name, 60)}' cannot name a model.`;
    throw new Fault("model.name", { message, next: "use lower-case letters, digits and '-'" });
  }
  const before = readPolicyFiles(parts.home.dir)[STACK_FILE] ?? "";
  const [url, secret] = [maybeText(input, "url"), maybeText(input, "secret")];
  const fallbackFor = texts(input, "fallbackFor");
  const [price, context] = [maybeObject(input, "price"), maybeNumber(input, "context")];
  const model = {
    speaks: text(input, "speaks"),
    ...(url === null ? {} : { url }),
    model: text(input, "model"),
    place: text(input, "place"),
    ...(secret === null ? {} : { secret: `secret:${secret}` }),
    ...(fallbackFor.length === 0 ? {} : { fallbackFor }),
    ...(context === null ? {} : { context }),
    ...(price === null ? {} : { price }),
  };
  const edits: StackEdit[] = [{ kind: "add-model", name, model }];
  const day = maybeNumber(input, "day");
  if (day !== null && parseStack(before, STACK_FILE).budgets.day === null)
    edits.push({ kind: "set-day", name: "day", amount: day });
  writeHomeFile(parts, STACK_FILE, editStack(before, edits));
  return { name, ...planned(parts.policy.proposal()) };
}

function undeclare(parts: ModelUseParts, name: string): JsonObject {
  const before = readPolicyFiles(parts.home.dir)[STACK_FILE] ?? "";
  writeHomeFile(parts, STACK_FILE, editStack(before, [{ kind: "remove-model", name }]));
  return planned(parts.policy.proposal());
}

interface Trial {
  readonly model: string | null;
  readonly signal: AbortSignal;
}

/** Through the door, as any other: with its place proven, its hold and its receipt. */
async function tryModel(parts: ModelUseParts, { model, signal }: Trial): Promise<JsonObject> {
  const { models } = parts.policy.current().stack;
  if (model !== null && !Object.hasOwn(models, model)) {
    const message = `there is no model '${oneLine(model, 60)}' in the policy that holds.`;
    throw new Fault("model.unknown", { message, next: "freehold model list" });
  }
  const answer = await parts.door.think({
    session: `model-test:${Buffer.from(parts.random.bytes(6)).toString("hex")}`,
    principal: { kind: "owner", name: "" },
    model,
    dialect: "openai-chat",
    body: { messages: [{ role: "user", content: TRY }], max_tokens: TRY_TOKENS_MAX },
    sources: { owner: Buffer.byteLength(TRY) },
    signal,
  });
  return answer.kind === "answered"
    ? {
        kind: answer.kind,
        request: answer.request,
        model: answer.model,
        text: answer.text.slice(0, 2_000),
        end: answer.end,
      }
    : { kind: answer.kind, request: answer.request, why: answer.why, reason: answer.reason, status: answer.status };
}
