// freehold adopt: the MCP servers that other programs start today, pinned, sandboxed and behind the door.

import { connectClient, planAdopt, shimOf, type Adopted, type AdoptPlan, type ClientConfig } from "../control/local.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { addedText, addServer } from "./add.ts";
import {
  launcher,
  lookForClients,
  offerEdit,
  offerToSeal,
  places,
  undoAll,
  type FoundClients,
} from "./client-files.ts";
import { outsideText } from "./connect.ts";
import { hasFlag, textOption, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import { lineIn, objectsIn, safeLine, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, indent, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const client = textOption(given, "client");
  if (hasFlag(given, "undo")) return undo(shell, client);
  const found = lookForClients(shell, client);
  const plan = planAdopt({ found: found.servers, homeDir: places(shell).homeDir, taken: await taken(shell) });
  const text = planText(shell, found, plan);
  if (hasFlag(given, "dryRun") || plan.adopted.length === 0) {
    return { json: planJson(found, plan), text, exit: plan.adopted.length === 0 ? 0 : 2 };
  }
  const terminal = await shell.needTerminal("servers are adopted");
  terminal.write(`${text.join("\n")}\n\n`);
  const chosen = await choose(terminal, plan.adopted);
  if (chosen.length === 0) return { json: planJson(found, plan), text: "Nothing was adopted.", exit: 2 };
  await proveOwner(shell);
  return adopt(shell, terminal, { found, chosen, compartment: textOption(given, "compartment") });
}

/** Names in the stack; none while no daemon runs, so that --dry-run needs none. */
async function taken(shell: Shell): Promise<readonly string[]> {
  try {
    const control = await shell.control();
    return objectsIn(await control.call("status", {}), "servers").map((server) => textIn(server, "name"));
  } catch (error) {
    if (error instanceof Fault && error.code === "control.not-running") return [];
    throw error;
  }
}

async function undo(shell: Shell, client: string | null): Promise<Outcome> {
  const undone = await undoAll(shell, client);
  if (undone.length === 0) return { json: { undone }, text: "Freehold has changed no file of another program." };
  const lines = undone.map((each) => `${lineIn(each, "file", 200)}: ${lineIn(each, "how", 20)}`);
  return { json: { undone }, text: [...lines, "The servers stay in your stack until: freehold remove NAME"] };
}

function planText(shell: Shell, found: FoundClients, plan: AdoptPlan): readonly string[] {
  const adopted = plan.adopted.flatMap((each) => [
    `- ${each.name} (${clientsOf(each).join(", ")}): ${sourceText(each)}`,
    ...indent(wrap(whatText(each), shell.width - 2)),
  ]);
  const left = plan.left.flatMap(({ reason, next }) => [
    `- ${safeLine(reason)}`,
    ...indent(wrap(safeLine(next), shell.width - 2)),
  ]);
  return [
    shell.paint("bold", `Found ${found.summary}.`),
    ...found.faults.map((fault) => shell.paint("yellow", fault)),
    ...(adopted.length === 0 ? [] : ["", "Would be adopted:", ...adopted]),
    ...(left.length === 0 ? [] : ["", "Stay where they are:", ...left]),
    ...(found.also.length === 0 ? [] : ["", "Also there, and not taken over:"]),
    ...found.also.flatMap(({ what, next }) => [`- ${safeLine(what)}`, ...indent(wrap(next, shell.width - 2))]),
  ];
}

function clientsOf({ from }: Adopted): readonly string[] {
  return [...new Set(from.map((server) => server.client))];
}

function sourceText({ source }: Adopted): string {
  return source.kind === "remote"
    ? safeLine(source.url, 80)
    : safeLine(`${source.package}@${source.version ?? "latest"}`, 80);
}

function whatText({ source, secrets, notes }: Adopted): string {
  const isLoose = source.kind === "npm" && (source.version === null || !/^\d+\.\d+\.\d+/.test(source.version));
  const pin = source.kind === "remote" ? [] : [isLoose ? "pinned to an exact version" : "its exact version is locked"];
  const moved = secrets.length === 0 ? [] : [`${count(secrets.length, "token")} moved to secrets`];
  return [...pin, ...moved, ...notes.map((note) => safeLine(note))].join("; ");
}

function planJson(found: FoundClients, plan: AdoptPlan): JsonObject {
  return {
    summary: found.summary,
    faults: found.faults,
    also: found.also.map(({ what, next }) => ({ what, next })),
    adopted: plan.adopted.map((each) => ({
      name: each.name,
      source: sourceText(each),
      clients: clientsOf(each),
      secrets: each.secrets.map(({ secret }) => secret),
      notes: each.notes,
    })),
    left: plan.left.map(({ server, reason, next }) => ({ name: server.name, client: server.client, reason, next })),
  };
}

async function choose(terminal: Terminal, adopted: readonly Adopted[]): Promise<readonly Adopted[]> {
  const key = await terminal.key(`Adopt ${count(adopted.length, "server")}? [a]ll  [c]hoose  [n]one `, "acn");
  if (key !== "c") return key === "a" ? adopted : [];
  const chosen: Adopted[] = [];
  for (const each of adopted) if ((await terminal.key(`  ${each.name}? [y/n] `, "yn")) === "y") chosen.push(each);
  return chosen;
}

interface Adoption {
  readonly found: FoundClients;
  readonly chosen: readonly Adopted[];
  readonly compartment: string | null;
}

async function adopt(shell: Shell, terminal: Terminal, { found, chosen, compartment }: Adoption): Promise<Outcome> {
  const done: Adopted[] = [];
  const failed: JsonObject[] = [];
  for (const each of chosen) {
    try {
      await storeSecrets(shell, terminal, each);
      terminal.write(`${addedText(shell, await addServer(shell, addInput(each, compartment))).join("\n")}\n`);
      done.push(each);
    } catch (error) {
      if (!(error instanceof Fault) || error.code.startsWith("cli.") || error.code === "control.lost") throw error;
      terminal.write(`${shell.paint("yellow", `${each.name} was not adopted: ${safeLine(error.line(), 600)}`)}\n\n`);
      failed.push({ name: each.name, code: error.code, message: error.message });
    }
  }
  const pointed = await tokensFor(shell, terminal, { found, done });
  const control = await shell.control();
  const view = proposalIn(await control.call("plan", {}));
  const otherwise = "It stays proposed, and no program's file was changed. Next: freehold plan";
  const applied = await offerToApply(shell, {
    view,
    question: "Accept these servers with their cards?",
    otherwise,
    options: { seen: done.map(({ name }) => `cards/${name}.yaml`) },
  });
  const json: JsonObject = { ...applied.json, adopted: done.map(({ name }) => name), failed };
  if (applied.json["applied"] !== true) return { ...applied, json };
  const titles: string[] = [];
  for (const { config, token } of pointed) {
    try {
      await point(shell, terminal, { config, token, done });
      titles.push(config.title);
    } catch (error) {
      if (!(error instanceof Fault) || error.code.startsWith("cli.")) throw error;
      terminal.write(`${shell.paint("yellow", `${config.title} was not changed: ${safeLine(error.line(), 600)}`)}\n`);
      failed.push({ name: config.client, code: error.code, message: error.message });
    }
  }
  const outside = titles.length === 0 ? [] : ["", ...outsideText(shell, titles.join(" and "))];
  const text = [`Adopted ${count(done.length, "server")}. To take the files back: freehold adopt --undo`, ...outside];
  return { json, text, exit: failed.length === 0 ? 0 : 1 };
}

/** A value that the program itself only referred to is asked for; an empty answer leaves it for `secret set`. */
async function storeSecrets(shell: Shell, terminal: Terminal, { name, secrets }: Adopted): Promise<void> {
  for (const { secret, name: variable, value } of secrets) {
    const given = value ?? (await terminal.secret(`${name} needs ${safeLine(variable, 60)} (empty: later): `));
    if (given === "") terminal.write(`Later: freehold secret set ${secret}\n`);
    else await callAsOwner(shell, { op: "secret.set", input: { name: secret, value: given } });
  }
}

function addInput({ name, source, draft }: Adopted, compartment: string | null): JsonObject {
  const sandbox = draft.sandbox === undefined || draft.sandbox === "none" ? {} : draft.sandbox;
  return {
    name,
    source: source.kind === "remote" ? source.url : `npm:${source.package}@${source.version ?? "latest"}`,
    args: draft.args ?? [],
    env: { ...draft.env },
    secrets: { ...draft.secrets },
    read: sandbox.read ?? [],
    write: sandbox.write ?? [],
    ...(compartment === null ? {} : { compartment }),
  };
}

interface Pointed {
  readonly config: ClientConfig;
  readonly token: string;
}

/** Before the one yes to everything: which programs get Freehold's entry instead of their own servers. */
async function tokensFor(
  shell: Shell,
  terminal: Terminal,
  { found, done }: { readonly found: FoundClients; readonly done: readonly Adopted[] },
): Promise<readonly Pointed[]> {
  const pointed: Pointed[] = [];
  const tokens = new Map<string, string>();
  for (const config of found.configs.filter((each) => each.exists)) {
    const served = servedFrom(config, done).length;
    if (served === 0) continue;
    const own = count(served, "own entry", "own entries");
    const question = `Let ${config.title} use Freehold instead of ${own} in ${config.file}?`;
    if (!(await terminal.confirm(question))) continue;
    const token =
      tokens.get(config.client) ??
      textIn(await callAsOwner(shell, { op: "client.add", input: { name: config.client } }), "token");
    tokens.set(config.client, token);
    pointed.push({ config, token });
  }
  return pointed;
}

function servedFrom(config: ClientConfig, done: readonly Adopted[]): readonly Adopted["from"][number][] {
  return done.flatMap((each) => each.from).filter((server) => server.file === config.file);
}

async function point(
  shell: Shell,
  terminal: Terminal,
  { config, token, done }: Pointed & { readonly done: readonly Adopted[] },
): Promise<void> {
  const shim = shimOf({ command: launcher(), home: await shell.home(), token });
  const edit = connectClient({ config, shim, remove: servedFrom(config, done) });
  if (edit === null) return;
  const entry = await offerEdit(shell, terminal, { edit, question: `Write this to ${config.file}?`, isAgreed: false });
  if (entry !== null) await offerToSeal(shell, terminal, entry);
}
