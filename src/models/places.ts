// Where a model really runs. Declared is not proven: a loopback address may lead to a cloud.
// Invariants: a proof belongs to one declaration and runs out; what cannot be proven is never nearer than the cloud.

import { reasonOf } from "../kernel/index.ts";
import type { PermitConnection, Place } from "../kernel/index.ts";
import type { ResolveAddress } from "./addresses.ts";
import { withRunner } from "./ask-runner.ts";
import type { ModelDeclaration } from "./declaration.ts";
import { runnerBehind, type RunnerSaid } from "./runners.ts";
import type { ProvenPlace } from "./peer.ts";

export interface PlaceParts {
  readonly name: string;
  readonly declared: Pick<ModelDeclaration, "model" | "place">;
  readonly url: URL;
  readonly permit: PermitConnection;
  readonly resolve: ResolveAddress;
  key(): Promise<string | null>;
  readonly nowMs: () => number;
}

export interface PlaceProof {
  place(): Promise<ProvenPlace>;
  /** Whether a connection that is made now still goes where the last answer said. */
  isStill(): Promise<boolean>;
  /** What the engine was loaded with; null where it did not say. */
  contextTokens(): number | null;
  /** The last answer while it holds, without looking: null where nobody looked, or not lately. */
  known(): ProvenPlace | null;
}

interface Found {
  readonly place: ProvenPlace;
  readonly contextTokens: number | null;
}

const PROVEN_FOR_MS = 5 * 60_000;
/** An engine that was started, or a name that was corrected, is soon noticed. */
const DOUBTED_FOR_MS = 10_000;
const JUST_NOW_MS = 2_000;
const AS_DECLARED: ProvenPlace = { kind: "proven", place: "cloud", how: "as declared" };

export function openPlace(parts: PlaceParts): PlaceProof {
  let last: { readonly found: Found; readonly atMs: number } | null = null;
  let looking: Promise<Found> | null = null;

  function lookAgain(): Promise<Found> {
    looking ??= look(parts).then((found) => {
      [last, looking] = [{ found, atMs: parts.nowMs() }, null];
      return found;
    });
    return looking;
  }

  function isYoung(ms: number): boolean {
    const ageMs = last === null ? Infinity : parts.nowMs() - last.atMs;
    return ageMs >= 0 && ageMs < ms;
  }

  function kept(): ProvenPlace | null {
    const keptMs = last?.found.place.kind === "proven" ? PROVEN_FOR_MS : DOUBTED_FOR_MS;
    return last !== null && isYoung(keptMs) ? last.found.place : null;
  }

  return {
    place: async () => kept() ?? (await lookAgain()).place,
    known: () => (parts.declared.place === "cloud" ? AS_DECLARED : kept()),
    async isStill() {
      const before = last?.found.place ?? null;
      if (before === null) return false;
      if (isYoung(JUST_NOW_MS)) return before.kind !== "false";
      const { place: now } = await lookAgain();
      if (now.kind === "false") return false;
      return before.kind !== "proven" || (now.kind === "proven" && now.place === before.place);
    },
    contextTokens: () => last?.found.contextTokens ?? null,
  };
}

/** Never rejects: what stands against a proof is its answer. */
async function look(parts: PlaceParts): Promise<Found> {
  const { declared } = parts;
  switch (declared.place) {
    case "cloud":
      return { place: AS_DECLARED, contextTokens: null };
    case "my-network":
      return onNetwork(parts);
    case "this-machine":
      return onThisMachine(parts);
  }
}

async function onThisMachine(parts: PlaceParts): Promise<Found> {
  const { name, declared } = parts;
  let said: RunnerSaid | null;
  try {
    said = await asked(parts);
  } catch (error) {
    return isDown(name, `it cannot be reached at ${parts.url.host}: ${reasonOf(error)}`);
  }
  if (said === null) {
    const why = `what answers at ${parts.url.host} is no engine that is known to run models itself`;
    return { place: { kind: "unproven", why }, contextTokens: null };
  }
  const model = said.models.find((one) => one.name.toLowerCase() === declared.model.toLowerCase());
  if (model === undefined) return isDown(name, `${said.engine} at ${parts.url.host} has no ${declared.model}`);
  if (model.elsewhere !== null) return outOfReach(name, `it does not run on this machine: ${model.elsewhere}`);
  // It serves the models of linked devices at its own address, and does not say which those are.
  const isLinked = said.engine === "LM Studio";
  const place: Place = isLinked ? "my-network" : "this-machine";
  const how = isLinked ? "LM Studio, which may use another of your devices" : `${said.engine} at ${parts.url.host}`;
  return { place: { kind: "proven", place, how }, contextTokens: model.contextTokens };
}

/** By its addresses. An engine that says more is believed where that speaks against it. */
async function onNetwork(parts: PlaceParts): Promise<Found> {
  const { name, declared, url } = parts;
  let address: string;
  try {
    address = await parts.resolve(url.hostname);
  } catch (error) {
    return outOfReach(name, reasonOf(error));
  }
  // Its address is the proof here; what does not answer is found out when it is asked.
  const said = await asked(parts).catch(() => null);
  const model = said?.models.find((one) => one.name.toLowerCase() === declared.model.toLowerCase());
  if (model !== undefined && model.elsewhere !== null) {
    return outOfReach(name, `it does not run on your network: ${model.elsewhere}`);
  }
  const how = `${url.hostname} is ${address}`;
  return { place: { kind: "proven", place: "my-network", how }, contextTokens: model?.contextTokens ?? null };
}

async function asked(parts: PlaceParts): Promise<RunnerSaid | null> {
  const { url, permit, resolve, declared } = parts;
  const key = await parts.key();
  return withRunner({ url, permit, resolve, key }, (line) => runnerBehind(line, declared.model));
}

function isDown(name: string, why: string): Found {
  return { place: { kind: "false", why: `${name}: ${why}`, isDown: true }, contextTokens: null };
}

function outOfReach(name: string, why: string): Found {
  return { place: { kind: "false", why: `${name}: ${why}` }, contextTokens: null };
}
