// What would change for the programs that connect, in plain sentences.

import { clientViewText, PLAIN_VIEW } from "./client-view.ts";
import { minus, pairs, type Change } from "./diff-parts.ts";
import { remoteClientText, type RemoteClient } from "./remote.ts";
import type { Stack } from "./types.ts";

const NOT_REMOTE: RemoteClient = { subject: null, clientId: null };

type Add = (kind: Change["kind"], what: string, wider: boolean) => void;

/** Another view shows a program no more than it could see before; compartments, models and money make it wider. */
export function diffClients(before: Stack["clients"], after: Stack["clients"], add: Add): void {
  for (const [name, was, is] of pairs(before, after)) {
    if (is === undefined) add("removed", `client ${name} may no longer connect`, false);
    if (was === undefined) add("added", `client ${name} may connect`, true);
    const shown = is?.compartments ?? [];
    const formerly = was?.compartments ?? [];
    for (const one of minus(shown, formerly)) add("changed", `client ${name} may now be shown ${one} data`, true);
    const view = clientViewText(is ?? PLAIN_VIEW);
    if (is !== undefined && view !== clientViewText(was ?? PLAIN_VIEW)) add("changed", `client ${name} ${view}`, false);
    const login = remoteClientText(is ?? NOT_REMOTE);
    if (is !== undefined && login !== remoteClientText(was ?? NOT_REMOTE)) {
      add("changed", `client ${name} ${login || "no longer comes from elsewhere"}`, login !== "");
    }
    const [models, budget] = [is?.models ?? [], is?.budget ?? null];
    for (const one of minus(models, was?.models ?? [])) add("changed", `client ${name} may now ask model ${one}`, true);
    for (const one of is === undefined ? [] : minus(was?.models ?? [], models)) {
      add("changed", `client ${name} may no longer ask model ${one}`, false);
    }
    const formerBudget = was?.budget ?? null;
    if (is !== undefined && budget !== formerBudget) {
      const isMore = (budget ?? Infinity) > (formerBudget ?? Infinity);
      add("changed", `client ${name} may spend ${budget ?? "what the whole stack may"} a day on models`, isMore);
    }
    for (const one of minus(formerly, shown)) {
      add("changed", `client ${name} may no longer be shown ${one} data`, false);
    }
  }
}
