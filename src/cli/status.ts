// freehold status: one line for each thing that matters, and the one next command.

import type { JsonObject } from "../kernel/index.ts";
import {
  flagIn,
  lineIn,
  maybeNumberIn,
  maybeTextIn,
  numberIn,
  objectIn,
  objectsIn,
  safeLine,
  textIn,
  textsIn,
} from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { money as moneyText } from "./spend.ts";
import { clockTime, count, spanOf, table } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const status = await control.call("status", {});
  return { json: status, text: statusLines(shell, status) };
}

export function statusLines(shell: Shell, status: JsonObject): readonly string[] {
  const next = lineIn(status, "next");
  const uptime = spanOf(Math.round(numberIn(status, "uptimeMs") / 1_000));
  const rows = [
    ["freehold", `${lineIn(status, "version")}, up ${uptime}, ${lineIn(status, "home")}`],
    ["servers", serversText(objectsIn(status, "servers"))],
    ["clients", clientsText(objectsIn(status, "clients"))],
    ["models", modelsText(status)],
    ["questions", waitingText(status)],
    ["held", heldText(status)],
    ["changes", pendingText(status)],
    ["updates", updatesText(status)],
    ["watched", watchedText(status)],
    ["barred", barredText(status)],
    ["stop", flagIn(status, "stopped") ? "STOPPED: no effect passes" : "not stopped"],
    ["sandbox", sandboxText(objectIn(status, "sandbox"))],
    ["mode", [lineIn(status, "mode"), lineIn(status, "weaker")].filter((part) => part !== "").join(", ")],
    ["next", next === "" ? "nothing" : next],
  ].filter(([, text]) => text !== "");
  const isUrgent = flagIn(status, "stopped");
  return table(rows, shell.width).map((line) => {
    if (line.startsWith("stop ") && isUrgent) return shell.paint("red", line);
    return line.startsWith("next ") && next !== "" ? shell.paint("bold", line) : line;
  });
}

function serversText(servers: readonly JsonObject[]): string {
  if (servers.length === 0) return "none yet";
  const named = servers.map((server) => {
    const state = lineIn(server, "state");
    const why = maybeTextIn(server, "why") === null ? "" : `: ${lineIn(server, "why", 120)}`;
    const tools = count(numberIn(server, "tools"), "tool");
    const cards = voidText(server);
    const reach = server["pinned"] === "surface" ? ", runs elsewhere: only what it offers is pinned" : "";
    const facts = `${tools}, ${state}${why}${cards}${reach}`;
    return `${lineIn(server, "name", 60)} (${lineIn(server, "compartment", 40)}, ${facts})`;
  });
  return `${servers.length}: ${named.join(", ")}`;
}

/** A daemon of before that counted none. */
function voidText(server: JsonObject): string {
  const voided = server["cardsVoid"];
  if (typeof voided !== "number" || voided === 0) return "";
  return `, ${voided} of ${numberIn(server, "cardsAccepted")} cards void: definition changed`;
}

function clientsText(clients: readonly JsonObject[]): string {
  if (clients.length === 0) return "none yet";
  const named = clients.map(
    (client) =>
      `${lineIn(client, "name", 60)} (${[...textsIn(client, "compartments"), ...viewNote(client)].join(", ")})`,
  );
  return `${clients.length}: ${named.join(", ")}`;
}

/** A daemon of before that told of none. */
function modelsText(status: JsonObject): string {
  const models = Array.isArray(status["models"]) ? objectsIn(status, "models") : null;
  if (models === null) return "";
  if (models.length === 0) return "none yet";
  const named = models.map((model) => `${lineIn(model, "name", 40)} (${knownText(model)})`);
  return `${models.length}: ${[named.join(", "), ...todayText(status)].join("; ")}`;
}

function knownText(model: JsonObject): string {
  const [place, proven] = [lineIn(model, "place", 20), maybeTextIn(model, "proven")];
  if (proven === "false") return `not asked: ${lineIn(model, "why", 120)}`;
  if (!flagIn(model, "isPriced")) return `${place}, not asked: its price is unknown`;
  if (place === "cloud") return place;
  if (proven === null) return `${place}, not proven yet`;
  return proven === "unproven" ? `${place} unproven, counts as cloud` : `${proven}, proven`;
}

function todayText(status: JsonObject): readonly string[] {
  const money = objectIn(status, "money");
  const code = lineIn(money, "currency", 3);
  return objectsIn(money, "budgets")
    .filter((budget) => textIn(budget, "name") === "day")
    .map((day) => {
      const limit = maybeNumberIn(day, "limit");
      const of = limit === null ? ", no budget of a day" : ` of ${limit}`;
      return `today ${moneyText(numberIn(day, "spent"), code)}${of}`;
    });
}

/** Most programs are listed every tool; only another view is worth a word. */
function viewNote(client: JsonObject): readonly string[] {
  const view = lineIn(client, "view", 20);
  return view === "" || view === "direct" ? [] : [`${view} view`];
}

function waitingText(status: JsonObject): string {
  const open = numberIn(status, "questionsOpen");
  const unknown = numberIn(status, "unknown");
  const waiting = open === 0 ? "none" : `${open} ${open === 1 ? "waits" : "wait"} for you`;
  return unknown === 0 ? waiting : `${waiting}; ${count(unknown, "effect")} may or may not have happened`;
}

/** A daemon of before that held nothing. */
function heldText(status: JsonObject): string {
  const held = status["held"];
  if (typeof held !== "number" || held === 0) return "";
  const quiet = status["isQuiet"] === true ? ", until the quiet hours are over" : "";
  return `${count(held, "effect")} allowed and held${quiet}; freehold inbox`;
}

/** A daemon of before that barred nothing. */
function barredText(status: JsonObject): string {
  const barred = objectsIn(status, "barred");
  if (barred.length === 0) return "";
  const [first, ...rest] = barred.map((item) => `${lineIn(item, "source", 100)} (${lineIn(item, "reason", 120)})`);
  return `${first}${rest.length === 0 ? "" : ` and ${rest.length} more: freehold generations`}`;
}

/** A daemon of before that told of none. */
function updatesText(status: JsonObject): string {
  const updates = Array.isArray(status["updates"]) ? objectsIn(status, "updates") : [];
  const named = updates.map((update) => {
    const [server, says] = [lineIn(update, "server", 60), lineIn(update, "says", 200)];
    const version = maybeTextIn(update, "version") === null ? "" : ` ${lineIn(update, "version", 40)}`;
    return `${server}${version}: ${says}`;
  });
  if (named.length === 0) return "";
  const only = updates.length === 1 ? lineIn(updates[0] ?? {}, "server", 60) : "NAME";
  return `${named.join("; ")} (freehold update ${only})`;
}

/** A daemon of before that watched none. */
function watchedText(status: JsonObject): string {
  const canaries = Array.isArray(status["canaries"]) ? objectsIn(status, "canaries") : [];
  return canaries.map((canary) => canaryText(canary)).join("; ");
}

function canaryText(canary: JsonObject): string {
  const server = lineIn(canary, "server", 60);
  const [trouble, unseen] = [maybeTextIn(canary, "trouble"), maybeTextIn(canary, "unseen")];
  if (trouble !== null) return `${server} ${safeLine(trouble, 200)}; freehold rollback, or update ${server} --keep`;
  const untilMs = maybeNumberIn(canary, "untilMs");
  const until = untilMs === null ? "from its first start on" : `until ${clockTime(untilMs)}`;
  const why = unseen === null ? "" : `, not looked at yet: ${safeLine(unseen, 200)}`;
  return `${server} has other code: its standing permissions wait ${until}${why}`;
}

function pendingText(status: JsonObject): string {
  const fault = lineIn(status, "pendingFault");
  if (fault !== "") return fault;
  const pending = numberIn(status, "pending");
  return pending === 0 ? "" : `${count(pending, "change")} proposed and not applied`;
}

function sandboxText(sandbox: JsonObject): string {
  if (lineIn(sandbox, "kind") === "absent") {
    return `none: ${lineIn(sandbox, "reason")}. Fix: ${lineIn(sandbox, "fix", 600)}`;
  }
  return [lineIn(sandbox, "backend") || lineIn(sandbox, "kind"), limitsText(lineIn(sandbox, "limits"))]
    .filter(Boolean)
    .join(", ");
}

function limitsText(limits: string): string {
  return limits === "" ? "" : `limits by ${limits}`;
}
