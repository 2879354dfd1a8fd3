// The watch over servers with other code, with what the daemon has for it: the running servers and the door.

import { reasonOf } from "../kernel/index.ts";
import { watchCanaries, type CanaryWatch } from "../control/index.ts";
import { sayChange, type Effects } from "./effects.ts";
import type { DaemonState } from "./state.ts";

const ENDED = "ended: ";

export function canaryWatchOf(state: DaemonState, effects: Effects): CanaryWatch {
  const { store, clock, canaries, policyState, active } = state;
  const { upstreams, door } = effects;
  const onFault = (error: unknown): void => void process.stderr.write(`canary: ${reasonOf(error)}\n`);
  const watch = watchCanaries({
    store,
    clock,
    canaries,
    door,
    onFault,
    policy: policyState,
    pins: () => active().pins,
    start: (server) => upstreams.start(server),
    running: (server) => upstreams.running(server),
    heldBack: (server) => upstreams.heldBack(server),
    wake(run, everyMs) {
      const timer = setInterval(run, everyMs).unref();
      return () => clearInterval(timer);
    },
  });
  effects.onServerChange((server, text) => {
    sayChange(server, text);
    const hasEnded = text.startsWith(ENDED) ? text.slice(ENDED.length) : null;
    watch.noticed(server, { hasEnded }).catch(onFault);
  });
  return watch;
}
