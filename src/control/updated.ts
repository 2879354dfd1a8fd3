// Which servers came to run other code from one policy to the next, and whether that is all that differs.

import type { Policy } from "../manifest/index.ts";

/** Servers that were there before and have another tree. */
export function updatedServers(before: Policy, after: Policy): readonly string[] {
  return Object.entries(after.lock.servers).flatMap(([name, { tree }]) => {
    const was = Object.hasOwn(before.lock.servers, name) ? before.lock.servers[name] : undefined;
    const isOther = was !== undefined && was.tree !== null && tree !== null && was.tree.hash !== tree.hash;
    return isOther ? [name] : [];
  });
}

/** The one server whose source, lock and cards are all that differs; null where anything else does. */
export function updatedAlone(before: Policy, after: Policy): string | null {
  const [name, second] = updatedServers(before, after);
  if (name === undefined || second !== undefined) return null;
  return rest(before, name) === rest(after, name) ? name : null;
}

/** Everything but what an update of that server may change. */
function rest({ stack, lock, cards, rules }: Policy, name: string): string {
  const { [name]: declared, ...servers } = stack.servers;
  const { [name]: _locked, ...locked } = lock.servers;
  const others = [...cards].filter(([tool]) => !tool.startsWith(`${name}.`));
  const own = declared === undefined ? null : { ...declared, source: null };
  return JSON.stringify([{ ...stack, servers }, own, { ...lock, servers: locked }, others, rules]);
}
