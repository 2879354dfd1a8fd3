// The configuration files of the owner's other programs: read, shown as a diff, changed after a yes, put back.

import {
  alsoThere,
  applyEdit,
  deleteBackup,
  findClients,
  isSealedBackup,
  plainTokens,
  planDisconnect,
  readJournal,
  readServers,
  sealBackup,
  summary,
  undoEdits,
  unsealBackup,
  type AlsoThere,
  type ClientConfig,
  type ConfigEdit,
  type FoundServer,
  type JournalEntry,
  type Places,
} from "../control/local.ts";
import { homePaths } from "../control/reach.ts";
import { fileURLToPath } from "node:url";
import { homedir } from "node:os";
import { Fault, revealJson, type JsonObject } from "../kernel/index.ts";
import type { Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

export interface FoundClients {
  readonly configs: readonly ClientConfig[];
  readonly servers: readonly FoundServer[];
  /** What else a program keeps that nothing here takes over. */
  readonly also: readonly AlsoThere[];
  /** Files that could not be read, each with its reason. */
  readonly faults: readonly string[];
  /** `6 servers, 4 unpinned, 2 plain-text tokens` */
  readonly summary: string;
}

/** Other programs' files only; a broken one is named and the rest is read. */
export function lookForClients(shell: Shell, client: string | null = null): FoundClients {
  const configs = findClients(places(shell)).filter((config) => client === null || config.client === client);
  const faults: string[] = [];
  const servers: FoundServer[] = [];
  const also: AlsoThere[] = [];
  for (const config of configs) {
    try {
      servers.push(...readServers(config));
      also.push(...alsoThere(config));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(revealJson(error.line()));
    }
  }
  return { configs, servers, also, faults, summary: summary(servers) };
}

export function places(shell: Shell): Places {
  const { env } = shell;
  return { homeDir: env["HOME"] ?? homedir(), cwd: process.cwd(), platform: process.platform, env };
}

/** The launcher in the checkout or package that this file belongs to. */
export function launcher(): string {
  return fileURLToPath(new URL("../../freehold", import.meta.url));
}

export interface EditOffer {
  readonly edit: ConfigEdit;
  readonly question: string;
  /** The owner has said yes already. */
  readonly isAgreed: boolean;
}

/** Shows the diff, writes after a yes. Answers what the journal holds of it, or null when nothing was written. */
export async function offerEdit(shell: Shell, terminal: Terminal, offer: EditOffer): Promise<JournalEntry | null> {
  const { edit, question, isAgreed } = offer;
  terminal.write(`\n${diffText(shell, edit.diff)}\n`);
  if (!isAgreed && !(await terminal.confirm(question))) return null;
  const entry = applyEdit(edit, { journal: homePaths(await shell.home()).clientsJournal, nowMs: Date.now() });
  const backup = entry.backup === null ? "there was no file before" : `backup ${entry.backup}`;
  terminal.write(`Wrote ${edit.file} (${backup}).\n`);
  return entry;
}

/** A backup that keeps tokens in plain text says so; the owner seals it, keeps it or gives up the way back. */
export async function offerToSeal(shell: Shell, terminal: Terminal, entry: JournalEntry): Promise<void> {
  const tokens = plainTokens(entry);
  if (tokens === 0) return;
  const held = tokens === 1 ? "1 token" : `${tokens} tokens`;
  terminal.write(`\n${shell.paint("yellow", `${entry.backup ?? ""} still holds ${held} in plain text.`)}\n`);
  const key = await terminal.key("[s]eal it with a passphrase  [k]eep it as it is  [d]elete it: no way back ", "skd");
  const journal = homePaths(await shell.home()).clientsJournal;
  if (key === "d") return deleteBackup(journal, entry.id);
  const passphrase = key === "s" ? await newPassphrase(terminal) : null;
  if (passphrase === null) return terminal.write("It stays as it is. Delete it once you are content.\n");
  const sealed = await sealBackup({ journal, id: entry.id, passphrase });
  terminal.write(`Sealed: ${sealed ?? "it is gone"} (adopt --undo asks for the passphrase; age -d opens it too).\n`);
}

const PASSPHRASE_LENGTH_MIN = 8;

async function newPassphrase(terminal: Terminal): Promise<string | null> {
  const first = await terminal.secret(
    `Passphrase, at least ${PASSPHRASE_LENGTH_MIN} characters (empty: keep as it is): `,
  );
  if (first.length < PASSPHRASE_LENGTH_MIN) return null;
  return (await terminal.secret("Again: ")) === first ? first : null;
}

export function diffText(shell: Shell, diff: string): string {
  const style = { "+": "green", "-": "red", "@": "cyan" } as const;
  return diff
    .trimEnd()
    .split("\n")
    .map((line) => {
      const mark = line[0];
      const safe = revealJson(line);
      return mark === "+" || mark === "-" || mark === "@" ? shell.paint(style[mark], safe) : safe;
    })
    .join("\n");
}

/** Takes Freehold's entry out of the program's files; each after a yes. */
export async function restoreClient(shell: Shell, client: string): Promise<void> {
  const terminal = await shell.needTerminal("files of other programs are changed");
  const journal = homePaths(await shell.home()).clientsJournal;
  for (const config of lookForClients(shell, client).configs.filter((each) => each.exists)) {
    const plan = planDisconnect(config, journal);
    if (plan === null) continue;
    if (plan.kind === "edit") {
      const question = `Take Freehold's entry out of ${config.file}?`;
      await offerEdit(shell, terminal, { edit: plan.edit, question, isAgreed: false });
      continue;
    }
    terminal.write(`\n${diffText(shell, plan.diff)}\n`);
    if (!(await terminal.confirm(`Put ${config.file} back as it was, byte for byte?`))) continue;
    undoEdits(journal, ({ id }) => plan.ids.includes(id));
    terminal.write(`${config.file} is as it was.\n`);
  }
}

/** Everything that Freehold ever changed in other programs' files, newest first. */
export async function undoAll(shell: Shell, client: string | null): Promise<readonly JsonObject[]> {
  const { clientsJournal: journal } = homePaths(await shell.home());
  const wanted = (entry: JournalEntry): boolean => client === null || entry.client === client;
  for (const entry of readJournal(journal).filter((each) => wanted(each) && isSealedBackup(each))) {
    const terminal = await shell.needTerminal("a sealed backup is opened");
    const passphrase = await terminal.secret(`Passphrase of ${entry.backup ?? ""}: `);
    await unsealBackup({ journal, id: entry.id, passphrase });
  }
  const undone = readJournal(journal).length === 0 ? [] : undoEdits(journal, wanted);
  return undone.map(({ entry, how }) => ({ client: entry.client, file: entry.file, how }));
}
