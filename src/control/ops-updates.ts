// Updates of servers, as the owner decides on them: which there are, the rehearsal of one, and the yes to it.

import { commitHome } from "../home/index.ts";
import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import {
  contractsFrom,
  formatContracts,
  rehearsalFacts,
  type Choice,
  type Decided,
  type Rehearsal,
} from "../supply/index.ts";
import { maybeObject, maybeText, text, texts } from "./input.ts";
import type { Operation } from "./operation.ts";
import { planned } from "./ops-stack.ts";
import { forget, notice, openUpdates } from "./ship-updates.ts";
import {
  barredOf,
  contractsPath,
  pickOf,
  propose,
  rehearseServer,
  requireTakeable,
  serverOf,
  writeInHome,
  type ExtraCall,
  type Rehearsed,
  type UpdateParts,
} from "./updates.ts";

type Kept = Map<string, Rehearsed>;

/** What is told of a rehearsal's text on a screen is bounded. */
const HUNKS_SHOWN_MAX = 30_000;
const NEWER_MAX = 20;
const REASON_MIN = 8;
const REASON_MAX = 500;
const EXEMPT_MS = 90 * 86_400_000;

export function updateOperations(parts: UpdateParts): readonly Operation[] {
  // One for each server; a restart forgets them, and the rehearsal is made again.
  const rehearsed: Kept = new Map();
  return [
    { name: "update.list", needsOwner: false, run: (input) => list(parts, texts(input, "names")) },
    {
      name: "update.rehearse",
      needsOwner: true,
      run: (input, { emit }) => rehearseOne(parts, rehearsed, { input, emit }),
    },
    { name: "update.accept", needsOwner: true, run: async (input) => accept(parts, rehearsed, input) },
    { name: "contracts.record", needsOwner: true, run: (input) => record(parts, input) },
  ];
}

async function list(parts: UpdateParts, names: readonly string[]): Promise<JsonObject> {
  const { lock } = parts.policy.current();
  const wanted = names.length > 0 ? names : Object.keys(lock.servers);
  const servers = await Promise.all(
    wanted.map(async (name): Promise<JsonObject> => {
      const server = serverOf(parts, name);
      const choice = await parts.updates.choose(server);
      const { update = "ask" } = server.stackServer;
      const barred = barredOf(parts, server);
      return { name, current: server.locked.version, update, ...choiceOf(choice, barred) };
    }),
  );
  for (const server of servers) tell(parts, server);
  return { servers };
}

/** What the status says until the next look. */
function tell(parts: UpdateParts, { name, kind, pick }: JsonObject): void {
  if (typeof name !== "string" || kind !== "known") return;
  if (typeof pick !== "string") return forget(parts, name);
  const known = openUpdates(parts).find(({ server, version }) => server === name && version === pick);
  if (known === undefined) notice(parts, name, { version: pick, says: "not rehearsed" });
}

function choiceOf(choice: Choice, barred: ReadonlySet<string>): JsonObject {
  switch (choice.kind) {
    case "known": {
      const { newer, note } = choice.candidates;
      const shown = newer.slice(0, NEWER_MAX).map((one) => ({ ...one, isBarred: barred.has(one.version) }));
      return { kind: "known", newer: shown, pick: pickOf(choice, barred), note };
    }
    case "unknown":
      return { kind: "unknown", why: choice.why };
    case "folder":
    case "git":
    case "remote":
      return { kind: choice.kind };
  }
}

interface Asked {
  readonly input: JsonObject;
  readonly emit: (event: JsonObject) => void;
}

async function rehearseOne(parts: UpdateParts, rehearsed: Kept, { input, emit }: Asked): Promise<JsonObject> {
  const name = text(input, "name");
  const progress = (step: string): void => emit({ progress: step });
  const done = await rehearseServer(parts, { name, version: maybeText(input, "version"), progress });
  rehearsed.set(name, done);
  const { version } = done.rehearsal.after;
  if (version !== done.rehearsal.before.version) {
    notice(parts, name, { version, says: done.rehearsal.judged.verdict });
  }
  const { rehearsal, file } = done;
  const isSame = rehearsal.before.tree?.hash === rehearsal.after.tree?.hash;
  const { update = "ask" } = serverOf(parts, name).stackServer;
  return {
    ...rehearsalFacts(rehearsal),
    isSame,
    update,
    file,
    hunks: rehearsal.tree.hunks.slice(0, HUNKS_SHOWN_MAX),
  };
}

function accept(parts: UpdateParts, rehearsed: Kept, input: JsonObject): JsonObject {
  const name = text(input, "name");
  const { rehearsal: known, at = "" } = rehearsed.get(name) ?? {};
  const rehearsal = requireTakeable(parts, serverOf(parts, name), known);
  const decided = decisionOn(rehearsal, { input, nowMs: parts.clock.nowMs() });
  return planned(propose(parts, { rehearsal, at }, { decided, by: "owner" }));
}

/** Throws Fault `update.blocked` or `update.reason`. */
function decisionOn(
  { name, judged }: Rehearsal,
  { input, nowMs }: { readonly input: JsonObject; readonly nowMs: number },
): Decided {
  const reason = maybeText(input, "reason")?.trim() ?? "";
  const isOverride = input["override"] === true;
  const at = new Date(nowMs).toISOString();
  const { verdict, reasons } = judged;
  if (verdict === "block" && !isOverride) {
    throw new Fault("update.blocked", {
      message: `this version of ${name} is blocked: ${oneLine(reasons[0]?.says ?? "", 300)}.`,
      next: `stay with the one in use; or freehold update ${name} --override, with a reason that is kept`,
    });
  }
  if ((verdict === "block" || verdict === "audit") && (reason.length < REASON_MIN || reason.length > REASON_MAX)) {
    throw new Fault("update.reason", {
      message: `taking over what is to be audited needs your reason, of ${REASON_MIN} to ${REASON_MAX} characters.`,
    });
  }
  const shown = reason === "" ? null : oneLine(reason, REASON_MAX);
  if (verdict !== "block") return { kind: "accepted", at, reason: shown, until: null };
  return { kind: "overridden", at, reason: shown, until: new Date(nowMs + EXEMPT_MS).toISOString().slice(0, 10) };
}

async function record(parts: UpdateParts, input: JsonObject): Promise<JsonObject> {
  const name = text(input, "name");
  const server = serverOf(parts, name);
  const tool = maybeText(input, "tool");
  const args = maybeObject(input, "args") ?? {};
  const picked = new Set(server.contracts?.calls.flatMap(({ label, isPicked }) => (isPicked ? [label] : [])));
  const more: ExtraCall[] = [];
  if (tool !== null) {
    const label = `${oneLine(tool, 120)} ${oneLine(JSON.stringify(args), 200)}`;
    more.push({ label, tool, args, isRead: true });
    picked.add(label);
  }
  const calls = contractsFrom(await parts.updates.record(server, more), picked);
  if (calls.length === 0) {
    throw new Fault("contracts.none", { message: `no tool of ${name} that only reads answered on samples.` });
  }
  const path = contractsPath(name);
  writeInHome(parts, path, formatContracts({ version: 1, server: name, source: server.locked.source, calls }));
  commitHome(parts.home.dir, { message: `Record ${calls.length} calls of ${name}`.slice(0, 72), paths: [path] });
  return {
    file: path,
    calls: calls.map(({ label, match, isPicked, answer }) => ({ label, match, isPicked, kind: answer.kind })),
  };
}
