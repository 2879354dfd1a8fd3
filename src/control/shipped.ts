// What may be applied while the owner is away, by the `update: ship` that they applied: other code of one server.

import { Fault, textAt, type Digest } from "../kernel/index.ts";
import { splitNpm, type LockedServer, type Policy } from "../manifest/index.ts";
import type { Rehearsal } from "../supply/index.ts";
import { updatedAlone } from "./updated.ts";

export interface Shipped {
  /** Of the proposal. */
  readonly digest: Digest;
  readonly server: string;
  readonly verdict: Rehearsal["judged"]["verdict"];
  /** Hashes of the trees that were rehearsed side by side. */
  readonly before: Digest | null;
  readonly after: Digest | null;
}

/** Throws Fault `ship.refused` with the first thing that is more than that. */
export function requireShipped(now: Policy, next: Policy, { server, verdict, before, after }: Shipped): void {
  const was = Object.hasOwn(now.lock.servers, server) ? now.lock.servers[server] : undefined;
  const is = Object.hasOwn(next.lock.servers, server) ? next.lock.servers[server] : undefined;
  const why =
    verdict !== "ship"
      ? `its verdict is ${verdict}`
      : now.stack.servers[server]?.update !== "ship"
        ? "the stack in force does not say update: ship"
        : was === undefined || is === undefined || was.tree?.hash !== before || is.tree?.hash !== after
          ? "it is not what was rehearsed"
          : updatedAlone(now, next) !== server
            ? "more than its code would change"
            : (otherOffer(was, is) ?? otherCards(now, next, server));
  if (why === null) return;
  throw new Fault("ship.refused", {
    message: `the update of ${server} waits for you: ${why}.`,
    next: `freehold update ${server}`,
  });
}

function otherOffer(was: LockedServer, is: LockedServer): string | null {
  const package_ = ({ source }: LockedServer): string => splitNpm(source).name;
  if (was.kind !== "npm" || is.kind !== "npm" || package_(was) !== package_(is)) return "it is another package";
  const names = ({ surface }: LockedServer): string =>
    JSON.stringify(surface.tools.map((tool) => textAt(tool, "name") ?? "").toSorted((a, b) => (a < b ? -1 : 1)));
  return names(was) === names(is) ? null : "it offers other tools";
}

/** The hash of a definition may change with its notation; what the owner said of a tool may not. */
function otherCards(now: Policy, next: Policy, server: string): string | null {
  const said = ({ cards }: Policy): string =>
    JSON.stringify(
      [...cards.values()]
        .filter(({ tool }) => tool.startsWith(`${server}.`))
        .map(({ pin: _pin, ...card }) => card)
        .toSorted((a, b) => (a.tool < b.tool ? -1 : 1)),
    );
  return said(now) === said(next) ? null : "its cards would change";
}
