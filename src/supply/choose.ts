// Asks the registry which versions of a server there are, within a deadline, and picks the one to rehearse.

import { Fault, oneLine } from "../kernel/index.ts";
import { COOLDOWN_DEFAULT_MS, splitNpm, type LockedServer, type StackServer } from "../manifest/index.ts";
import { candidatesOf, listingOf, type Candidates } from "./candidates.ts";
import { noteSeen } from "./first-seen.ts";
import { openNpm, type NpmContext } from "./npm.ts";

const LIST_TIMEOUT_MS = 10_000;

export interface ChooseRequest extends NpmContext {
  readonly name: string;
  readonly stackServer: StackServer;
  readonly locked: LockedServer;
  readonly nowMs: number;
}

export type Choice =
  | { readonly kind: "known"; readonly candidates: Candidates; readonly firstSeen: ReadonlyMap<string, number> }
  /** A folder of the owner's is another version whenever it was edited. */
  | { readonly kind: "folder" }
  /** A repository: what its branch holds today is brought when it is rehearsed. */
  | { readonly kind: "git" }
  | { readonly kind: "remote" }
  | { readonly kind: "unknown"; readonly why: string };

/** Never later than its deadline and never a throw for want of a network. */
export async function chooseVersion(request: ChooseRequest): Promise<Choice> {
  const { stackServer, locked, nowMs, homePaths } = request;
  if (locked.kind === "git") return { kind: "git" };
  if (locked.kind !== "npm") return { kind: locked.kind === "path" ? "folder" : "remote" };
  const { name } = splitNpm(locked.source);
  try {
    const npm = await openNpm(request);
    const listing = listingOf(await npm.view(name, LIST_TIMEOUT_MS));
    const firstSeen = noteSeen(homePaths, { name, versions: listing.versions, times: listing.times }, nowMs);
    const cooldownMs = stackServer.cooldownMs ?? COOLDOWN_DEFAULT_MS;
    const candidates = candidatesOf({ current: locked.version ?? "", listing, firstSeen, cooldownMs, nowMs });
    return { kind: "known", candidates, firstSeen };
  } catch (error) {
    if (!(error instanceof Fault || error instanceof SyntaxError)) throw error;
    return { kind: "unknown", why: `the registry did not answer: ${oneLine(error.message, 300)}` };
  }
}
