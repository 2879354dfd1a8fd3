// The types through which rooms meet. The daemon passes the values; no room constructs another.
// Invariant: an effect is reached through Door alone; what only the owner may do takes an OwnerPresence.

import type { ClauseAnswer, ClauseId } from "./decide.ts";
import type { Extracted, ExtractType } from "./extract.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Label } from "./labels.ts";
import type { ModelAnswer, ModelRequest } from "./models.ts";
import type { Principal } from "./principals.ts";
import type { Question } from "./questions.ts";
import type { ForeseenCall } from "./task.ts";

export interface Clock {
  readonly nowMs: () => number;
}

export interface Random {
  readonly bytes: (count: number) => Uint8Array;
}

/** One effect that somebody wants. The door rebuilds what is sent; nothing else passes. */
export interface DoorRequest {
  readonly session: string;
  readonly principal: Principal;
  /** `server.tool` or a pseudo-tool. */
  readonly tool: string;
  readonly args: JsonObject;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: JsonObject) => void;
  readonly caller?: Caller;
  /** Told where the call waits for the owner or is held, by the question's id. False: it is not waited for. */
  readonly onWaiting?: (question: string) => boolean;
}

/** How what a server says in the middle of a call reaches the program that made it. */
export interface Caller {
  /** By the protocol's names, as the program declared what it can be asked. */
  readonly capabilities: JsonObject;
  /** The lightest log message that it wants; null for none. */
  readonly logLevel: string | null;
  readonly tell: (method: string, params: JsonObject) => void;
  /** A text says why there is no answer. `key` is the server's own name for the question, where it has one. */
  readonly ask: (method: string, params: JsonObject, key: string | undefined) => Promise<JsonObject | string>;
}

export type DoorAnswer =
  | { readonly kind: "result"; readonly request: string; readonly result: JsonObject; readonly label: Label }
  | { readonly kind: "waiting"; readonly request: string; readonly question: string; readonly heldUntilMs?: number }
  | { readonly kind: "withheld"; readonly request: string; readonly handle: string; readonly reason: string }
  | {
      readonly kind: "denied";
      readonly request: string;
      readonly because: ClauseId;
      readonly reason: string;
      readonly clauses: readonly ClauseAnswer[];
    }
  /** The upstream failed or answered with a protocol error; its text carries its label. */
  | {
      readonly kind: "failed";
      readonly request: string;
      readonly code: number;
      readonly reason: string;
      readonly data?: JsonValue;
      readonly label: Label;
    };

export interface Door {
  call(request: DoorRequest): Promise<DoorAnswer>;
  /** Asks a model that may read what the session has read. Events come while it answers. */
  think(request: ModelRequest): Promise<ModelAnswer>;
  /** One plain value out of what a handle keeps; never a text of its own. */
  takeOut(
    wanted: Pick<DoorRequest, "session" | "principal"> & {
      readonly handle: string;
      readonly path: string;
      readonly type: ExtractType;
    },
  ): Extracted;
  /** A session that starts with its parent's labels, and whose own do not come back; it has no words and no outline. */
  openChild(parent: Pick<DoorRequest, "session" | "principal">): string;
  /** Keeps a text of that session behind a handle, which its parents may name too. */
  keep(session: Pick<DoorRequest, "session" | "principal">, text: string): string;
  /** What became of a question, for the principal that asked. */
  result(question: string, request: Pick<DoorRequest, "session" | "principal">): Promise<DoorAnswer>;
}

/** Proof that the owner is present; only control/owner-auth.ts makes one. */
export interface OwnerPresence {
  isLive(nowMs: number): boolean;
}

export type OwnerAnswer =
  /** With `args`, the owner's own version of the call. */
  | {
      readonly kind: "yes";
      readonly args?: JsonObject;
      /** Not at once: it can be cancelled until then. Without `args`. */
      readonly untilMs?: number;
      /** Arguments whose values are fine for the rest of this task. */
      readonly endorse?: readonly string[];
    }
  | { readonly kind: "no"; readonly note: string }
  | { readonly kind: "later"; readonly untilMs: number };

export type Answered =
  | { readonly kind: "done"; readonly question: Question; readonly outcome: DoorAnswer | null }
  | { readonly kind: "refused"; readonly reason: string };

/** The owner's side of the door; control has it, no client and no agent. */
export interface OwnersDoor extends Door {
  answer(id: string, answer: OwnerAnswer, owner: OwnerPresence): Promise<Answered>;
  /** Anybody may take back what is held, and `by` what it asked itself and is not answered: that only narrows. */
  cancel(id: string, note: string, by?: Principal): Promise<Answered>;
  /**
   * The owner's words of a new request, before any model sees them, with the outline fixed for it. Answers the one
   * question about the whole task, where the outline must be confirmed or several of the foreseen calls would ask.
   */
  hear(
    words: {
      readonly session: string;
      readonly principal: Principal;
      readonly message: string;
      /** How often each tool may be used after the first untrusted byte; null without an outline. */
      readonly outline: ReadonlyMap<string, number> | null;
      /** Calls that the request will need, as far as they are known before anything is read. */
      readonly foreseen?: readonly ForeseenCall[];
    },
    owner: OwnerPresence,
  ): string | null;
  /** Anybody may stop; only the owner resumes. */
  stop(reason: string): Promise<void>;
  resume(owner: OwnerPresence): void;
  isStopped(): boolean;
  /** Connections of the daemon and of servers: recorded, and refused while stopped. */
  connect(connection: {
    readonly principal: string;
    readonly purpose: string;
    readonly host: string;
    readonly port: number;
  }): boolean;
  /** A server said the values of these secrets; they were taken out. */
  noteMasked(server: string, secrets: readonly string[]): void;
  /** Applies the crash rule; called once, before anything is served. */
  recover(): Promise<{ readonly lost: number; readonly unknown: number }>;
  /** Acts on the answers that a crash cut off. It takes as long as their servers, so a start does not wait for it. */
  carryOutAnswered(): Promise<void>;
  /** Decides again on whatever has been held to its end; does nothing while stopped. */
  carryOutHeld(): Promise<void>;
}

export interface SandboxSpec {
  /** Absolute paths. The installed tree is added by supply. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** `host:port` list, or none. */
  readonly network: "none" | readonly string[];
  readonly memoryMb: number;
  readonly pidsMax: number;
  /** The owner wrote `sandbox: none`. */
  readonly off: boolean;
}

/** A server's tools and texts as served, before any judgement. Definitions keep unknown fields. */
export interface Surface {
  readonly protocol: string;
  readonly instructions: string | null;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly tools: readonly JsonObject[];
  readonly prompts: readonly JsonObject[];
  readonly resources: readonly JsonObject[];
  readonly templates: readonly JsonObject[];
}

/** Asked by an egress proxy before each connection; false refuses it. Every connection leaves a ledger entry. */
export type PermitConnection = (target: { readonly host: string; readonly port: number }) => Promise<boolean>;

/** An amount that is held until it is settled: whole numbers in the account's unit. */
export interface Reservation {
  readonly id: string;
  readonly account: string;
  readonly amount: number;
}

/** secrets to store: Ed25519 over a head's text, hex. */
export type Sign = (text: string) => string;
