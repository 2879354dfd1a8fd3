// The state of everything on one screen, who can touch what, and the owner's own credentials.

import {
  principalText,
  type Clock,
  type Decision,
  type JsonObject,
  type OwnersDoor,
  type Principal,
} from "../kernel/index.ts";
import { Fault, reasonOf } from "../kernel/index.ts";
import { cardStates, isQuiet, type Policy } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { barredRows } from "./barred.ts";
import type { Canaries } from "./canaries.ts";
import { text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { canaryRows } from "./ops-canary.ts";
import { heldNow, unknownEffects } from "./ops-questions.ts";
import { budgetsNow } from "./ops-spend.ts";
import type { OwnerAuth } from "./owner-auth.ts";
import type { PolicyState } from "./policy-state.ts";
import { openRows } from "./ship-updates.ts";
import { GENERATION } from "./switches.ts";

export interface ServerState {
  readonly name: string;
  readonly state: "idle" | "running" | "held-back" | "needs-login";
  readonly why: string | null;
  readonly pid: number | null;
}

/** A declared model as far as it is known without asking it. */
export interface KnownModel {
  readonly name: string;
  readonly model: string;
  /** As declared. */
  readonly place: string;
  /** As `ModelState.place`; null where nobody looked lately. */
  readonly proven: string | null;
  readonly why: string | null;
  /** What may cost something and has no price is not asked. */
  readonly isPriced: boolean;
}

export interface StatusParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly door: OwnersDoor;
  readonly policy: PolicyState;
  readonly auth: OwnerAuth;
  readonly canaries: Canaries;
  readonly version: string;
  readonly homeDir: string;
  readonly startedAtMs: number;
  readonly isOwnUser: boolean;
  url(): string;
  servers(): readonly ServerState[];
  knownModels(): readonly KnownModel[];
  /** `2026-11-22`, of the owner: accounts are named after it. */
  today(): string;
  /** A passphrase is to be typed before servers can be handed their secrets. */
  areSecretsLocked(): boolean;
  /** Stops it where it runs and forgets that it crashed: the next call starts it. */
  restart(server: string): Promise<void>;
  sandbox(): Promise<JsonObject>;
  /** The decision on a call whose arguments are not the owner's, after untrusted text was read. */
  preview(principal: Principal, tool: string, args?: JsonObject): Decision;
  shutdown(): void;
}

const WEAKER = "weaker: programs running as you can read the state";

export function statusOperations(parts: StatusParts): readonly Operation[] {
  const { auth } = parts;
  return [
    { name: "status", needsOwner: false, run: () => status(parts) },
    { name: "can", needsOwner: false, run: async (input) => can(parts, input["principal"]) },
    { name: "owner.state", needsOwner: false, run: async () => ({ set: auth.isSet() }) },
    {
      name: "owner.enrol",
      needsOwner: false,
      async run(input) {
        await auth.enrol(text(input, "secret"));
        return {};
      },
    },
    {
      name: "owner.change",
      needsOwner: false,
      async run(input) {
        const changed = await auth.change(text(input, "old"), text(input, "new"));
        if (changed.kind === "refused") {
          throw new Fault("owner.refused", {
            message: "the old PIN or passphrase is not right.",
            next: "wait, then try again",
          });
        }
        return {};
      },
    },
    { name: "server.restart", needsOwner: true, run: (input) => restart(parts, text(input, "name")) },
    {
      name: "owner.link",
      needsOwner: false,
      run: async () => ({ url: `${parts.url()}login?code=${auth.mintLink()}` }),
    },
    {
      name: "daemon.shutdown",
      needsOwner: false,
      async run() {
        if (parts.isOwnUser) {
          throw new Fault("daemon.service", {
            message: "Freehold runs as a service.",
            next: "sudo systemctl stop freehold",
          });
        }
        // After the answer has left: a shutdown closes the connection it goes over.
        setImmediate(() => parts.shutdown());
        return {};
      },
    },
  ];
}

async function restart(parts: StatusParts, name: string): Promise<JsonObject> {
  if (!Object.hasOwn(parts.policy.current().stack.servers, name)) {
    throw new Fault("server.unknown", { message: `there is no server '${name}'.`, next: "freehold status" });
  }
  await parts.restart(name);
  return { name };
}

async function status(parts: StatusParts): Promise<JsonObject> {
  const { store, policy, door, auth } = parts;
  const { stack, lock, cards } = policy.current();
  const nowMs = parts.clock.nowMs();
  const questionsOpen = store.questions
    .list(["open"])
    .filter((question) => question.binding.expiresAtMs > nowMs).length;
  const states = new Map(parts.servers().map((server) => [server.name, server]));
  const servers = Object.entries(stack.servers).map(([name, server]) => ({
    name,
    source: server.source ?? server.connector,
    pinned: lock.servers[name]?.kind === "remote" ? "surface" : lock.servers[name] === undefined ? "nothing" : "all",
    compartment: server.compartment,
    state: states.get(name)?.state ?? "idle",
    why: states.get(name)?.why ?? (lock.servers[name] === undefined ? "not in the lock" : null),
    pid: states.get(name)?.pid ?? null,
    tools: lock.servers[name]?.surface.tools.length ?? 0,
    cardsVoid: voidCards(policy.current(), name),
    cardsAccepted: [...cards.keys()].filter((tool) => tool.startsWith(`${name}.`) && !tool.includes("@")).length,
  }));
  const { pending, pendingFault } = pendingOf(policy);
  const unknown = unknownEffects(store).length;
  const stopped = door.isStopped();
  return {
    version: parts.version,
    pid: process.pid,
    home: parts.homeDir,
    url: parts.url(),
    uptimeMs: nowMs - parts.startedAtMs,
    stopped,
    mode: parts.isOwnUser ? "own-user" : "single-user",
    weaker: parts.isOwnUser ? null : WEAKER,
    ownerSet: auth.isSet(),
    servers,
    clients: Object.entries(stack.clients).map(([name, client]) => ({
      name,
      compartments: client.compartments,
      view: client.view,
      direct: client.direct,
    })),
    ...modelsNow(parts),
    questionsOpen,
    held: heldNow(parts).length,
    isQuiet: isQuiet(stack.owner, nowMs),
    unknown,
    ...updatesNow(parts),
    pending,
    pendingFault,
    sandbox: await parts.sandbox(),
    next: nextCommand({
      stopped,
      ownerSet: auth.isSet(),
      areSecretsLocked: parts.areSecretsLocked(),
      questionsOpen,
      unknown,
      hasProposal: pending > 0 || pendingFault !== null,
      servers: servers.length,
    }),
  };
}

/** As far as it is known: a status asks no engine and no cloud. */
function modelsNow(parts: StatusParts): JsonObject {
  const currency = parts.policy.current().stack.owner.currency.code;
  const models = parts.knownModels().map((model) => ({ ...model }));
  return { models, money: { currency, budgets: budgetsNow(parts) } };
}

/** What holds, what was left, and what is watched. */
function updatesNow(parts: StatusParts): JsonObject {
  const { store } = parts;
  const generation = Number(store.settings.get(GENERATION) ?? 0);
  return { generation, barred: barredRows(store), canaries: canaryRows(parts), updates: openRows(parts) };
}

/** Tools that nobody can call because their definition changed after the owner accepted their card. */
function voidCards({ lock, cards }: Policy, server: string): number {
  const locked = lock.servers[server];
  if (locked === undefined) return 0;
  return cardStates({ server, surface: locked.surface, cards }).filter(({ state }) => state === "void").length;
}

function pendingOf(policy: PolicyState): { pending: number; pendingFault: string | null } {
  try {
    return { pending: policy.proposal()?.changes.length ?? 0, pendingFault: null };
  } catch (error) {
    return { pending: 0, pendingFault: error instanceof Fault ? error.line() : reasonOf(error) };
  }
}

function nextCommand(state: {
  readonly stopped: boolean;
  readonly ownerSet: boolean;
  readonly areSecretsLocked: boolean;
  readonly questionsOpen: number;
  readonly unknown: number;
  readonly hasProposal: boolean;
  readonly servers: number;
}): string {
  if (state.stopped) return "freehold resume";
  if (!state.ownerSet) return "freehold pin set";
  if (state.areSecretsLocked) return "freehold secret unlock";
  if (state.questionsOpen + state.unknown > 0) return "freehold inbox";
  if (state.hasProposal) return "freehold plan";
  return state.servers === 0 ? "freehold adopt" : "";
}

function can(parts: StatusParts, wanted: unknown): JsonObject {
  const { stack, cards } = parts.policy.current();
  const principals: Principal[] = [
    { kind: "agent", name: "" },
    ...Object.keys(stack.clients).map((name): Principal => ({ kind: "client", name })),
  ];
  const asked = principals.filter(
    (principal) => typeof wanted !== "string" || principalText(principal).endsWith(wanted),
  );
  const rows = asked.flatMap((principal) =>
    [...cards.values()].map((card) => {
      const decision = parts.preview(principal, card.tool);
      const server = card.tool.slice(0, card.tool.indexOf("."));
      return {
        principal: principalText(principal),
        compartment: stack.servers[server]?.compartment ?? "",
        tool: card.tool,
        effect: card.effect,
        decision: decision.kind,
        because: decision.because,
        reason: decision.clauses.find((given) => given.clause === decision.because)?.reason ?? "",
      };
    }),
  );
  return { principals: asked.map((principal) => principalText(principal)), rows };
}
