// What the gateway sees of a model: what would be sent, what it may cost, where it proved to run, and a way to ask it.

import type {
  Dialect,
  EndReason,
  JsonObject,
  ModelCall,
  ModelEvent,
  ModelRequest,
  ModelUsage,
  Place,
} from "../kernel/index.ts";

export interface ModelPeer {
  readonly name: string;
  readonly dialect: Dialect;
  /** Where it is reached, for receipts: `host:port`, or `here` for a child of our own. */
  readonly address: string;
  /** Looked up anew when the last proof is old; a proof never outlives a change of the declaration. */
  place(): Promise<ProvenPlace>;
  /** The body in the model's own dialect. A text says why there is none. */
  wire(request: Pick<ModelRequest, "dialect" | "body">): Promise<Wire | WireFault>;
  /** Called by gateway/send.ts alone. Resolves once the model's stream has ended, broken or not; never rejects. */
  post(posting: Posting): Promise<ModelReply>;
  /** Null: nobody knows its price. */
  readonly price: Pricing | null;
}

export type ProvenPlace =
  | { readonly kind: "proven"; readonly place: Place; readonly how: string }
  /** Nothing speaks against what is declared, and nothing proves it: the model counts as in the cloud. */
  | { readonly kind: "unproven"; readonly why: string }
  /** It runs somewhere else than declared, or nothing runs there: it is not asked at all. */
  | { readonly kind: "false"; readonly why: string; readonly isDown?: boolean };

export interface Wire {
  /** What leaves, byte for byte. */
  readonly text: string;
  readonly isStream: boolean;
  /** What the text is written in, where that is not the model's own dialect: embeddings. */
  readonly dialect?: Dialect;
  /** No more tokens than bytes, and never more output than the body asks for. */
  readonly inputTokensMax: number;
  readonly outputTokensMax: number;
}

export interface WireFault {
  readonly kind: "malformed" | "too-long";
  readonly reason: string;
}

export interface Posting {
  readonly wire: Wire;
  readonly signal: AbortSignal;
  /** Nothing is told after `signal` fired, though the stream may be read on for its usage. */
  readonly onEvent: (event: ModelEvent) => void;
}

export type ModelReply =
  | {
      readonly kind: "answered";
      /** As the model names itself. */
      readonly identity: string | null;
      readonly body: JsonObject | null;
      readonly text: string;
      readonly calls: readonly ModelCall[];
      readonly end: EndReason;
      /** Null where it did not say. */
      readonly usage: ModelUsage | null;
      /** Until the first piece of the answer; null where none came. */
      readonly firstMs: number | null;
      /** Why not all that was sent may have been read. */
      readonly doubt?: string;
    }
  | {
      readonly kind: "failed";
      /** Of HTTP; null where nothing answered. */
      readonly status: number | null;
      /** One line, without the key. */
      readonly reason: string;
      /** As the provider wrote it, for programs of its own dialect; bounded. */
      readonly body: JsonObject | null;
      readonly retryAfterMs: number | null;
      /** Nothing left the machine, so nothing is owed. */
      readonly isUnsent: boolean;
      /** It was refused before any work, with a status for which nobody charges. */
      readonly isUnbilled?: boolean;
      readonly began: boolean;
      /** What it had said of usage before it broke off. */
      readonly usage: ModelUsage | null;
    };

/** Whole nano-USD, rounded up. */
export interface Pricing {
  /** Which price list, for receipts. */
  readonly source: string;
  /** Of the dearest kind of token on each side. */
  bound(wire: Pick<Wire, "inputTokensMax" | "outputTokensMax">): number;
  cost(usage: ModelUsage): number;
}

/** What the gateway asks of this room. */
export interface Models {
  /** Names in the order to be tried: the asked one or, with null, this machine first; then what stands in for it. */
  routes(model: string | null): readonly string[];
  peer(name: string): ModelPeer | null;
}

export const NO_MODELS: Models = { routes: () => [], peer: () => null };
