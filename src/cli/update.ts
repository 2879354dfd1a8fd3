// freehold update [NAME[@VERSION]]: what is newer; or the rehearsal of one, its verdict, and the decision on it.

import { Fault, revealJson, type JsonObject } from "../kernel/index.ts";
import { findingsIn, readFacts } from "./findings.ts";
import { hasFlag, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { flagIn, lineIn, maybeTextIn, objectIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";
import { listText, updateText } from "./update-text.ts";

const HUNK_LINES_MAX = 60;
const REASON_TRIES = 3;
const REASON_MIN = 8;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const [named] = given.args;
  if (named === "freehold") return (await import("./update-freehold.ts")).updateFreehold(shell, given);
  if (named !== undefined) {
    const [, name = named, version = null] = /^([^@]+)@(.+)$/.exec(named) ?? [];
    if (hasFlag(given, "keep")) return keep(shell, name);
    return updateOne(shell, { name, version, isOverride: hasFlag(given, "override"), isFull: hasFlag(given, "full") });
  }
  const control = await shell.control();
  const servers = objectsIn(await control.call("update.list", {}), "servers");
  const picked = servers.filter((server) => maybeTextIn(server, "pick") !== null);
  const listed: Outcome = { json: { servers }, text: listText(shell, servers), exit: picked.length > 0 ? 2 : 0 };
  const shipping = picked.filter((server) => textIn(server, "update") === "ship");
  if (hasFlag(given, "check") || shipping.length === 0 || (await shell.terminal()) === null) return listed;
  shell.say(listText(shell, servers).join("\n"));
  const done: JsonObject[] = [];
  for (const server of shipping) {
    const options = { name: textIn(server, "name"), version: null, isOverride: false, isFull: false };
    const outcome = await updateOne(shell, options);
    shell.say(typeof outcome.text === "string" ? outcome.text : outcome.text.join("\n"));
    done.push(outcome.json ?? {});
  }
  return { json: { servers, done }, text: "" };
}

/** The owner has seen enough of it. */
async function keep(shell: Shell, name: string): Promise<Outcome> {
  const reply = await callAsOwner(shell, { op: "update.keep", input: { name } });
  return { json: reply, text: `${name} is kept: your standing permissions hold for it again.` };
}

interface Wanted {
  readonly name: string;
  readonly version: string | null;
  readonly isOverride: boolean;
  readonly isFull: boolean;
}

async function updateOne(shell: Shell, wanted: Wanted): Promise<Outcome> {
  const { name, version, isOverride, isFull } = wanted;
  const terminal = await shell.needTerminal("an update is decided on");
  await proveOwner(shell);
  const onEvent = (event: JsonObject): void => shell.say(shell.paint("dim", `  ${lineIn(event, "progress", 200)}`));
  const input = { name, ...(version === null ? {} : { version }) };
  const reply = await callAsOwner(shell, { op: "update.rehearse", input, onEvent });
  const verdict = textIn(reply, "verdict");
  terminal.write(`${updateText(shell, reply).join("\n")}\n\n`);
  if (verdict === "skim" || isFull) terminal.write(`${hunksText(shell, reply, isFull).join("\n")}\n`);
  if (flagIn(reply, "isSame")) {
    return { json: { ...reply, applied: false }, text: `${name} is as new as it gets: nothing differs.` };
  }
  const decision = await decide(terminal, { reply, verdict, isOverride });
  if (decision === null) {
    const text = `Nothing changed. The verdict is kept: ${lineIn(reply, "file", 200)}`;
    return { json: { ...reply, applied: false }, text, exit: 2 };
  }
  return takeOver(shell, terminal, { reply, decision: { name, ...decision } });
}

interface Deciding {
  readonly reply: JsonObject;
  readonly verdict: string;
  readonly isOverride: boolean;
}

/** What is sent with the yes; null for a no. One key for what ships, a reason for what is to be audited. */
async function decide(terminal: Terminal, { reply, verdict, isOverride }: Deciding): Promise<JsonObject | null> {
  switch (verdict) {
    case "ship":
      if (textIn(reply, "update") === "ship") return {};
      return (await terminal.key("a: accept and switch, n: not now ", "an")) === "a" ? {} : null;
    case "skim":
      return (await terminal.key("Read? a: accept and switch, n: not now ", "an")) === "a" ? {} : null;
    case "audit":
      return askReason(terminal, "This is to be audited. Why is it fine? (nothing: not now) ", {});
    default:
      if (isOverride)
        return askReason(terminal, "It is blocked. Why take it all the same? (nothing: not now) ", { override: true });
      terminal.write(
        "It is blocked, and nothing changes. With --override and a reason you can take it all the same.\n",
      );
      return null;
  }
}

async function askReason(terminal: Terminal, prompt: string, more: JsonObject): Promise<JsonObject | null> {
  for (let round = 0; round < REASON_TRIES; round += 1) {
    const reason = (await terminal.ask(prompt)).trim();
    if (reason === "") return null;
    if (reason.length >= REASON_MIN) return { ...more, reason };
    terminal.write("A reason that you will understand in a year, please.\n");
  }
  return null;
}

async function takeOver(
  shell: Shell,
  terminal: Terminal,
  { reply, decision }: { readonly reply: JsonObject; readonly decision: JsonObject },
): Promise<Outcome> {
  const proposal = await callAsOwner(shell, { op: "update.accept", input: decision });
  const digest = maybeTextIn(proposal, "digest");
  if (digest === null) throw new Fault("update.nothing", { message: "the update would change nothing." });
  const read = await readFacts(shell, terminal, findingsIn(proposal));
  if (read === null) {
    return { json: { ...reply, applied: false, digest }, text: "It stays proposed. Next: freehold apply", exit: 2 };
  }
  await callAsOwner(shell, { op: "apply", input: { digest, ...(read.length === 0 ? {} : { read }) } });
  const to = objectIn(reply, "to");
  const version = maybeTextIn(to, "version") === null ? "the new one" : lineIn(to, "version", 40);
  return {
    json: { ...reply, applied: true, digest },
    text: `${lineIn(reply, "server", 60)} is ${version} now. Back: freehold rollback`,
  };
}

function hunksText(shell: Shell, reply: JsonObject, isFull: boolean): readonly string[] {
  const lines = (maybeTextIn(reply, "hunks") ?? "").split("\n").map((line) => revealJson(line));
  const shown = isFull ? lines : lines.slice(0, HUNK_LINES_MAX);
  const painted = shown.map((line) => {
    if (/^(?:---|\+\+\+)/.test(line)) return shell.paint("bold", line);
    return line.startsWith("+") ? shell.paint("green", line) : line.startsWith("-") ? shell.paint("red", line) : line;
  });
  const rest = lines.length - shown.length;
  return rest === 0 ? painted : [...painted, shell.paint("dim", `… ${rest} more lines: add --full`)];
}
