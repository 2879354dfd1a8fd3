// Changes in servers, as declared in the stack and as locked.

import { pinOf, type JsonObject } from "../kernel/index.ts";
import { minus, pairs, same, type Change } from "./diff-parts.ts";
import { holdText } from "./holds.ts";
import { diffOAuth, NO_OAUTH } from "./oauth.ts";
import { LOCK_FILE, STACK_FILE } from "./policy.ts";
import { CANARY_DEFAULT_MS, COOLDOWN_DEFAULT_MS, cooldownText } from "./updates.ts";
import type { Ask, LockedServer, Stack, StackLock, StackSandbox, StackServer } from "./types.ts";

type Add = (kind: Change["kind"], what: string, wider: boolean) => void;

interface Pair<T> {
  readonly server: string;
  readonly was: T;
  readonly is: T;
}

export function diffServers(before: Stack, after: Stack): readonly Change[] {
  const changes: Change[] = [];
  const add: Add = (kind, what, wider) => void changes.push({ kind, file: STACK_FILE, what, wider });
  for (const [name, was, is] of pairs(before.servers, after.servers)) {
    const server = `server ${name}`;
    if (is === undefined) {
      add("removed", `${server} is gone`, false);
      continue;
    }
    if (was === undefined) add("added", `${server} is new: ${originOf(is)}, in compartment ${is.compartment}`, true);
    else diffDeclared({ server, was, is }, add);
    diffAsks({ server, was: was?.asks ?? [], is: is.asks }, add);
    for (const { kind, what, wider } of diffOAuth(server, was?.oauth ?? NO_OAUTH, is.oauth ?? NO_OAUTH))
      add(kind, what, wider);
    diffSecrets({ server, was: was?.secrets ?? {}, is: is.secrets }, add);
    diffWalls({ server, was: was?.sandbox ?? CLOSED, is: is.sandbox }, add);
  }
  return changes;
}

const ASKED: Readonly<Record<Ask, string>> = {
  elicitation: "input by a form of its own",
  sampling: "texts from the program's model",
  roots: "the folders that the program works in",
};
const CLOSED: StackSandbox = { read: [], write: [], network: "none", memoryMb: Infinity, pidsMax: Infinity };

function originOf(server: StackServer): string {
  return server.source ?? `connector ${server.connector}`;
}

function diffDeclared({ server, was, is }: Pair<StackServer>, add: Add): void {
  if (originOf(was) !== originOf(is))
    add("changed", `${server} is now ${originOf(is)} instead of ${originOf(was)}`, true);
  if (was.compartment !== is.compartment) {
    add("changed", `${server} now belongs to ${is.compartment} instead of ${was.compartment}`, true);
  }
  if (!same(was.args, is.args))
    add("changed", `${server} now starts with: ${is.args.join(" ") || "no arguments"}`, true);
  if (!same(was.env, is.env)) {
    add("changed", `${server} now gets the environment ${Object.keys(is.env).join(", ") || "of nobody"}`, true);
  }
  if (was.idleStopMs !== is.idleStopMs) {
    const span = is.idleStopMs === undefined ? "the usual time" : holdText(is.idleStopMs);
    add(
      "changed",
      `${server} ${is.idleStopMs === 0 ? "is never stopped when unused" : `is stopped after ${span} unused`}`,
      false,
    );
  }
  diffUpdate({ server, was, is }, add);
  if (!same(was.account, is.account)) add("changed", `${server} now uses another account`, true);
}

function diffUpdate({ server, was, is }: Pair<StackServer>, add: Add): void {
  const [before, after] = [was.update ?? "ask", is.update ?? "ask"];
  const says = {
    ask: "asks before each update",
    ship: "takes over harmless updates unasked",
    never: "is never updated",
  };
  if (before !== after) add("changed", `${server} ${says[after]}`, after === "ship");
  const [former, present] = [was.cooldownMs ?? COOLDOWN_DEFAULT_MS, is.cooldownMs ?? COOLDOWN_DEFAULT_MS];
  if (former !== present) {
    add("changed", `a version of ${server} must have been known for: ${cooldownText(present)}`, present < former);
  }
  const [long, now] = [was.canaryMs ?? CANARY_DEFAULT_MS, is.canaryMs ?? CANARY_DEFAULT_MS];
  if (long !== now) add("changed", `after an update ${server} is watched for: ${holdText(now)}`, now < long);
}

function diffAsks({ server, was, is }: Pair<StackServer["asks"]>, add: Add): void {
  for (const ask of minus(is, was)) add("changed", `${server} may ask for ${ASKED[ask]}`, true);
  for (const ask of minus(was, is)) add("changed", `${server} may no longer ask for ${ASKED[ask]}`, false);
}

function diffSecrets({ server, was, is }: Pair<StackServer["secrets"]>, add: Add): void {
  for (const [name, before, after] of pairs(was, is)) {
    if (before === after) continue;
    if (after === undefined) add("changed", `${server} no longer gets ${before} as ${name}`, false);
    else add("changed", `${server} now gets ${after} as ${name}`, true);
  }
}

function diffWalls({ server, was, is }: Pair<StackSandbox | "none">, add: Add): void {
  if (is === "none") {
    if (was !== "none") add("changed", `${server} runs without a sandbox: it can do whatever you can`, true);
    return;
  }
  if (was === "none") add("changed", `${server} runs in a sandbox again`, false);
  const former = was === "none" ? is : was;
  for (const way of ["read", "write"] as const) {
    for (const folder of minus(is[way], former[way])) add("changed", `${server} may now ${way} ${folder}`, true);
    for (const folder of minus(former[way], is[way])) add("changed", `${server} may no longer ${way} ${folder}`, false);
  }
  const hosts = (sandbox: StackSandbox): readonly string[] => (sandbox.network === "none" ? [] : sandbox.network);
  for (const host of minus(hosts(is), hosts(former))) add("changed", `${server} may now connect to ${host}`, true);
  for (const host of minus(hosts(former), hosts(is)))
    add("changed", `${server} may no longer connect to ${host}`, false);
  if (is.memoryMb !== former.memoryMb && Number.isFinite(former.memoryMb)) {
    add("changed", `${server} may use ${is.memoryMb} MB of memory`, is.memoryMb > former.memoryMb);
  }
  if (is.pidsMax !== former.pidsMax && Number.isFinite(former.pidsMax)) {
    add("changed", `${server} may start ${is.pidsMax} processes`, is.pidsMax > former.pidsMax);
  }
}

export function diffLock(before: StackLock, after: StackLock): readonly Change[] {
  const changes: Change[] = [];
  const add: Add = (kind, what, wider) => void changes.push({ kind, file: LOCK_FILE, what, wider });
  for (const [name, was, is] of pairs(before.servers, after.servers)) {
    if (is === undefined) add("removed", `server ${name} is no longer installed`, false);
    else if (was === undefined) {
      const packages = is.tree === null ? "" : `, ${is.tree.packages.length} packages`;
      add(
        "added",
        `server ${name} is locked at ${is.version ?? is.source}${packages}, ${is.surface.tools.length} tools`,
        true,
      );
    } else diffLocked({ server: name, was, is }, add);
  }
  return changes;
}

function diffLocked({ server: name, was, is }: Pair<LockedServer>, add: Add): void {
  const server = `server ${name}`;
  if (was.version !== is.version) add("changed", `${server} is ${is.version} instead of ${was.version}`, true);
  if (!same(was.command, is.command)) add("changed", `${server} is started by ${is.command.join(" ")}`, true);
  if (!same([was.integrity, was.tree?.hash], [is.integrity, is.tree?.hash])) {
    add("changed", `${server} is other code: ${packagesText(was, is)}`, true);
  }
  const definitions = (locked: LockedServer): Readonly<Record<string, string>> =>
    Object.fromEntries(locked.surface.tools.map((tool) => [nameOf(tool), pinOf(tool)]));
  for (const [tool, before, after] of pairs(definitions(was), definitions(is))) {
    if (before === undefined) add("changed", `${name}.${tool} is a new tool`, true);
    else if (after === undefined) add("changed", `${name}.${tool} is gone`, false);
    else if (before !== after) add("changed", `${name}.${tool} is described otherwise`, true);
  }
  const other = { ...was.surface, tools: [] };
  if (!same(other, { ...is.surface, tools: [] }))
    add("changed", `${server} offers other texts, prompts or resources`, true);
}

function packagesText(was: LockedServer, is: LockedServer): string {
  const packages = (locked: LockedServer): Readonly<Record<string, string>> =>
    Object.fromEntries((locked.tree?.packages ?? []).map((one) => [one.path, one.integrity]));
  let [added, removed, changed] = [0, 0, 0];
  for (const [, before, after] of pairs(packages(was), packages(is))) {
    if (before === undefined) added += 1;
    else if (after === undefined) removed += 1;
    else if (before !== after) changed += 1;
  }
  return `${added} packages added, ${removed} removed, ${changed} changed`;
}

function nameOf(definition: JsonObject): string {
  return typeof definition["name"] === "string" ? definition["name"] : "";
}
