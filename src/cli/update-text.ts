// One screen about a rehearsed update: what is the same, what is not, what nobody knows, and what it costs to read.

import type { JsonObject } from "../kernel/index.ts";
import {
  lineIn,
  maybeNumberIn,
  maybeTextIn,
  numberIn,
  numbersIn,
  objectIn,
  objectsIn,
  safeLine,
  textIn,
  textsIn,
} from "./reply.ts";
import type { Shell, Style } from "./shell.ts";
import { count, fit, indent, table, wrap } from "./table.ts";

const SHOWN_MAX = 20;
const PAINTS: Readonly<Record<string, Style>> = { ship: "green", skim: "cyan", audit: "yellow", block: "red" };

export function updateText(shell: Shell, reply: JsonObject): readonly string[] {
  const [from, to] = [objectIn(reply, "from"), objectIn(reply, "to")];
  const verdict = textIn(reply, "verdict");
  const isSame = lineIn(from, "version", 40) === lineIn(to, "version", 40);
  const titled = isSame ? [treeIn(from), treeIn(to)] : [versionIn(from), versionIn(to)];
  const title = `${lineIn(reply, "server", 60)}  ${titled.join(" -> ")}`;
  const width = Math.max(20, shell.width - 8);
  const head = fit(title, width).padEnd(Math.min(width, 60));
  const facts = [
    toolsText(reply),
    answersText(reply),
    sendsText(reply),
    codeText(reply),
    packagesText(reply),
    unknownText(reply),
  ];
  return [
    `${shell.paint("bold", head)} ${shell.paint(PAINTS[verdict] ?? "bold", verdict)}`,
    ...facts.flatMap((fact) => indent(wrap(fact, shell.width - 2))),
    ...textsIn(reply, "notes").flatMap((note) => indent(wrap(`note: ${safeLine(note, 600)}`, shell.width - 2))),
    ...why(shell, reply),
  ];
}

function versionIn(side: JsonObject): string {
  return maybeTextIn(side, "version") === null ? treeIn(side) : lineIn(side, "version", 40);
}

/** Of one version, only the files tell which it is. */
function treeIn(side: JsonObject): string {
  return lineIn(side, "tree", 64).slice(0, 12);
}

function toolsText(reply: JsonObject): string {
  const surface = objectIn(reply, "surface");
  const [was = 0, is = 0] = numbersIn(surface, "tools");
  const changes = objectsIn(surface, "changes").length;
  const grade = maybeTextIn(surface, "grade");
  const says = grade === null ? "no definition changed" : `${count(changes, "change")}, at worst ${grade}`;
  return `tools ${was} ${was === is ? "=" : "->"} ${is}, ${says}`;
}

function answersText(reply: JsonObject): string {
  const contracts = objectIn(reply, "contracts");
  const total = numberIn(contracts, "total");
  if (total === 0) return "no call that only reads could be replayed";
  return `calls that only read: ${numberIn(contracts, "same")} of ${total} answer the same`;
}

function sendsText(reply: JsonObject): string {
  const outgoing = objectIn(reply, "outgoing");
  const [was, is] = [numberIn(outgoing, "before"), numberIn(outgoing, "after")];
  if (was + is === 0) return "sends nothing before, nothing after";
  const differing = objectsIn(outgoing, "facts").length;
  const says = differing === 0 ? "the same" : `${count(differing, "difference")}`;
  return `sends ${count(was, "request")} before, ${is} after: ${says}`;
}

function codeText(reply: JsonObject): string {
  const code = objectIn(reply, "code");
  const own = objectIn(code, "own");
  const minutes = numberIn(code, "readingMinutes");
  const lines = `+${numberIn(own, "added")} -${numberIn(own, "removed")}`;
  const cost = minutes === 0 ? "nothing to read" : `about ${spanText(minutes)} to read`;
  const [scripts, reach] = [textsIn(code, "scripts"), objectsIn(code, "capabilities")];
  const more = [
    scripts.length === 0 ? "no new script" : count(scripts.length, "new script"),
    reach.length === 0 ? "no new reach" : `new reach in ${count(reach.length, "package")}`,
  ];
  return `code ${count(numberIn(own, "files"), "file")} ${lines} (${cost}), ${more.join(", ")}`;
}

function packagesText(reply: JsonObject): string {
  const code = objectIn(reply, "code");
  const packages = objectIn(code, "packages");
  const [added, removed] = [textsIn(packages, "added").length, textsIn(packages, "removed").length];
  const parts = [
    `${objectsIn(packages, "changed").length} of ${numberIn(packages, "total")} changed`,
    ...(added === 0 ? [] : [`${added} new`]),
    ...(removed === 0 ? [] : [`${removed} gone`]),
  ];
  const minutes = numberIn(code, "dependencyMinutes");
  return `packages ${parts.join(", ")}${minutes === 0 ? "" : ` (about ${spanText(minutes)} to read)`}`;
}

function unknownText(reply: JsonObject): string {
  const evidence = objectIn(reply, "evidence");
  const says = objectIn(evidence, "says");
  const parts = ["provenance", "publisher", "advisories"].map((name) => {
    const known = textIn(evidence, name);
    return `${name} ${known} (${lineIn(says, name, 120)})`;
  });
  const age = maybeNumberIn(reply, "ageHours");
  return [
    ...parts,
    ...(age === null ? [] : [`known here for ${age < 48 ? `${age} h` : `${Math.floor(age / 24)} days`}`]),
  ].join("; ");
}

function spanText(minutes: number): string {
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

/** Each reason, then the changes of what it offers that weigh most. */
function why(shell: Shell, reply: JsonObject): readonly string[] {
  const reasons = objectsIn(reply, "reasons").map((reason) => {
    const verdict = textIn(reason, "verdict");
    return [shell.paint(PAINTS[verdict] ?? "bold", verdict), lineIn(reason, "says", 1_200)];
  });
  const changes = objectsIn(objectIn(reply, "surface"), "changes");
  const rows = changes.slice(0, SHOWN_MAX).map((change) => {
    return [lineIn(change, "grade", 20), `${lineIn(change, "where", 120)} ${lineIn(change, "says", 300)}`];
  });
  const more =
    changes.length > SHOWN_MAX ? [`and ${changes.length - SHOWN_MAX} more: ${lineIn(reply, "file", 200)}`] : [];
  return [
    ...(reasons.length === 0 ? [] : ["", shell.paint("bold", "Why:"), ...table(reasons, shell.width)]),
    ...(rows.length === 0
      ? []
      : ["", shell.paint("bold", "What it offers otherwise:"), ...table(rows, shell.width), ...more]),
  ];
}

/** One line a server: what is in use, and what there is. */
export function listText(shell: Shell, servers: readonly JsonObject[]): readonly string[] {
  return table(servers.map(listRow), shell.width);
}

function listRow(server: JsonObject): readonly string[] {
  const [name, current] = [lineIn(server, "name", 60), lineIn(server, "current", 40) || "-"];
  switch (textIn(server, "kind")) {
    case "known":
      return [name, current, newerText(server)];
    case "unknown":
      return [name, current, `unknown: ${lineIn(server, "why", 300)}`];
    case "folder":
      return [name, current, `your own folder: freehold update ${name} after an edit`];
    case "git":
      return [name, current, `a repository: freehold update ${name} looks at what it holds today`];
    default:
      return [name, current, "runs elsewhere; its tools are held to their pins"];
  }
}

function newerText(server: JsonObject): string {
  const newer = objectsIn(server, "newer");
  const pick = maybeTextIn(server, "pick");
  const versions = (field: string): readonly string[] =>
    newer.filter((one) => one[field] === true).map((one) => lineIn(one, "version", 40));
  const [young, barred] = [versions("isYoung"), versions("isBarred")];
  const parts = [
    pick === null
      ? newer.length === 0
        ? "nothing newer"
        : "nothing old enough"
      : `${safeLine(pick, 40)}: freehold update ${lineIn(server, "name", 60)}`,
    ...(barred.length === 0 ? [] : [`barred: ${barred.join(", ")} (freehold unbar ${lineIn(server, "name", 60)})`]),
    ...(young.length === 0 ? [] : [`too young: ${young.slice(0, 5).join(", ")}`]),
    ...(maybeTextIn(server, "note") === null ? [] : [lineIn(server, "note", 200)]),
    ...(textIn(server, "update") === "ask" ? [] : [`update: ${textIn(server, "update")}`]),
  ];
  return parts.join("; ");
}
