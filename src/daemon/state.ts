// What the daemon keeps: the home and its lock, keys, secrets, store, and the policy in force.

import type { Clock, Random } from "../kernel/index.ts";
import { homePaths, lockHome, type HomePaths } from "../home/index.ts";
import { openSecrets, openSigner, type Secrets, type Signer } from "../secrets/index.ts";
import { goBackToOwnSchema, openStore, type Store } from "../store/index.ts";
import { buildAt, openGenerations } from "../supply/index.ts";
import { openCanaries, openPolicyState, type Canaries, type PolicyHistory } from "../control/index.ts";
import { activate, openHearing, withoutStanding, type ActivePolicy, type Hearing } from "../gateway/index.ts";
import { secretsInLogin } from "../mcp/index.ts";
import { OWN_CODE, OWN_ROOT } from "./follow-build.ts";
import { openRandom } from "./random.ts";

/** A sealed login is a text with tokens in it; each of them is a secret of its own. */
function withLoginTokens(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of values) {
    if (!name.startsWith("@")) all.set(name, value);
    else for (const [at, secret] of secretsInLogin(value).entries()) all.set(`${name}-${at}`, secret);
  }
  return all;
}

export interface DaemonState {
  readonly home: HomePaths;
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly secrets: Secrets;
  readonly hearing: Hearing;
  readonly store: Store;
  readonly policyState: PolicyHistory;
  readonly canaries: Canaries;
  readonly active: () => ActivePolicy;
  readonly close: () => void;
}

export function openState(homeDir: string): DaemonState {
  const home = homePaths(homeDir);
  const held = lockHome(home.dir);
  try {
    const clock = { nowMs: () => Date.now() };
    const random = openRandom();
    const signer = openSigner({ dir: home.stateDir });
    const hearing = openHearing(clock);
    const secrets = openSecrets({ dir: home.stateDir, learn: (values) => hearing.learn(withLoginTokens(values)) });
    const mask = (text: string): string => hearing.text(text);
    const { sign } = signer;
    const generations = openGenerations(home);
    const left = generations.pointer()?.how === "rollback" ? goBackToOwnSchema(home.database) : null;
    const store = openStore({ file: home.database, nowMs: clock.nowMs, randomBytes: random.bytes, sign, mask });
    const build = once(() => buildAt(OWN_ROOT, OWN_CODE, home.trees));
    const policyState = openPolicyState({ home, store, clock, generations, build, left });
    const canaries = openCanaries(store);
    let holding = { policy: policyState.current(), generation: policyState.generation() };
    const activated = (): ActivePolicy => {
      const watched = canaries.list().map(({ server }) => server);
      return activate(withoutStanding(holding.policy, watched));
    };
    let active = activated();
    canaries.onChange(() => (active = activated()));
    policyState.onApplied((policy) => {
      const before = holding;
      holding = { policy, generation: policyState.generation() };
      canaries.switched(before, holding);
      active = activated();
    });
    const close = (): void => {
      store.close();
      held.release();
    };
    const kept = { home, clock, random, signer, secrets, hearing, store, policyState, canaries };
    return { ...kept, active: () => active, close };
  } catch (error) {
    held.release();
    throw error;
  }
}

function once<T>(work: () => T): () => T {
  let done: { readonly value: T } | null = null;
  return () => (done ??= { value: work() }).value;
}
