// The shapes of stack.yaml, stack.lock and cards/<server>.yaml after parsing.

import type { Caps, Digest, JsonObject, Surface, ToolCard } from "../kernel/index.ts";
import type { QuietHours } from "./quiet.ts";
import type { UpdateWay } from "./updates.ts";

export interface Stack {
  readonly version: 1;
  readonly owner: StackOwner;
  readonly compartments: Readonly<Record<string, StackCompartment>>;
  readonly servers: Readonly<Record<string, StackServer>>;
  readonly models: Readonly<Record<string, StackModel>>;
  /** Left out where there are none. */
  readonly skills?: Readonly<Record<string, StackSkill>>;
  readonly clients: Readonly<Record<string, StackClient>>;
  /** Null: programs of this machine alone. */
  readonly remote: StackRemote | null;
  readonly budgets: StackBudgets;
  readonly caps: Caps;
  /** `confirm`: an outline holds once the owner has said yes to it. */
  readonly outline: "heard" | "confirm";
}

export interface StackOwner {
  readonly name: string;
  readonly timezone: string;
  /** Holds stand still in them; null for none. */
  readonly quiet: QuietHours | null;
  readonly currency: { readonly code: string; readonly usd: number };
}

export interface StackCompartment {
  /** Models cleared for it, by name; the default is models on this machine only. */
  readonly models: readonly string[] | null;
  /** How long an allowed effect on its servers can be cancelled, where the tool's card does not say. */
  readonly holdMs: number;
  /** `free`: what a tool's card can undo runs without a question, as far as the flow and untrusted text let it. */
  readonly reversible: "ask" | "free";
}

export interface StackServer {
  /** `npm:name@1.2.3`, `path:./folder`, `https://…`; exactly one of source and connector is set. */
  readonly source: string | null;
  readonly connector: string | null;
  readonly account: JsonObject;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Environment (or header) name to `secret:name`, as written. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly compartment: string;
  /** What it may ask the program that called it, in the middle of a call. */
  readonly asks: readonly Ask[];
  /** Only of a remote server. */
  readonly oauth?: StackOAuth;
  /** How long it may be unused before it is stopped; 0 for never. */
  readonly idleStopMs?: number;
  /** `ask` where it is left out. */
  readonly update?: UpdateWay;
  /** How long a newer version must have been known here. */
  readonly cooldownMs?: number;
  /** After a switch to other code: how long nothing of it runs by a standing permission; 0 for none. */
  readonly canaryMs?: number;
  readonly sandbox: StackSandbox | "none";
}

/** A form for the user; a text from the program's model; the folders that the program works in. */
export type Ask = "elicitation" | "sampling" | "roots";

/** Null: as the server says. */
export interface StackOAuth {
  /** The id of a client that the owner made at the issuer, and its secret as `secret:name`. */
  readonly client: string | null;
  readonly secret: string | null;
  /** The address of a client id metadata document. */
  readonly document: string | null;
  readonly issuer: string | null;
  readonly scopes: readonly string[] | null;
}

export interface StackSandbox {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly network: "none" | readonly string[];
  readonly memoryMb: number;
  readonly pidsMax: number;
}

export interface StackSkill {
  /** `npm:name@1.2.3`, `git+https://…#commit`, `path:./folder`. */
  readonly source: string;
  /** Within the source; null for its top. */
  readonly folder: string | null;
  /** The tree that the owner has read; null while it is unread. */
  readonly reviewed: Digest | null;
}

export interface StackModel {
  /** `gguf`: a file of the lock, run by Freehold itself. */
  readonly speaks: "openai-chat" | "anthropic-messages" | "gguf";
  /** Null for a file, and for the address of whoever made the protocol. */
  readonly url: string | null;
  /** Exact, as the provider names it; of a file its name in the lock. */
  readonly model: string;
  readonly place: "this-machine" | "my-network" | "cloud";
  readonly secret: string | null;
  readonly fallbackFor: readonly string[];
  /** Tokens of question and answer together; null where only the model itself can say. */
  readonly context: number | null;
  /** Tokens of one answer. */
  readonly maxOutput: number | null;
  /** The owner's own, before any price list. */
  readonly price: StackPrice | null;
}

/** USD for a million tokens. What is null costs as plain input. */
export interface StackPrice {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
}

export interface StackClient {
  /** What this program may be shown and may carry. */
  readonly compartments: readonly string[];
  readonly view: "direct" | "search" | "hybrid";
  /** In a hybrid view, the tools that are listed beside the search. */
  readonly direct: readonly string[];
  /** `short`: a tool's or prompt's own name, where it is the only one of that name. */
  readonly names: "full" | "short";
  /** How the program itself is told that a call waits, beside its answer; null: not at all. */
  readonly inform: "elicitation" | null;
  /** The `sub` of its access tokens; null for a client that comes with a token of its own alone. */
  readonly subject: string | null;
  /** The `client_id` of its access tokens; null for any. */
  readonly clientId: string | null;
  /** Models that it may ask through us; none by default. */
  readonly models: readonly string[];
  /** What it may spend on them in a day, in the owner's currency; null for what the whole stack may. */
  readonly budget: number | null;
}

export interface StackRemote {
  /** As clients write it, and as tokens are made out to where no audience is given. */
  readonly url: string;
  readonly issuer: string;
  readonly audience: string;
  /** Each is needed; none where it is empty. */
  readonly scopes: readonly string[];
}

export interface StackBudgets {
  readonly day: number | null;
  readonly month: number | null;
  readonly sessionTokens: number | null;
}

export interface StackLock {
  readonly version: 1;
  readonly servers: Readonly<Record<string, LockedServer>>;
  /** Left out where there are none. */
  readonly skills?: Readonly<Record<string, LockedSkill>>;
  readonly models?: Readonly<Record<string, LockedModel>>;
}

export interface LockedServer {
  /** As written in stack.yaml. */
  readonly source: string;
  readonly kind: "npm" | "path" | "remote" | "git" | "pypi" | "oci";
  readonly version: string | null;
  readonly integrity: string | null;
  readonly tree: LockedTree | null;
  /** Program and arguments before the owner's; paths relative to the tree. Empty for a remote. */
  readonly command: readonly string[];
  readonly surface: Surface;
  readonly surfaceRoot: Digest;
  /** Of git: the commit. */
  readonly commit?: string;
  /** Of PyPI: every wheel. */
  readonly wheels?: readonly LockedWheel[];
  /** Of a container image: its manifest, `sha256:…`. */
  readonly image?: string;
}

export interface LockedWheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: Digest;
}

export interface LockedSkill {
  /** As written in stack.yaml. */
  readonly source: string;
  readonly kind: "npm" | "git" | "path";
  /** Of npm. */
  readonly version: string | null;
  readonly integrity: string | null;
  /** Of git. */
  readonly commit: string | null;
  /** Over the files of the skill's folder, as for servers. */
  readonly tree: Digest;
}

export interface LockedModel {
  /** Where it came from; nothing depends on it, since the hash names the bytes. */
  readonly source: string;
  readonly sha256: Digest;
  readonly bytes: number;
}

export interface LockedTree {
  readonly hash: Digest;
  /** Sorted by path. */
  readonly packages: readonly LockedPackage[];
}

export interface LockedPackage {
  /** Within the tree: `node_modules/zod`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** `sha512-…` */
  readonly integrity: string;
}

export interface CardFile {
  readonly server: string;
  /** Keyed by full tool name, pseudo-tools included. */
  readonly cards: Readonly<Record<string, ToolCard>>;
}
