// The configuration files of the owner's other programs: read, shown as a diff, changed after a yes, put back.

import {
  applyEdit,
  disconnectClient,
  findClients,
  readJournal,
  readServers,
  summary,
  undoEdits,
  type ClientConfig,
  type ConfigEdit,
  type FoundServer,
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
  /** Files that could not be read, each with its reason. */
  readonly faults: readonly string[];
  /** `6 servers, 4 unpinned, 2 plain-text tokens` */
  readonly summary: string;
}

/** Other programs' files only; a broken one is named and the rest is read. */
export function lookForClients(shell: Shell, client: string | null = null): FoundClients {
  const configs = findClients(places(shell)).filter((config) => client === null || config.client === client);
  const faults: string[] = [];
  const servers = configs.flatMap((config) => {
    try {
      return readServers(config);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(revealJson(error.line()));
      return [];
    }
  });
  return { configs, servers, faults, summary: summary(servers) };
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

/** Shows the diff, writes after a yes. Answers where the backup is, or null when nothing was written. */
export async function offerEdit(shell: Shell, terminal: Terminal, offer: EditOffer): Promise<string | null> {
  const { edit, question, isAgreed } = offer;
  terminal.write(`\n${diffText(shell, edit.diff)}\n`);
  if (!isAgreed && !(await terminal.confirm(question))) return null;
  const entry = applyEdit(edit, { journal: homePaths(await shell.home()).clientsJournal, nowMs: Date.now() });
  const backup = entry.backup === null ? "there was no file before" : `backup ${entry.backup}`;
  terminal.write(`Wrote ${edit.file} (${backup}).\n`);
  return entry.backup ?? "";
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
  for (const config of lookForClients(shell, client).configs.filter((each) => each.exists && each.isWritten)) {
    const edit = disconnectClient(config);
    if (edit === null) continue;
    await offerEdit(shell, terminal, {
      edit,
      question: `Take Freehold's entry out of ${config.file}?`,
      isAgreed: false,
    });
  }
}

/** Everything that Freehold ever changed in other programs' files, newest first. */
export async function undoAll(shell: Shell, client: string | null): Promise<readonly JsonObject[]> {
  const { clientsJournal } = homePaths(await shell.home());
  if (readJournal(clientsJournal).length === 0) return [];
  const undone = undoEdits(clientsJournal, (entry) => client === null || entry.client === client);
  return undone.map(({ entry, how }) => ({ client: entry.client, file: entry.file, how }));
}
