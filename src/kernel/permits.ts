// The single-use object that the door issues for one call. Only gateway/send.ts spends it.
// Invariant: spend() answers true once, for the very bytes the permit was issued for.

import { sha256, type Digest } from "./json.ts";

export interface Permit {
  readonly id: string;
  readonly request: string;
  readonly server: string;
  readonly method: string;
  /** SHA-256 of the canonical parameters that may be sent. */
  readonly digest: Digest;
  spend(canonicalParams: string): boolean;
}

export type PermitTerms = Omit<Permit, "digest" | "spend"> & { readonly canonicalParams: string };

export function issuePermit({ canonicalParams, ...terms }: PermitTerms): Permit {
  const digest = sha256(canonicalParams);
  let isSpent = false;
  return Object.freeze({
    ...terms,
    digest,
    spend(params: string): boolean {
      if (isSpent || sha256(params) !== digest) return false;
      isSpent = true;
      return true;
    },
  });
}
