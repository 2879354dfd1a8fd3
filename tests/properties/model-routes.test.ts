// Over all graphs of routes: whatever stands in for whatever, and whatever fails, no model reads what it is not cleared
// for. The judgement here is written anew, and shares nothing with the kernel's.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import type { Label, ModelAnswer, Place } from "../../src/kernel/index.ts";
import { routesOf } from "../../src/models/routes.ts";
import type { Declarations, ModelDeclaration, ModelPeer, Models, ProvenPlace } from "../../src/models/index.ts";
import { openFixture } from "../fixtures/door.ts";
import { failure, reply } from "../fixtures/model-door.ts";

const NAMES = ["a", "b", "c", "d", "e"] as const;
const COMPARTMENTS = ["family", "work", "health"] as const;
const PLACES: readonly Place[] = ["this-machine", "my-network", "cloud"];
const SESSION_TOKENS = 1_000_000_000;

type Proof = Place | "unproven" | "false";

interface Drawn {
  readonly declared: Place;
  readonly proof: Proof;
  readonly isPriced: boolean;
  readonly answers: boolean;
  readonly fallbackFor: readonly string[];
}

interface World {
  readonly models: Readonly<Record<string, Drawn>>;
  /** Undefined: the compartment is not declared; null: it names no model. */
  readonly cleared: Readonly<Record<string, readonly string[] | null | undefined>>;
  readonly read: readonly string[];
  readonly isSecret: boolean;
  /** Of the client that asks; null for the agent. */
  readonly client: { readonly compartments: readonly string[]; readonly models: readonly string[] } | null;
  readonly asked: string | null;
}

const anyName = fc.constantFrom(...NAMES);
const somePart = fc.uniqueArray(fc.constantFrom(...COMPARTMENTS), { maxLength: 3 });
const someModels = fc.uniqueArray(anyName, { maxLength: 5 });

const worlds: fc.Arbitrary<World> = fc.record({
  models: fc.dictionary(
    anyName,
    fc.record({
      declared: fc.constantFrom(...PLACES),
      proof: fc.constantFrom<Proof>(...PLACES, "unproven", "false"),
      isPriced: fc.boolean(),
      answers: fc.boolean(),
      fallbackFor: fc.uniqueArray(anyName, { maxLength: 3 }),
    }),
    { minKeys: 1 },
  ),
  cleared: fc.record({
    family: fc.option(someModels),
    work: fc.option(someModels),
    health: fc.option(fc.option(someModels), { nil: undefined }),
  }),
  read: somePart,
  isSecret: fc.integer({ min: 0, max: 5 }).map((lot) => lot === 0),
  client: fc.option(fc.record({ compartments: somePart, models: someModels })),
  asked: fc.option(anyName),
});

let world: World | null = null;
const posted: { readonly name: string; readonly text: string }[] = [];

function proofOf(drawn: Drawn): ProvenPlace {
  if (drawn.proof === "unproven" || drawn.proof === "false") return { kind: drawn.proof, why: "a test" };
  return { kind: "proven", place: drawn.proof, how: "a test" };
}

function declarations(models: World["models"]): Declarations {
  const rest = { url: null, model: "m", secret: null, context: null, maxOutput: null, price: null } as const;
  return Object.fromEntries(
    Object.entries(models).map(([name, { declared, fallbackFor }]): [string, ModelDeclaration] => [
      name,
      { speaks: "openai-chat", place: declared, fallbackFor, ...rest },
    ]),
  );
}

function peerOf(name: string, drawn: Drawn): ModelPeer {
  return {
    name,
    dialect: "openai-chat",
    address: name,
    place: () => Promise.resolve(proofOf(drawn)),
    wire: ({ body }) =>
      Promise.resolve({ text: JSON.stringify(body), isStream: false, inputTokensMax: 10, outputTokensMax: 10 }),
    post: ({ wire }) => {
      posted.push({ name, text: wire.text });
      return Promise.resolve(
        drawn.answers ? reply({ input: 1, output: 1, cacheRead: 0, cacheWrite: 0, reasoning: 0 }) : failure(),
      );
    },
    price: drawn.isPriced ? { source: "a test", bound: () => 1, cost: () => 1 } : null,
  };
}

const models: Models = {
  routes: (name) => routesOf(declarations(world?.models ?? {}), name),
  peer(name) {
    const drawn = world?.models[name];
    return drawn === undefined ? null : peerOf(name, drawn);
  },
};
const fixture = openFixture({ models });
const STACK = fixture.policy();
after(() => fixture.end());

function declare({ cleared, client, models: drawn }: World, program: string): void {
  const { stack } = STACK;
  const compartment = { holdMs: 0, reversible: "ask" } as const;
  const compartments = Object.fromEntries(
    Object.entries(cleared).flatMap(([name, named]) =>
      named === undefined ? [] : [[name, { ...compartment, models: named }]],
    ),
  );
  const { shell } = stack.clients;
  assert.ok(shell !== undefined);
  const clients = { [program]: { ...shell, compartments: client?.compartments ?? [], models: client?.models ?? [] } };
  const budgets = { day: 1_000_000, month: null, sessionTokens: SESSION_TOKENS };
  fixture.adopt({ ...STACK, stack: { ...stack, compartments, clients, budgets, models: declarations(drawn) } });
}

let sessions = 0;

/** A conversation of its own that has read what the world says, and brings along a canary of each. */
async function ask(drawn: World): Promise<ModelAnswer> {
  world = drawn;
  posted.length = 0;
  sessions += 1;
  // A new program each time: one that was ever given a secret carries it into all of its conversations.
  const program = `shell-${sessions}`;
  declare(drawn, program);
  const session = `s-${sessions}`;
  const principal =
    drawn.client === null ? ({ kind: "agent", name: "" } as const) : ({ kind: "client", name: program } as const);
  const label: Label = { compartments: drawn.read.toSorted(), integrity: "third-party", secret: drawn.isSecret };
  const result = { content: [], structuredContent: { n: 1 } };
  const handle = fixture.store.handles.put({ session, result, label });
  fixture.door.takeOut({ session, principal, handle, path: "structuredContent.n", type: { kind: "number" } });
  const body = { canaries: drawn.read.map((name) => `canary-of-${name}`) };
  return fixture.door.think({ session, principal, model: drawn.asked, dialect: "openai-chat", body });
}

/** What may be sent to a model, from the promises and not from the code. */
function mayRead(drawn: World, name: string): boolean {
  const { proof, isPriced } = drawn.models[name] ?? { proof: "false", isPriced: false };
  if (proof === "false" || (drawn.client !== null && !drawn.client.models.includes(name))) return false;
  const isHere = proof === "this-machine";
  if ((proof === "cloud" || proof === "unproven") && !isPriced) return false;
  if (drawn.isSecret && !isHere) return false;
  const carried = [...drawn.read, ...(drawn.client?.compartments ?? [])];
  return carried.every((compartment) => {
    const named = drawn.cleared[compartment];
    return named === undefined ? false : named === null ? isHere : named.includes(name);
  });
}

test("no model reads what it is not cleared for, by no route, whatever fails", async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(worlds, async (drawn) => {
      const answer = await ask(drawn);
      for (const { name, text } of posted) {
        assert.ok(mayRead(drawn, name), `${name} was sent ${text}`);
        const { proof } = drawn.models[name] ?? { proof: "false" };
        for (const compartment of proof === "this-machine" ? [] : COMPARTMENTS) {
          const isNamed = drawn.cleared[compartment]?.includes(name) === true;
          assert.ok(isNamed || !text.includes(`canary-of-${compartment}`), `${name} (${proof}) saw ${compartment}`);
        }
      }
      const names = posted.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, "nobody is asked twice");
      const route = routesOf(declarations(drawn.models), drawn.asked);
      const able = route.filter((name) => mayRead(drawn, name));
      const first = able.find((name) => drawn.models[name]?.answers === true);
      assert.equal(answer.kind, first === undefined ? "refused" : "answered");
      assert.deepEqual(names, first === undefined ? able : able.slice(0, able.indexOf(first) + 1));
      if (answer.kind === "answered") answered += 1;
    }),
    { numRuns: 500 },
  );
  assert.ok(answered > 5, `${answered} answers are too few to show anything`);
});

test("a local model that is down is an honest refusal, and no cloud hears of it", async () => {
  const down = {
    declared: "this-machine",
    proof: "this-machine",
    isPriced: false,
    answers: false,
    fallbackFor: [],
  } as const;
  const far = { declared: "cloud", proof: "cloud", isPriced: true, answers: true, fallbackFor: ["a"] } as const;
  const cleared = { family: null, work: ["a", "b"], health: undefined };
  const asked = { models: { a: down, b: far }, cleared, isSecret: false, client: null, asked: "a" } as const;
  const answer = await ask({ ...asked, read: ["family", "work"] });
  assert.equal(answer.kind === "refused" && answer.reason, "a: broken; b (cloud) is not cleared for family data");
  assert.deepEqual(
    posted.map(({ name }) => name),
    ["a"],
  );
  assert.equal((await ask({ ...asked, read: ["work"] })).kind, "answered", "where the owner said so, it stands in");
});
