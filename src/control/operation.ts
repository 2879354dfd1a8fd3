// What an owner operation is. Each is defined once; the CLI reaches it over the socket, the console in process.

import type { JsonObject } from "../kernel/index.ts";
import type { OwnerSession } from "./owner-auth.ts";

export { requireOwner } from "./owner-auth.ts";

export interface OperationContext {
  /** The owner session of this connection, which may have run out: `requireOwner` passes only a live one. */
  readonly owner: OwnerSession | null;
  /** Sends something before the answer, such as progress or the next ledger entry. */
  readonly emit: (event: JsonObject) => void;
  /** Fires when the caller is gone. */
  readonly signal: AbortSignal;
}

export interface Operation {
  readonly name: string;
  /** Refused with `owner.needed` before it runs. */
  readonly needsOwner: boolean;
  readonly run: (input: JsonObject, context: OperationContext) => Promise<JsonObject>;
}
