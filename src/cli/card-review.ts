// freehold card review NAME: the tools whose card is uncertain, dangerous or void, one screen each, then the diff.

import { EFFECTS, Fault, isObject, type ArgumentRole, type JsonObject, type ToolCard } from "../kernel/index.ts";
import { findingLine, findingsIn } from "./findings.ts";
import { callAsOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import { lineIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, indent, table, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const ROLES = ["critical", "content", "egress"] as const satisfies readonly ArgumentRole[];
const TRUSTS = ["owner", "system", "third-party"] as const;
const ROLE_MEANING: Readonly<Record<ArgumentRole, string>> = {
  critical: "decides who, where, which, how much: asked about",
  content: "text that is only carried",
  egress: "an address it connects to",
};
const KEYS = "aertskq";
const SAYS_CHARS = 900;

type Card = Pick<ToolCard, "tool" | "effect" | "result" | "roles" | "ids" | "pin">;

/** With `isAll`, every tool is asked about. */
export async function review(shell: Shell, name: string, isAll: boolean): Promise<Outcome> {
  const terminal = await shell.needTerminal("cards are reviewed");
  const control = await shell.control();
  const tools = objectsIn(await control.call("cards.review", { name }), "tools");
  const asked = tools.filter((tool) => isAll || needsLook(tool));
  if (asked.length === 0) {
    const text = `${count(tools.length, "card")}, and none is void, uncertain or dangerous. To see each: --all`;
    return { json: { reviewed: 0, accepted: 0 }, text };
  }
  terminal.write(`${count(asked.length, "tool")} of ${tools.length} to look at; the others are plain.\n`);
  const accepted: Record<string, JsonObject> = {};
  for (const [at, tool] of asked.entries()) {
    const answer = await askAbout({ shell, terminal, tool, place: `${at + 1} of ${asked.length}` });
    if (answer.kind === "stop") break;
    if (answer.kind === "accept") accepted[answer.card.tool] = fileForm(answer.card);
  }
  const total = Object.keys(accepted).length;
  const seen = { reviewed: asked.length, accepted: total };
  if (total === 0) return { json: seen, text: "Nothing accepted, nothing changed." };
  const reply = await callAsOwner(shell, { op: "cards.put", input: { name, cards: accepted } });
  const applied = await offerToApply(shell, {
    view: proposalIn(reply),
    question: `Apply ${count(total, "card")} of ${name}?`,
    otherwise: "It stays proposed, and does nothing. Next: freehold apply",
    options: { isFull: true },
  });
  return { ...applied, json: { ...seen, ...applied.json } };
}

function needsLook(tool: JsonObject): boolean {
  return textIn(tool, "state") !== "good" || alarmsOf(tool) > 0;
}

function alarmsOf(tool: JsonObject): number {
  return textsIn(tool, "dangers").length + textsIn(tool, "guesses").length + findingsIn(tool).length;
}

type Answer = { readonly kind: "accept"; readonly card: Card } | { readonly kind: "skip" } | { readonly kind: "stop" };

interface Asking {
  readonly shell: Shell;
  readonly terminal: Terminal;
  readonly tool: JsonObject;
  readonly place: string;
}

async function askAbout({ shell, terminal, tool, place }: Asking): Promise<Answer> {
  const before = tool["before"] === null ? null : cardIn(tool, "before");
  let card = cardIn(tool, "draft");
  terminal.write(`\n${aboutText(shell, tool, place).join("\n")}\n`);
  for (;;) {
    terminal.write(`${cardText(shell, card).join("\n")}\n`);
    const keep = before === null ? "" : "  k as before";
    const prompt = `a accept  e effect  r role  t trust${keep}  s skip  q stop: `;
    const key = await terminal.key(prompt, before === null ? KEYS.replace("k", "") : KEYS);
    switch (key) {
      case "a":
        return { kind: "accept", card };
      case "e":
        card = { ...card, effect: await choose(terminal, "effect", EFFECTS) };
        break;
      case "r":
        card = await withRole(terminal, card);
        break;
      case "t":
        card = { ...card, result: { ...card.result, trust: await choose(terminal, "result of", TRUSTS) } };
        break;
      case "k":
        if (before !== null) card = asBefore(card, before);
        break;
      case "s":
        return { kind: "skip" };
      default:
        return { kind: "stop" };
    }
  }
}

/** The old choices for the new definition: an argument that is new stays as it was drafted. */
function asBefore(draft: Card, before: Card): Card {
  const names = Object.keys(draft.roles).filter((name) => Object.hasOwn(before.roles, name));
  const roles = Object.fromEntries(names.map((name) => [name, before.roles[name] ?? "critical"] as const));
  const { effect, result, ids } = before;
  return { ...draft, effect, result, ids, roles: { ...draft.roles, ...roles } };
}

async function withRole(terminal: Terminal, card: Card): Promise<Card> {
  const names = Object.keys(card.roles);
  if (names.length === 0) return card;
  const name = (await terminal.ask("Which argument, by name or number: ")).trim();
  const found = names[Number(name) - 1] ?? names.find((each) => each === name);
  if (found === undefined) {
    terminal.write("There is no such argument.\n");
    return card;
  }
  const role = await choose(terminal, safeLine(found, 60), ROLES);
  return { ...card, roles: { ...card.roles, [found]: role } };
}

async function choose<T extends string>(terminal: Terminal, what: string, choices: readonly [T, ...T[]]): Promise<T> {
  const named = choices.map((choice, at) => `${at + 1} ${choice}`).join("  ");
  const keys = choices.map((_, at) => String(at + 1)).join("");
  const key = await terminal.key(`${what}: ${named}: `, keys);
  return choices[Number(key) - 1] ?? choices[0];
}

/** What an untrusted party wrote stands behind a bar, and every hidden character is spelled out. */
function aboutText(shell: Shell, tool: JsonObject, place: string): readonly string[] {
  const why = lineIn(tool, "why", 400);
  const says = safeLine(textIn(tool, "says"), SAYS_CHARS);
  const claims = textsIn(tool, "claims").map((claim) => safeLine(claim, 60));
  const described = objectsIn(tool, "arguments").flatMap((argument) => {
    const text = lineIn(argument, "says", 160);
    return text === "" ? [] : [`${lineIn(argument, "name", 60)}: ${text}`];
  });
  const quoted = [says === "" ? "(nothing)" : says, ...described, ...(claims.length === 0 ? [] : [claims.join(", ")])];
  const alarms = [
    ...findingsIn(tool).map((finding) => findingLine(shell, finding)),
    ...textsIn(tool, "dangers").map((text) => shell.paint("red", `! ${safeLine(text)}`)),
    ...textsIn(tool, "guesses").map((text) => shell.paint("yellow", `? ${safeLine(text)}`)),
  ];
  return [
    shell.paint("bold", `${lineIn(tool, "tool", 200)}  (${place})`),
    ...(why === "" ? [] : wrap(why, shell.width)),
    ...alarms,
    "The server's own words, which nobody has checked:",
    ...quoted.flatMap((text) => wrap(text, shell.width - 4)).map((line) => `  | ${line}`),
  ];
}

function cardText(shell: Shell, card: Card): readonly string[] {
  const { trust, compartments, secret } = card.result;
  const roles = Object.entries(card.roles).map(([name, role], at) => [
    `${at + 1} ${safeLine(name, 60)}`,
    role,
    ROLE_MEANING[role],
  ]);
  const result = `result of ${trust}, in ${compartments.join(", ") || "no compartment"}${secret ? ", secret" : ""}`;
  return [`card: effect ${card.effect}; ${result}`, ...indent(table(roles, shell.width - 2))];
}

/** The daemon's card, field by field; another shape is a reply of another version. */
function cardIn(tool: JsonObject, field: string): Card {
  const card = tool[field];
  if (!isObject(card) || !isObject(card["result"]) || !isObject(card["roles"])) throw wrong(field);
  const { result, roles } = card;
  const [effect, trust, mode] = [textIn(card, "effect"), textIn(result, "trust"), textIn(result, "mode")];
  const known = Object.entries(roles).map(([name, role]) => {
    const found = ROLES.find((each) => each === role);
    if (found === undefined) throw wrong("roles");
    return [name, found] as const;
  });
  return {
    tool: textIn(card, "tool"),
    pin: textIn(card, "pin"),
    effect: EFFECTS.find((each) => each === effect) ?? "exec",
    roles: Object.fromEntries(known),
    ids: textsIn(card, "ids"),
    result: {
      trust: TRUSTS.find((each) => each === trust) ?? "third-party",
      compartments: textsIn(result, "compartments"),
      secret: result["secret"] !== false,
      mode: mode === "inline" ? "inline" : "handle",
    },
  };
}

function wrong(field: string): Fault {
  return new Fault("cli.reply", { message: `the daemon's reply is of another version: '${field}'.` });
}

/** As a card file writes it. */
function fileForm({ pin, effect, roles, ids, result }: Card): JsonObject {
  const named = (role: ArgumentRole): readonly string[] => Object.keys(roles).filter((name) => roles[name] === role);
  return {
    pin,
    effect,
    critical: named("critical"),
    content: named("content"),
    egress: named("egress"),
    ids,
    result: { ...result },
  };
}
