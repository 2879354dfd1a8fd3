// Two runs of one stack that differ only in what compartment alpha's servers answer are identical wherever alpha may
// not be seen: what clients without alpha are answered and asked, what the other servers are sent, and what the ledger
// says of those clients. The stack, the conversations and alpha's two sets of data are drawn at random.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { decide, type Decide, type JsonObject, type JsonValue, type Principal } from "../../src/kernel/index.ts";
import type { RpcReply } from "../../src/mcp/index.ts";
import { OWNER } from "../fixtures/door.ts";
import { openWorld, WORLD_TOOLS, type World, type WorldServer, type WorldStack } from "../fixtures/world.ts";

const RUNS = 300;
const UNDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const COMPARTMENTS = ["alpha", "beta", "gamma"] as const;
const RULES = `rules:
  - { id: day, answer: allow, tool: s1.put, args: { to: { equals: ruled-place } }, per-day: 2, reason: "twice a day" }
`;
/** What a client names that was given no handle. */
const NO_HANDLE = "q:999999999999";
const VALUES = ["ruled-place", "said-place", "other-place", "f-17", "q:1", "q:2", "handle", "x"] as const;

const oneOf = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const stacks: fc.Arbitrary<WorldStack> = fc
  .record({
    servers: fc.array(
      fc.record({
        compartment: oneOf(COMPARTMENTS),
        trust: oneOf(["owner", "system", "third-party"] as const),
        secret: fc.integer({ min: 0, max: 5 }).map((lot) => lot === 0),
        mode: oneOf(["inline", "inline", "handle"] as const),
        network: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    clients: fc.array(fc.subarray([...COMPARTMENTS], { minLength: 1 }), { minLength: 1, maxLength: 3 }),
  })
  .map(stackOf);

interface Drawn {
  readonly servers: readonly Omit<WorldServer, "name">[];
  readonly clients: readonly (readonly string[])[];
}

/** Always somebody with alpha and somebody without, and a server of alpha whose results are kept. */
function stackOf({ servers, clients }: Drawn): WorldStack {
  const alpha = { compartment: "alpha", trust: "third-party", secret: false, mode: "inline", network: true } as const;
  const all = [alpha, { ...alpha, compartment: "beta" }, { ...alpha, mode: "handle" } as const, ...servers];
  return {
    compartments: COMPARTMENTS,
    servers: all.map((server, at) => ({ ...server, name: `s${at}` })),
    clients: [["alpha", "beta"], ["beta"], ...clients].map((names, at) => ({ name: `c${at}`, compartments: names })),
    rules: RULES,
  };
}

type Act =
  | {
      readonly kind: "call";
      readonly client: number;
      readonly conversation: number;
      readonly server: number;
      readonly tool: string;
      readonly args: Readonly<Record<string, string>>;
    }
  | { readonly kind: "words"; readonly client: number; readonly conversation: number; readonly outlined: number }
  | { readonly kind: "answer"; readonly client: number; readonly yes: boolean; readonly edit: boolean }
  | { readonly kind: "result"; readonly client: number; readonly conversation: number };

const index = fc.nat({ max: 5 });
const conversation = fc.nat({ max: 1 });
const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    {
      weight: 7,
      arbitrary: fc.record({
        kind: fc.constant("call" as const),
        client: index,
        conversation,
        server: index,
        tool: oneOf(Object.keys(WORLD_TOOLS)),
        args: fc.dictionary(oneOf(["to", "what", "text"]), oneOf(VALUES), { maxKeys: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("words" as const), client: index, conversation, outlined: index }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("answer" as const),
        client: index,
        yes: fc.boolean(),
        edit: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("result" as const), client: index, conversation }) },
  ),
  { minLength: 4, maxLength: 16 },
);

/** What a server of alpha says to its n-th call: a result, an error, a broken line, with or without progress. */
interface Saying {
  readonly kind: "result" | "error" | "broken";
  readonly text: string;
  readonly progress: number;
  readonly structured: JsonValue;
}

const sayings: fc.Arbitrary<readonly Saying[]> = fc.array(
  fc.record({
    kind: oneOf(["result", "result", "error", "broken"] as const),
    text: oneOf(["", "one secret", "another secret that is longer"]),
    progress: fc.nat({ max: 2 }),
    structured: oneOf<JsonValue>([null, [{ id: "f-17" }], [{ id: "f-18" }, { id: "f-17" }], { id: "said-place" }]),
  }),
  { minLength: 1, maxLength: 6 },
);

function replyOf({ kind, text, structured }: Saying): RpcReply {
  if (kind === "error") return { kind: "error", code: -32_000, message: text };
  if (kind === "broken") return { kind: "broken", reason: text };
  const wrapped = structured === null ? {} : { structuredContent: { result: structured } };
  return { kind: "result", result: { content: [{ type: "text", text }], ...wrapped } };
}

const PLAIN: Saying = { kind: "result", text: "plain", progress: 1, structured: [{ id: "f-17" }] };

interface Play {
  readonly stack: WorldStack;
  readonly acts: readonly Act[];
  readonly alpha: readonly Saying[];
  readonly seed: number;
  readonly decide: Decide;
}

/** Everything that those without alpha could see, by who sees it. */
type Seen = Readonly<Record<string, readonly string[]>>;

class Playing {
  readonly #play: Play;
  readonly #world: World;
  readonly #seen: Record<string, string[]> = {};
  readonly #handles = new Map<string, string>();
  #replies = 0;

  constructor(play: Play) {
    this.#play = play;
    let drawn = play.seed;
    const randomBytes = (count: number): Uint8Array =>
      Uint8Array.from({ length: count }, () => (drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0) >>> 16);
    const reply = (server: string, call: { readonly onProgress?: (progress: JsonObject) => void }): RpcReply => {
      const isAlpha = play.stack.servers.find((one) => one.name === server)?.compartment === "alpha";
      const saying = isAlpha ? (play.alpha[this.#replies++ % play.alpha.length] ?? PLAIN) : PLAIN;
      for (let step = 0; step < saying.progress; step += 1) call.onProgress?.({ progress: step, message: saying.text });
      return replyOf(saying);
    };
    this.#world = openWorld({ stack: play.stack, reply, randomBytes, under: UNDER, decide: play.decide });
  }

  async run(): Promise<Seen> {
    try {
      for (const act of this.#play.acts) {
        this.#world.nowMs += 1_000;
        await this.#act(act);
      }
      return this.#all();
    } finally {
      this.#world.end();
    }
  }

  #client(index: number): { readonly principal: Principal; readonly maySee: boolean } {
    const { clients } = this.#play.stack;
    const client = clients[index % clients.length];
    assert.ok(client !== undefined);
    return { principal: { kind: "client", name: client.name }, maySee: client.compartments.includes("alpha") };
  }

  #note(place: string, what: unknown): void {
    (this.#seen[place] ??= []).push(JSON.stringify(what));
  }

  async #act(act: Act): Promise<void> {
    const { door, store } = this.#world;
    const { principal, maySee } = this.#client(act.client);
    const place = `client ${principal.name}`;
    const open = store.questions.list(["open"]).find((each) => each.binding.principal === `client:${principal.name}`);
    switch (act.kind) {
      case "call": {
        const session = `${principal.name}.${act.conversation}`;
        const server = this.#play.stack.servers[act.server % this.#play.stack.servers.length];
        const handle = this.#handles.get(session) ?? NO_HANDLE;
        const args = Object.fromEntries(
          Object.entries(act.args).map(([name, value]) => [name, value === "handle" ? handle : value]),
        );
        const onProgress = (progress: JsonObject): void => {
          if (!maySee) this.#note(place, progress);
        };
        const answer = await door.call({ session, principal, tool: `${server?.name}.${act.tool}`, args, onProgress });
        if (answer.kind === "withheld") this.#handles.set(session, answer.handle);
        if (!maySee) this.#note(place, answer);
        return;
      }
      case "words": {
        const outline = new Map([[`s${act.outlined % this.#play.stack.servers.length}.put`, 1]]);
        const message = "put it into said-place and look for budget";
        door.hear({ session: `${principal.name}.${act.conversation}`, principal, message, outline }, OWNER);
        return;
      }
      case "answer": {
        if (open === undefined) return;
        // The owner never lets data out of its compartment here.
        const yes = act.yes && !open.clauses.some(({ clause }) => clause === "C1");
        const args = act.edit ? { to: "edited-place" } : undefined;
        const given = yes
          ? ({ kind: "yes", ...(args === undefined ? {} : { args }) } as const)
          : ({ kind: "no", note: "" } as const);
        const answered = await door.answer(open.id, given, OWNER);
        if (!maySee) this.#note(place, answered);
        return;
      }
      case "result": {
        if (open === undefined) return;
        const answer = await door.result(open.id, { session: `${principal.name}.${act.conversation}`, principal });
        if (!maySee) this.#note(place, answer);
      }
    }
  }

  #all(): Seen {
    const { stack } = this.#play;
    const { received, store } = this.#world;
    for (const { name, compartment } of stack.servers) {
      if (compartment !== "alpha") for (const bytes of received.get(name) ?? []) this.#note(`server ${name}`, bytes);
    }
    const unseeing = stack.clients
      .filter(({ compartments }) => !compartments.includes("alpha"))
      .map(({ name }) => `client:${name}`);
    for (const { session, principal, subject, kind, facts, request } of store.ledger.entries({ limit: 1_000 })) {
      if (principal !== null && unseeing.includes(principal))
        this.#note(`ledger ${principal}`, { session, subject, kind, facts, request });
    }
    for (const question of store.questions.list(["open", "yes", "spent", "no", "expired", "void"])) {
      if (unseeing.includes(question.binding.principal))
        this.#note(`questions ${question.binding.principal}`, question);
    }
    return this.#seen;
  }
}

const NAMES = /\b(?:r-[0-9a-f-]+|q:\d+|[2-9A-HJ-NP-Z]{3,11}(?=["\\ .;]))|"(?:digest|permit)":"[0-9a-f]{64}"/g;

/** Names of requests, questions and handles are drawn by lot: they become their place in the order of appearance. */
function withoutDrawnNames(seen: Seen): Seen {
  return Object.fromEntries(
    Object.entries(seen).map(([place, lines]) => {
      const names = new Map<string, string>();
      const nameOf = (drawn: string): string => {
        const known = names.get(drawn) ?? `name ${names.size}`;
        names.set(drawn, known);
        return known;
      };
      return [place, lines.map((line) => line.replaceAll(NAMES, nameOf))];
    }),
  );
}

interface Pair {
  readonly stack: WorldStack;
  readonly acts: readonly Act[];
  readonly one: readonly Saying[];
  readonly other: readonly Saying[];
}

const pairs: fc.Arbitrary<Pair> = fc.record({ stack: stacks, acts, one: sayings, other: sayings });

/** Throws where the two runs part; answers how much was seen. */
async function compare({ stack, acts: played, one, other }: Pair, decided: Decide): Promise<number> {
  const first = await new Playing({ stack, acts: played, alpha: one, seed: 1, decide: decided }).run();
  const second = await new Playing({ stack, acts: played, alpha: other, seed: 99, decide: decided }).run();
  assert.deepEqual(withoutDrawnNames(second), withoutDrawnNames(first));
  return Object.values(first).flat().length;
}

/** Pairs that once differed. */
const LOCAL = { compartment: "beta", trust: "owner", secret: false, mode: "inline", network: false } as const;
const [SAID, FAILED]: readonly [Saying, Saying] = [
  { kind: "result", text: "one secret", progress: 0, structured: null },
  { kind: "error", text: "one secret", progress: 0, structured: null },
];
const look = (server: number, args: Readonly<Record<string, string>> = {}, client = 0): Act => {
  return { kind: "call", client, conversation: 0, server, tool: "look", args };
};
const once: readonly Pair[] = [
  // An error brought into a conversation what its results would not have.
  { acts: [look(2), look(1)], stack: stackOf({ servers: [], clients: [] }), one: [SAID], other: [FAILED] },
  // A handle's text went to a server of another compartment, in the arguments of a read.
  {
    acts: [look(2), look(3, { to: "handle" })],
    stack: stackOf({ servers: [LOCAL], clients: [] }),
    one: [SAID],
    other: [FAILED],
  },
  // Handles were numbered over all conversations.
  {
    acts: [look(3, { to: "q:1" }, 1), look(2), look(3, {}, 1)],
    stack: stackOf({ servers: [{ ...LOCAL, mode: "handle" }], clients: [] }),
    one: [SAID],
    other: [FAILED],
  },
];

for (const [at, pair] of once.entries()) {
  test(`what once differed is the same: ${at + 1}`, async () => void (await compare(pair, decide)));
}

test("compartment alpha's data changes nothing for anybody who may not see it", { timeout: 300_000 }, async () => {
  let sights = 0;
  const isSame = fc.asyncProperty(pairs, async (pair) => {
    sights += await compare(pair, decide);
  });
  await fc.assert(isSame, { numRuns: RUNS });
  assert.ok(sights > RUNS * 5, `${sights} things were seen: too few to say much`);
});

test("without C1 the same runs differ", { timeout: 300_000 }, async () => {
  const withoutFlow: Decide = (facts) => {
    const clauses = decide(facts).clauses.filter(({ clause }) => clause !== "C1");
    const strictest = clauses.find(({ answer }) => answer === "deny") ?? clauses.find(({ answer }) => answer === "ask");
    return { kind: strictest?.answer ?? "allow", because: strictest?.clause ?? "C2", clauses };
  };
  const isSame = fc.asyncProperty(pairs, async (pair) => void (await compare(pair, withoutFlow)));
  const { failed } = await fc.check(isSame, { numRuns: RUNS, endOnFailure: true });
  assert.equal(failed, true);
});
