// freehold connect CLIENT: a token for one program, its configuration written or printed, and what that does not cover.

import {
  CLIENT_IDS,
  connectClient,
  findClients,
  preAllow,
  shimOf,
  shimText,
  type ClientConfig,
  type ClientId,
  type ConfigEdit,
  type Shim,
} from "../control/local.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { launcher, offerEdit, places } from "./client-files.ts";
import { hasFlag, listOption, needArgument, textOption, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import { safeLine, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const isPrinted = hasFlag(given, "print");
  const known = CLIENT_IDS.find((id) => id === name) ?? null;
  const config = known === null ? null : configOf(shell, known);
  if (config === null && !isPrinted) throw await unknownClient(name);
  const terminal = await shell.needTerminal("a program is connected");
  await proveOwner(shell);
  const [compartments, direct] = [listOption(given, "compartment"), listOption(given, "direct")];
  const input = { name, compartments, view: textOption(given, "view"), direct };
  const reply = await callAsOwner(shell, { op: "client.add", input });
  const view = proposalIn(reply);
  const shim = shimOf({ command: launcher(), home: await shell.home(), token: textIn(reply, "token") });
  const otherwise = "It stays proposed, and its token opens nothing yet. Next: freehold apply";
  if (view.digest !== null) {
    const applied = await offerToApply(shell, { view, question: `Let ${name} use your stack?`, otherwise });
    if (applied.json["applied"] !== true) return applied;
  }
  const json: JsonObject = { client: name, shim: { command: shim.command, args: shim.args, env: { ...shim.env } } };
  if (isPrinted || config === null) {
    return { json, text: [printed(known, config, shim), "", ...outsideText(shell, name)] };
  }
  const edit = editOf(config, shim);
  const question = `Write this to ${config.file}?`;
  const isAgreed = hasFlag(given, "yes");
  const isWritten =
    edit.kind === "same" ||
    (edit.kind === "edit" && (await offerEdit(shell, terminal, { edit: edit.edit, question, isAgreed })) !== null);
  if (!isWritten) {
    const why = edit.kind === "by-hand" ? [safeLine(edit.reason, 400), ""] : [];
    return {
      json: { ...json, written: false },
      text: [...why, printed(known, config, shim), "", ...outsideText(shell, name)],
    };
  }
  if (known === "claude-code") await offerPreAllow(shell, terminal);
  const text = [
    `${config.title} reaches your stack through Freehold now. Restart it.`,
    "",
    ...outsideText(shell, config.title),
  ];
  return { json: { ...json, written: true, file: config.file }, text };
}

type Edit =
  | { readonly kind: "edit"; readonly edit: ConfigEdit }
  | { readonly kind: "same" }
  | { readonly kind: "by-hand"; readonly reason: string };

/** Some layouts cannot take one entry without a rewrite; the owner then puts it in. */
function editOf(config: ClientConfig, shim: Shim): Edit {
  try {
    const edit = connectClient({ config, shim, remove: [] });
    return edit === null ? { kind: "same" } : { kind: "edit", edit };
  } catch (error) {
    if (error instanceof Fault && error.code === "clients.layout") return { kind: "by-hand", reason: error.line() };
    throw error;
  }
}

function configOf(shell: Shell, client: ClientId): ClientConfig | null {
  const configs = findClients(places(shell)).filter((config) => config.client === client);
  return configs.find((config) => config.scope === "user") ?? null;
}

async function unknownClient(name: string): Promise<Fault> {
  const { didYouMean } = await import("../manifest/index.ts");
  return new Fault("cli.no-client", {
    message: `'${safeLine(name, 40)}' is no program that Freehold knows.${didYouMean(name, CLIENT_IDS)}`,
    next: `one of ${CLIENT_IDS.join(", ")}; for another: freehold connect NAME --print`,
  });
}

function printed(known: ClientId | null, config: ClientConfig | null, shim: Shim): string {
  const where = config === null ? "Put this into the program's MCP settings:" : `Put this into ${config.file}:`;
  if (known !== null) return `${where}\n${shimText(known, shim)}`;
  return `${where}\n${JSON.stringify({ mcpServers: { freehold: shim } }, null, 2)}`;
}

async function offerPreAllow(shell: Shell, terminal: Terminal): Promise<void> {
  const edit = preAllow(places(shell));
  if (edit === null) return;
  const question = "Claude Code asks before each tool; Freehold asks where it matters. Spare yourself the first?";
  await offerEdit(shell, terminal, { edit, question, isAgreed: false });
}

export function outsideText(shell: Shell, title: string): readonly string[] {
  const text =
    `${title} is not jailed: what it does with its own shell, files and network does not pass the door, and Freehold ` +
    "neither sees nor stops it. Only its calls of Freehold's tools are governed; to close the other ways, start it " +
    "with freehold run -- COMMAND.";
  return wrap(text, shell.width);
}
