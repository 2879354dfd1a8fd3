// What goes on after updates and between them: the watch over other code, the daily look, the skills in the home.

import type { CanaryWatch } from "../control/index.ts";
import { canaryWatchOf } from "./canary.ts";
import type { Effects } from "./effects.ts";
import { shipRunOf } from "./ship.ts";
import { keepSkillsAsLocked } from "./skills.ts";
import type { DaemonState } from "./state.ts";

export type UpdateWatch = Pick<CanaryWatch, "look" | "close">;

export function watchUpdates(
  state: DaemonState,
  effects: Effects,
  options: { readonly isOwnUser: boolean },
): UpdateWatch {
  const [watch, shipping] = [canaryWatchOf(state, effects), shipRunOf(state, effects, options)];
  keepSkillsAsLocked(state);
  return {
    look: (server) => watch.look(server),
    close() {
      watch.close();
      shipping.close();
    },
  };
}
