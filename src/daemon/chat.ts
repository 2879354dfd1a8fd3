// Conversations with the agent: wires its ports to the door, the store and the notes, one task at a time in each.

import {
  CLEAN,
  Fault,
  isTainted,
  principalText,
  type Clock,
  type JsonObject,
  type JsonValue,
  type Label,
  type OwnersDoor,
  type Principal,
  type Random,
} from "../kernel/index.ts";
import {
  AGENT_LIMITS,
  isUnfinished,
  openAgent,
  turnBody,
  turnFrom,
  type Agent,
  type AgentLimits,
  type Asked,
  type Bill,
  type Receipt,
  type Skills,
  type Toolbox,
  type Turn,
} from "../agent/index.ts";
import { inCurrency, type ChatCommand, type Chats, type ChatVisit } from "../control/index.ts";
import { dateIn, offerTools, type ActivePolicy, type OfferedTools } from "../gateway/index.ts";
import type { Notes } from "../memory/index.ts";
import type { Store } from "../store/index.ts";

export interface ChatsParts {
  readonly door: OwnersDoor;
  readonly store: Pick<Store, "turns" | "sessions" | "ledger" | "budgets">;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: () => ActivePolicy;
  readonly notes: (compartment: string) => Notes;
  readonly skills: () => Skills;
  /** Takes the values of secrets out. */
  readonly mask: (text: string) => string;
  readonly limits?: AgentLimits;
}

const AGENT: Principal = { kind: "agent", name: "" };
const TURNS_READ_MAX = 1_000;
const LISTED_MAX = 50;

export function openChats(parts: ChatsParts): Chats {
  return new TheChats(parts);
}

class TheChats implements Chats {
  readonly #parts: ChatsParts;
  readonly #underway = new Map<string, AbortController>();
  #offered: { readonly digest: string; readonly byCompartment: Map<string, OfferedTools> } | null = null;

  constructor(parts: ChatsParts) {
    this.#parts = parts;
  }

  open(wanted: string | null): JsonObject {
    const { store, random } = this.#parts;
    const compartment = this.#compartment(wanted);
    const session = `chat-${Buffer.from(random.bytes(6)).toString("hex")}`;
    this.#begin(session, compartment);
    store.turns.append(session, { kind: "opened", compartment });
    return this.#state(session, compartment);
  }

  /** Before the door opens it: what is said in it belongs to its part of the owner's life from the first word on. */
  #begin(session: string, compartment: string): void {
    const nowMs = this.#parts.clock.nowMs();
    const label: Label = { ...CLEAN, compartments: [compartment] };
    const row = { id: session, principal: principalText(AGENT), label, createdAtMs: nowMs, lastAtMs: nowMs };
    this.#parts.store.sessions.save(row);
  }

  #compartment(wanted: string | null): string {
    const names = Object.keys(this.#parts.policy().stack.compartments);
    const found = names.find((name) => wanted === null || name === wanted);
    if (found !== undefined) return found;
    const message = wanted === null ? "stack.yaml declares no compartment." : `there is no compartment '${wanted}'.`;
    throw new Fault("chat.compartment", { message, next: `choose one of: ${names.join(", ")}` });
  }

  /** The compartment of a conversation. Faults: `chat.unknown`. */
  #opened(session: string): string {
    const first = this.#parts.store.turns.read(session, 0)[0]?.body;
    const compartment = first?.["kind"] === "opened" ? first["compartment"] : null;
    if (typeof compartment === "string") return compartment;
    throw new Fault("chat.unknown", { message: "there is no such conversation.", next: "freehold chat --list" });
  }

  state(session: string): JsonObject {
    return this.#state(session, this.#opened(session));
  }

  #state(session: string, compartment: string): JsonObject {
    const { store, clock, policy } = this.#parts;
    const { stack } = policy();
    const label = store.sessions.get(session)?.label ?? CLEAN;
    const today = `day:${dateIn(stack.owner.timezone, clock.nowMs())}`;
    const nanoUsd = store.budgets.spent(today).spent;
    const unread = Object.values(stack.skills ?? {}).filter(({ reviewed }) => reviewed === null).length;
    return {
      session,
      compartment,
      hasModel: Object.keys(stack.models).length > 0,
      label: labelWords(label),
      isTainted: isTainted(label),
      costToday: inCurrency(nanoUsd, stack.owner.currency),
      currency: stack.owner.currency.code,
      isUnfinished: isUnfinished(this.#turns(session)),
      isRunning: this.#underway.has(session),
      skillsUnread: unread,
    };
  }

  async say(session: string, words: string, visit: ChatVisit): Promise<JsonObject> {
    return this.#task(session, visit, (agent, asked) => agent.say(words, asked));
  }

  async goOn(session: string, visit: ChatVisit): Promise<JsonObject> {
    return this.#task(session, visit, (agent, asked) => agent.goOn(asked));
  }

  async command(session: string, { name, line, args }: ChatCommand, visit: ChatVisit): Promise<JsonObject> {
    const compartment = this.#opened(session);
    // A session of its own: what the owner types is no plan of a model's, whatever the conversation has read.
    const own = `${session}.${Buffer.from(this.#parts.random.bytes(6)).toString("hex")}`;
    this.#begin(own, compartment);
    const call = { id: "", name, args: JSON.stringify(args) };
    const { text, question } = await this.#agent(own, compartment).command({ line, call }, this.#asked(own, visit));
    return { text, question };
  }

  /** One at a time; what the caller hears last is the conversation's state. */
  async #task(
    session: string,
    visit: ChatVisit,
    work: (agent: Agent, asked: Asked) => Promise<Receipt | null>,
  ): Promise<JsonObject> {
    const compartment = this.#opened(session);
    if (this.#underway.has(session)) {
      throw new Fault("chat.busy", {
        message: "this conversation is in the middle of a task.",
        next: "wait, or cancel it",
      });
    }
    const ending = new AbortController();
    this.#underway.set(session, ending);
    try {
      const signal = AbortSignal.any([visit.signal, ending.signal]);
      const done = await work(this.#agent(session, compartment), this.#asked(session, { ...visit, signal }));
      return { receipt: done, state: { ...this.#state(session, compartment), isRunning: false } };
    } finally {
      this.#underway.delete(session);
    }
  }

  /** An owner session that ran out in the middle of a task gives no further words and no outline. */
  #asked(session: string, { owner, signal, onEvent }: ChatVisit): Asked {
    const { door, clock } = this.#parts;
    const hear: Asked["hear"] = (words) =>
      owner.isLive(clock.nowMs()) ? door.hear({ session, principal: AGENT, ...words }, owner) : null;
    return { hear, signal, onEvent: (event) => onEvent({ ...event }) };
  }

  #agent(session: string, compartment: string): Agent {
    const { door, policy, mask, store, limits = AGENT_LIMITS, skills } = this.#parts;
    return openAgent({
      door,
      session,
      principal: AGENT,
      toolbox: this.#toolbox(compartment),
      skills: skills(),
      transcript: {
        read: () => this.#turns(session),
        append: (turn) => store.turns.append(session, masked(turnBody(turn), mask)),
      },
      limits,
      ownerName: policy().stack.owner.name,
      billOf: (request) => billOf(store, request),
    });
  }

  #toolbox(compartment: string): Toolbox {
    const policy = this.#parts.policy();
    if (this.#offered?.digest !== policy.digest) this.#offered = { digest: policy.digest, byCompartment: new Map() };
    const known = this.#offered.byCompartment;
    const offered = known.get(compartment) ?? offerTools(policy, compartment);
    known.set(compartment, offered);
    return { ...offered, noteCount: () => this.#parts.notes(compartment).count() };
  }

  #turns(session: string): readonly Turn[] {
    const rows = this.#parts.store.turns.read(session, TURNS_READ_MAX).slice(1);
    return rows.flatMap(({ body }) => turnFrom(body) ?? []);
  }

  cancel(session: string): boolean {
    this.#underway.get(session)?.abort();
    return this.#underway.has(session);
  }

  compartments(): readonly string[] {
    return Object.keys(this.#parts.policy().stack.compartments);
  }

  list(): readonly JsonObject[] {
    return this.#parts.store.turns
      .openings(LISTED_MAX)
      .filter(({ body }) => body["kind"] === "opened")
      .map(({ session, body, atMs, lastAtMs }) => {
        const turns = this.#turns(session);
        const title = turns.find((turn) => turn.kind === "said")?.text.slice(0, 200) ?? "";
        const { compartment = "" } = body;
        return { session, compartment, title, atMs, lastAtMs, isUnfinished: isUnfinished(turns) };
      });
  }

  history(session: string): readonly JsonObject[] {
    this.#opened(session);
    return this.#turns(session).map(turnBody);
  }
}

function billOf({ ledger }: Pick<Store, "ledger">, request: string): Bill | null {
  const [outcome] = ledger.entries({ request, kind: "outcome", limit: 1 });
  const [intent] = ledger.entries({ request, kind: "intent", limit: 1 });
  const cost = outcome?.facts["costNanoUsd"];
  const place = intent?.facts["place"];
  return typeof cost === "number" ? { costNanoUsd: cost, place: typeof place === "string" ? place : "" } : null;
}

export function labelWords({ compartments, integrity, secret }: Label): string {
  const parts = [
    compartments.length === 0 ? "nothing private" : `${compartments.join(" and ")} data`,
    ...(integrity === "third-party" ? ["text of strangers"] : []),
    ...(secret ? ["a secret"] : []),
  ];
  return parts.join(", ");
}

function masked(value: JsonObject, mask: (text: string) => string): JsonObject {
  const walk = (at: JsonValue): JsonValue => {
    if (typeof at === "string") return mask(at);
    if (Array.isArray(at)) return at.map((item: JsonValue) => walk(item));
    if (typeof at !== "object" || at === null) return at;
    return Object.fromEntries(Object.entries(at).map(([key, item]) => [key, walk(item)]));
  };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
}
