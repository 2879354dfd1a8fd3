// The models of the policy in force, with their keys and connections, and what the owner asks of them.

import { Fault, type OwnersDoor, type PermitConnection } from "../kernel/index.ts";
import { dateIn } from "../gateway/index.ts";
import { findRunners, openModels, type OpenModels, type ProvenPlace } from "../models/index.ts";
import type { ModelUseParts, SpendParts, StatusParts } from "../control/index.ts";
import { hasLlama } from "../supply/index.ts";
import type { SandboxProbe } from "../sandbox/index.ts";
import { openLocalModels } from "./local-models.ts";
import type { DaemonState } from "./state.ts";

/** What the others of the daemon lend to the models. */
interface Needs {
  readonly permit: (principal: string, purpose: string) => PermitConnection;
  readonly probe: () => Promise<SandboxProbe>;
}

export interface DaemonModels extends OpenModels {
  /** Ends the children that run model files. */
  close(): Promise<void>;
}

export function modelsOf(state: DaemonState, { permit, probe }: Needs): DaemonModels {
  const { active, secrets, clock } = state;
  const local = openLocalModels(state, probe);
  const models = openModels({
    declared: () => active().stack.models,
    async secret(reference) {
      const name = reference.replace(/^secret:/, "");
      const value = secrets.isLocked() ? null : await secrets.get(name);
      if (value !== null) return value;
      const next = secrets.isLocked() ? "freehold secret unlock" : `freehold secret set ${name}`;
      throw new Fault("model.key", { message: `its key is not to be had: ${reference}.`, next });
    },
    permit: (model) => permit("freehold", `model:${model}`),
    nowMs: clock.nowMs,
    openLocal: (name, declared) => local.open(name, declared),
  });
  return { ...models, close: () => local.close() };
}

/** For the prices of a list: one that has tiers is told by its first. */
const SAMPLE = 1_000;
const NO_LLAMA: ProvenPlace = { kind: "false", why: "nothing runs model files here yet: freehold model engine" };

export function modelUseOf(
  { active, clock, home }: DaemonState,
  { models, door }: { readonly models: OpenModels; readonly door: Pick<OwnersDoor, "connect"> },
): Pick<ModelUseParts, "findModels" | "modelState"> & Pick<SpendParts, "today"> & Pick<StatusParts, "knownModels"> {
  const permit: PermitConnection = ({ host, port }) =>
    Promise.resolve(door.connect({ principal: "freehold", purpose: "model:find", host, port }));
  return {
    today: () => dateIn(active().stack.owner.timezone, clock.nowMs()),
    knownModels: () =>
      Object.entries(active().stack.models).map(([name, { model, place, speaks }]) => {
        const found = speaks === "gguf" && !hasLlama(home) ? NO_LLAMA : models.known(name);
        const peer = models.peer(name);
        const isPriced = place !== "cloud" || (peer !== null && peer.price !== null);
        return { name, model, place, ...saidOf(name, found), isPriced };
      }),
    findModels: (url) => findRunners(permit, url),
    async modelState(name) {
      const peer = models.peer(name);
      if (peer === null) throw new Fault("model.unknown", { message: `there is no model '${name}'.` });
      const isFile = active().stack.models[name]?.speaks === "gguf";
      const proof = isFile && !hasLlama(home) ? NO_LLAMA : await peer.place();
      const none = { cacheRead: 0, cacheWrite: 0, reasoning: 0 };
      const { price } = peer;
      const usd = (input: number, output: number): number =>
        ((price?.cost({ ...none, input, output }) ?? 0) / SAMPLE) * 1e-3;
      return {
        place: proof.kind === "proven" ? proof.place : proof.kind,
        why: proof.kind === "proven" ? proof.how : withoutName(proof.why, name),
        contextTokens: models.contextTokens(name),
        price: price === null ? null : { source: price.source, input: usd(SAMPLE, 0), output: usd(0, SAMPLE) },
      };
    },
  };
}

/** Null where nobody looked lately. */
function saidOf(
  name: string,
  found: ProvenPlace | null,
): { readonly proven: string | null; readonly why: string | null } {
  if (found === null) return { proven: null, why: null };
  if (found.kind === "proven") return { proven: found.place, why: found.how };
  return { proven: found.kind, why: withoutName(found.why, name) };
}

/** Beside its name nobody needs it again. */
function withoutName(why: string, name: string): string {
  return why.startsWith(`${name}: `) ? why.slice(name.length + 2) : why;
}
