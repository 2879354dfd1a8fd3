// The time after a switch to other code of a server: nothing of it runs by a standing permission, and at the first
// trouble the stack goes back by itself. Kept over restarts.

import { isObject, parseStrict, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { CANARY_DEFAULT_MS, type Policy } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import type { Generation } from "../supply/index.ts";
import { updatedAlone, updatedServers } from "./updated.ts";

export interface Canary {
  readonly server: string;
  /** What runs since the switch. */
  readonly source: string;
  readonly generation: number;
  /** Where it goes back to by itself; null where the switch changed more than this. */
  readonly back: number | null;
  readonly lengthMs: number;
  /** Counted from the moment when the new code was seen well; null before. */
  readonly untilMs: number | null;
  /** Reads that were asked of it again, and how many it answered. */
  readonly reads: readonly [answered: number, asked: number] | null;
  /** Why it could not be looked at yet, which says nothing of it. */
  readonly unseen: string | null;
  /** What was wrong, where it did not go back by itself: it stays in the owner's sight. */
  readonly trouble: string | null;
}

/** A policy with the generation in which it holds. */
export interface Held {
  readonly policy: Policy;
  readonly generation: Pick<Generation, "number" | "parent">;
}

export interface Canaries {
  list(): readonly Canary[];
  of(server: string): Canary | null;
  /** The servers that a switch gave other code; those that the switch took away, or gave other code again, end. */
  switched(from: Held, to: Held): readonly string[];
  put(canary: Canary): void;
  /** With an entry that says so. */
  end(server: string, how: "kept" | "left", facts: JsonObject): void;
  onChange(listener: () => void): void;
}

const KEY = "canaries";
const CANARIES_MAX = 100;

export function openCanaries(store: Store): Canaries {
  let all = stored(store.settings.get(KEY));
  const listeners: (() => void)[] = [];
  function save(next: readonly Canary[]): void {
    all = next.slice(-CANARIES_MAX);
    store.settings.set(KEY, JSON.stringify(all));
    for (const listener of listeners) listener();
  }
  const without = (server: string): readonly Canary[] => all.filter((one) => one.server !== server);
  return {
    list: () => all,
    of: (server) => all.find((one) => one.server === server) ?? null,
    switched({ policy: before, generation: former }, { policy: after, generation }) {
      const updated = updatedServers(before, after);
      const still = all.filter(({ server }) => Object.hasOwn(after.lock.servers, server) && !updated.includes(server));
      // Going back is no update: what ran before had its time.
      const isForward = generation.parent === former.number;
      const alone = updatedAlone(before, after);
      const begun = updated.flatMap((server): readonly Canary[] => {
        const lengthMs = after.stack.servers[server]?.canaryMs ?? CANARY_DEFAULT_MS;
        const source = after.lock.servers[server]?.source ?? "";
        if (lengthMs === 0 || !isForward) return [];
        const back = alone === server ? generation.parent : null;
        return [{ ...{ server, source, generation: generation.number, back, lengthMs }, ...UNSEEN }];
      });
      if (begun.length > 0 || still.length < all.length) save([...still, ...begun]);
      return begun.map(({ server }) => server);
    },
    put: (canary) => save([...without(canary.server), canary]),
    end(server, how, facts) {
      save(without(server));
      store.ledger.append({
        kind: "change",
        session: null,
        principal: "freehold",
        subject: "canary",
        request: null,
        facts: { server, how, ...facts },
      });
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

const UNSEEN = { untilMs: null, reads: null, unseen: null, trouble: null } as const;

function stored(text: string | null): readonly Canary[] {
  const parsed = parseStrict(text ?? "[]");
  const list: readonly unknown[] = parsed.kind === "value" && Array.isArray(parsed.value) ? parsed.value : [];
  return list.flatMap((item) => (isObject(item) ? (canaryIn(item) ?? []) : []));
}

function canaryIn(item: JsonObject): Canary | null {
  const [server, source] = [textAt(item, "server"), textAt(item, "source")];
  const { generation, back, lengthMs, untilMs, reads } = item;
  if (server === null || source === null || typeof generation !== "number" || typeof lengthMs !== "number") return null;
  const pair: readonly JsonValue[] = Array.isArray(reads) ? reads : [];
  const [answered, asked] = pair;
  return {
    ...{ server, source, generation, lengthMs },
    back: typeof back === "number" ? back : null,
    untilMs: typeof untilMs === "number" ? untilMs : null,
    reads: typeof answered === "number" && typeof asked === "number" ? [answered, asked] : null,
    unseen: textAt(item, "unseen"),
    trouble: textAt(item, "trouble"),
  };
}
