// The models of the accepted policy as the door sees them: routes over them, and one peer for each.

import type { PermitConnection } from "../kernel/index.ts";
import { resolverFor, type LookUp } from "./addresses.ts";
import { withCutOff } from "./cut-off.ts";
import { addressIn, type Declarations, type ModelDeclaration } from "./declaration.ts";
import { openHttpModel } from "./http-model.ts";
import type { ModelPeer, Models, Pricing, ProvenPlace } from "./peer.ts";
import { openPlace, type PlaceProof } from "./places.ts";
import { listedPrice, pinnedPrice } from "./pricing.ts";
import { routesOf } from "./routes.ts";

export type LocalModel = Pick<ModelPeer, "dialect" | "address" | "wire" | "post">;

export interface ModelsParts {
  /** Of the policy that holds now. */
  declared(): Declarations;
  /** The value behind `secret:name`; rejects where it cannot be had. */
  secret(reference: string): Promise<string>;
  permit(model: string): PermitConnection;
  readonly nowMs: () => number;
  /** A file of the lock, run in a child of our own: proven by construction. Null where none can be run. */
  openLocal(name: string, declared: ModelDeclaration): LocalModel | null;
  readonly lookUp?: LookUp;
}

export interface OpenModels extends Models {
  /** Of a peer that was asked for its place; null where nobody knows. */
  contextTokens(name: string): number | null;
  /** Where it was last proven to run, without looking. Null: nobody looked lately, or there is none of that name. */
  known(name: string): ProvenPlace | null;
}

interface Opened {
  readonly peer: ModelPeer;
  readonly contextTokens: () => number | null;
  readonly known: () => ProvenPlace | null;
}

const NO_ENGINE = "this build of Freehold runs no model files; declare the address of an engine that does";

export function openModels(parts: ModelsParts): OpenModels {
  const opened = new Map<string, Opened & { readonly written: string }>();

  /** A peer lives as long as its declaration, and its proof with it. */
  function openedOf(name: string): Opened | null {
    const models = parts.declared();
    const declared = Object.hasOwn(models, name) ? models[name] : undefined;
    for (const one of opened.keys()) if (!Object.hasOwn(models, one)) opened.delete(one);
    if (declared === undefined) return null;
    const written = JSON.stringify(declared);
    const known = opened.get(name);
    if (known?.written === written) return known;
    const address = addressIn(declared);
    const fresh = address === null ? fileModel(parts, name, declared) : httpModel(parts, { name, declared, address });
    opened.set(name, { ...fresh, written });
    return fresh;
  }

  return {
    routes: (model) => routesOf(parts.declared(), model),
    peer: (name) => openedOf(name)?.peer ?? null,
    contextTokens: (name) => openedOf(name)?.contextTokens() ?? null,
    known: (name) => openedOf(name)?.known() ?? null,
  };
}

function fileModel(parts: ModelsParts, name: string, declared: ModelDeclaration): Opened {
  const local = parts.openLocal(name, declared);
  const contextTokens = (): number | null => declared.context;
  const price = declared.price === null ? null : pinnedPrice(declared.price);
  if (local !== null) {
    const proof = { kind: "proven", place: "this-machine", how: "Freehold runs it itself" } as const;
    return { peer: { ...local, name, price, place: () => Promise.resolve(proof) }, contextTokens, known: () => proof };
  }
  const reason = `${name}: ${NO_ENGINE}`;
  const nowhere = { kind: "false", why: reason, isDown: true } as const;
  const peer: ModelPeer = {
    name,
    price,
    dialect: "openai-chat",
    address: "here",
    place: () => Promise.resolve(nowhere),
    wire: () => Promise.resolve({ kind: "malformed", reason }),
    post: () =>
      Promise.resolve({
        kind: "failed",
        status: null,
        reason,
        body: null,
        retryAfterMs: null,
        isUnsent: true,
        began: false,
        usage: null,
      }),
  };
  return { peer, contextTokens, known: () => nowhere };
}

interface HttpDeclaration {
  readonly name: string;
  readonly declared: ModelDeclaration;
  readonly address: URL;
}

function httpModel(parts: ModelsParts, { name, declared, address }: HttpDeclaration): Opened {
  const { secret, place, speaks, model } = declared;
  const listed = place === "cloud" ? listedPrice(address, model) : null;
  const price: Pricing | null = declared.price === null ? (listed?.price ?? null) : pinnedPrice(declared.price);
  const key = (): Promise<string | null> => (secret === null ? Promise.resolve(null) : parts.secret(secret));
  const resolve = resolverFor(place, parts.lookUp);
  const permit = parts.permit(name);
  const proof = openPlace({ name, declared, url: address, permit, resolve, key, nowMs: parts.nowMs });
  const contextOf = (): number | null =>
    smaller(declared.context ?? listed?.contextTokens ?? null, proof.contextTokens());
  const open = (contextTokens: number | null): LocalModel & { readonly contextTokens: number | null } => ({
    contextTokens,
    ...openHttpModel({
      name,
      url: address.href.replace(/\/+$/, ""),
      speaks: speaks === "anthropic-messages" ? speaks : "openai-chat",
      model,
      contextTokens,
      outputTokensMax: declared.maxOutput,
      key,
      permit: permitWhile(proof, permit, name),
      resolve,
      isLocal: place !== "cloud" && price === null,
    }),
  });
  let current = open(contextOf());
  // What the engine was loaded with is known once it was asked, and may change when it is started anew.
  const up = (): LocalModel => {
    const contextTokens = contextOf();
    if (current.contextTokens !== contextTokens) current = open(contextTokens);
    return current;
  };
  /** As in the cloud, what is unproven could not be asked without a price; here is said what to do about it. */
  function priced(found: ProvenPlace): ProvenPlace {
    if (found.kind !== "unproven" || price !== null) return found;
    return { kind: "false", why: `${name}: ${found.why}; it may cost something, so it needs a price (0 for nothing)` };
  }
  const peer: ModelPeer = {
    name,
    price,
    dialect: current.dialect,
    address: current.address,
    place: async () => priced(await proof.place()),
    wire: (request) => up().wire(request),
    async post(posting) {
      const reply = await up().post(posting);
      return place === "cloud" ? reply : withCutOff(reply, posting.wire, proof.contextTokens());
    },
  };
  const known = (): ProvenPlace | null => {
    const found = proof.known();
    return found === null ? null : priced(found);
  };
  return { peer, contextTokens: contextOf, known };
}

/** What was proven is proven again for each new connection: another program may have taken the port meanwhile. */
function permitWhile(proof: PlaceProof, permit: PermitConnection, name: string): PermitConnection {
  return async (target) => {
    if (!(await permit(target))) return false;
    if (await proof.isStill()) return true;
    const now = proof.known();
    const why = now?.kind === "false" ? now.why.replace(`${name}: `, "") : "what answers there is another than before";
    throw new Error(why);
  };
}

function smaller(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
