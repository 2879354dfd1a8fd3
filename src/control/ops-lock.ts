// Whether the lock is kept to, in three directions: the files in the home, what runs, and what the sources give today.

import { Fault, type JsonObject } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import { LOCK_FILE, parseLock, parseStack, STACK_FILE, type LockedServer } from "../manifest/index.ts";
import { verifyTree, type Drift } from "../supply/index.ts";
import { materialRows, type LockRow } from "./lock-materials.ts";
import type { Operation } from "./operation.ts";
import type { ServerState } from "./ops-status.ts";
import type { PolicyState } from "./policy-state.ts";

export interface LockParts {
  readonly home: HomePaths;
  readonly policy: PolicyState;
  servers(): readonly ServerState[];
  upstreamDrift(locked: LockedServer): Promise<Drift>;
}

export function lockOperations(parts: LockParts): readonly Operation[] {
  return [
    {
      name: "lock.check",
      needsOwner: false,
      async run(input) {
        const materials = materialRows(parts);
        const of = (direction: LockRow["direction"]): readonly LockRow[] =>
          materials.filter((row) => row.direction === direction);
        const rows = [
          ...[...repoRows(parts), ...of("repo")],
          ...[...(await runningRows(parts)), ...of("running")],
          ...[...(await upstreamRows(parts, input)), ...of("upstream")],
        ];
        const plain = rows.map(({ direction, server, drift }) => ({ direction, server, ...drift }));
        return { rows: plain, drifts: rows.filter(({ drift }) => drift.kind === "drift").length };
      },
    },
  ];
}

/** What the owner's files say against what was accepted. */
function repoRows({ home, policy }: LockParts): readonly LockRow[] {
  const row = (server: string, kind: Drift["kind"], what: string): LockRow => ({
    direction: "repo",
    server,
    drift: { kind, what },
  });
  try {
    const files = readPolicyFiles(home.dir);
    const stack = parseStack(files[STACK_FILE] ?? "", STACK_FILE);
    const lock = parseLock(files[LOCK_FILE] ?? '{"version":1,"servers":{}}', LOCK_FILE);
    const held = policy.current().lock.servers;
    const names = [...new Set([...Object.keys(stack.servers), ...Object.keys(lock.servers), ...Object.keys(held)])];
    return names.toSorted().map((name) => {
      const [declared, locked, accepted] = [stack.servers[name], lock.servers[name], held[name]];
      if (locked === undefined) return row(name, "drift", "it is in no stack.lock");
      if (declared === undefined) return row(name, "drift", "it is locked, and stack.yaml does not declare it");
      if (declared.source !== null && declared.source !== locked.source) {
        return row(name, "drift", `stack.yaml says ${declared.source}, stack.lock ${locked.source}`);
      }
      if (accepted === undefined || JSON.stringify(accepted) !== JSON.stringify(locked)) {
        return row(name, "drift", "stack.lock differs from what was applied: freehold plan");
      }
      return row(name, "same", locked.version ?? "as applied");
    });
  } catch (error) {
    if (error instanceof Fault) return [row("", "drift", error.line())];
    throw error;
  }
}

async function runningRows(parts: LockParts): Promise<readonly LockRow[]> {
  const { home, policy } = parts;
  const states = new Map(parts.servers().map((state) => [state.name, state]));
  const rows: LockRow[] = [];
  for (const [name, locked] of Object.entries(policy.current().lock.servers)) {
    rows.push({
      direction: "running",
      server: name,
      drift: await diskDrift(home, name, { locked, state: states.get(name) }),
    });
  }
  return rows;
}

async function diskDrift(
  home: HomePaths,
  name: string,
  { locked, state }: { readonly locked: LockedServer; readonly state: ServerState | undefined },
): Promise<Drift> {
  if (state?.state === "held-back") return { kind: "drift", what: state.why ?? "it serves something else" };
  try {
    await verifyTree({ name, locked, homePaths: home });
  } catch (error) {
    if (error instanceof Fault) return { kind: "drift", what: error.message };
    throw error;
  }
  const running = state?.state === "running" ? "runs and serves what is locked" : "not running";
  if (locked.tree === null) return { kind: "same", what: `${running}; its program is not on this machine` };
  return { kind: "same", what: `every file on disk is as locked; ${running}` };
}

async function upstreamRows(parts: LockParts, input: JsonObject): Promise<readonly LockRow[]> {
  const servers = Object.entries(parts.policy.current().lock.servers);
  const isOffline = input["offline"] === true;
  const ask = async (locked: LockedServer): Promise<Drift> =>
    isOffline ? { kind: "unknown", what: "not asked" } : parts.upstreamDrift(locked);
  const rows: LockRow[] = [];
  // One after the other: each is a program of its own, with a deadline.
  for (const [server, locked] of servers) rows.push({ direction: "upstream", server, drift: await ask(locked) });
  return rows;
}
