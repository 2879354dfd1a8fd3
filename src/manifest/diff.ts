// What another policy would change, in plain sentences, each marked when it grants more than before.

import { Fault } from "../kernel/index.ts";
import { diffCaps } from "./caps.ts";
import { diffCards, diffRules } from "./diff-cards.ts";
import { diffClients } from "./diff-clients.ts";
import { diffRemote } from "./remote.ts";
import { diffLock, diffServers } from "./diff-servers.ts";
import { minus, pairs, same, type Change } from "./diff-parts.ts";
import { holdText, quietText } from "./holds.ts";
import { diffModels } from "./models.ts";
import { isPolicyFile, loadPolicy, STACK_FILE, type Policy, type PolicyFiles } from "./policy.ts";
import { diffLockedParts, diffSkills } from "./skills.ts";
import type { Stack } from "./types.ts";

const STARTING: PolicyFiles = { [STACK_FILE]: "version: 1\nowner: { name: nobody }\n" };

/** `after` must load; a `before` that no longer does (an older Freehold accepted it) is told file by file. */
export function diffPolicy(before: PolicyFiles | null, after: PolicyFiles): readonly Change[] {
  const next = loadPolicy(after);
  let last: Policy;
  try {
    last = loadPolicy(before ?? STARTING);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return diffTexts(before ?? {}, after, true);
  }
  const changes = [
    ...diffStack(last.stack, next.stack),
    ...diffServers(last.stack, next.stack),
    ...diffSkills(last.stack, next.stack),
    ...diffLock(last.lock, next.lock),
    ...diffLockedParts(last.lock, next.lock),
    ...diffCards(last.cards, next.cards),
    ...diffRules(last.rules, next.rules),
  ];
  const told = new Set(changes.map((change) => change.file));
  const silent = diffTexts(before ?? {}, after, false).filter((change) => !told.has(change.file));
  return [...changes, ...silent];
}

function diffTexts(before: PolicyFiles, after: PolicyFiles, wider: boolean): readonly Change[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(isPolicyFile).toSorted();
  return paths.flatMap((file): readonly Change[] => {
    if (before[file] === after[file]) return [];
    if (before[file] === undefined) return [{ kind: "added", file, what: `${file} is new`, wider }];
    if (after[file] === undefined) return [{ kind: "removed", file, what: `${file} is gone`, wider }];
    const what = wider ? `${file} is different` : `${file} says the same in another layout or with other comments`;
    return [{ kind: "changed", file, what, wider }];
  });
}

function diffStack(before: Stack, after: Stack): readonly Change[] {
  const file = STACK_FILE;
  const changes: Change[] = [];
  const add = (kind: Change["kind"], what: string, wider: boolean): void =>
    void changes.push({ kind, file, what, wider });
  if (!same(before.owner, after.owner)) {
    const { name, timezone, quiet, currency } = after.owner;
    const rest = quiet === null ? "" : `, quiet ${quietText(quiet)}`;
    add("changed", `the owner is ${name}, in ${timezone}${rest}, counting in ${currency.code}`, false);
  }
  for (const [name, was, is] of pairs(before.compartments, after.compartments)) {
    if (was === undefined) add("added", `compartment ${name} is new`, false);
    if (is === undefined) add("removed", `compartment ${name} is gone`, false);
    const [holdMs, formerHoldMs] = [is?.holdMs ?? 0, was?.holdMs ?? 0];
    if (is !== undefined && holdMs !== formerHoldMs) {
      add("changed", `allowed effects of ${name} are held: ${holdText(holdMs)}`, holdMs < formerHoldMs);
    }
    if (is !== undefined && is.reversible !== (was?.reversible ?? "ask")) {
      const isFree = is.reversible === "free";
      add("changed", `what a card of ${name} can undo ${isFree ? "runs without asking" : "asks again"}`, isFree);
    }
    const cleared = is === undefined ? [] : clearedModels(after, name);
    const formerly = was === undefined ? [] : clearedModels(before, name);
    for (const model of minus(cleared, formerly)) add("changed", `model ${model} may now read ${name} data`, true);
    for (const model of minus(formerly, cleared)) {
      if (is !== undefined) add("changed", `model ${model} may no longer read ${name} data`, false);
    }
  }
  changes.push(...diffModels(before, after));
  diffClients(before.clients, after.clients, add);
  for (const { kind, what, wider } of diffRemote(before.remote, after.remote)) add(kind, what, wider);
  for (const limit of ["day", "month", "sessionTokens"] as const) {
    const [was, is] = [before.budgets[limit], after.budgets[limit]];
    if (was === is) continue;
    const said = { day: "the budget of a day", month: "the budget of a month", sessionTokens: "tokens in a session" };
    add(
      "changed",
      `${said[limit]}: ${is ?? "no limit"} instead of ${was ?? "no limit"}`,
      (is ?? Infinity) > (was ?? Infinity),
    );
  }
  changes.push(...diffCaps(before.caps, after.caps, file));
  if (before.outline !== after.outline) {
    const isAsked = after.outline === "confirm";
    add("changed", `an outline holds ${isAsked ? "once you said yes to it" : "as it was heard"}`, !isAsked);
  }
  return changes;
}

/** Named models, or those on this machine where the compartment names none. */
function clearedModels(stack: Stack, compartment: string): readonly string[] {
  const named = stack.compartments[compartment]?.models ?? null;
  if (named !== null) return named;
  return Object.entries(stack.models).flatMap(([name, model]) => (model.place === "this-machine" ? [name] : []));
}
