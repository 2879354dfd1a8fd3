// Edits of stack.yaml and rules.yaml that keep the owner's comments and order. The result is parsed before it is given.

import { Fault, unreachable, type ArgumentMatch, type Rule } from "../kernel/index.ts";
import type { ClientView } from "./client-view.ts";
import { didYouMean } from "./nearest.ts";
import { RULES_FILE, STACK_FILE } from "./policy.ts";
import { parseRules } from "./rules.ts";
import { insertAt, removeAt, replaceText } from "./splice.ts";
import { parseStack } from "./stack.ts";
import type { Stack, StackServer, StackSkill } from "./types.ts";

/** As it is to stand in stack.yaml; what is left out takes its default. */
export type ServerDraft = Pick<StackServer, "compartment"> & {
  readonly source?: string;
  readonly connector?: string;
  readonly account?: StackServer["account"];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly sandbox?: Partial<Exclude<StackServer["sandbox"], "none">> | "none";
};

export type SkillDraft = Pick<StackSkill, "source"> & Partial<Pick<StackSkill, "folder" | "reviewed">>;

/** As it is to stand in stack.yaml, whose parser judges it. */
export type ModelDraft = Readonly<Record<"speaks" | "model" | "place", string>> & {
  readonly url?: string;
  readonly secret?: string;
  readonly fallbackFor?: readonly string[];
  readonly context?: number;
  readonly price?: object;
};

export type StackEdit =
  | { readonly kind: "add-server"; readonly name: string; readonly server: ServerDraft }
  | { readonly kind: "remove-server"; readonly name: string }
  | { readonly kind: "change-source"; readonly name: string; readonly source: string }
  | {
      readonly kind: "add-client";
      readonly name: string;
      readonly compartments: readonly string[];
      readonly view?: Partial<ClientView>;
    }
  | { readonly kind: "change-view"; readonly name: string; readonly view: Partial<ClientView> }
  | { readonly kind: "remove-client"; readonly name: string }
  | { readonly kind: "add-skill"; readonly name: string; readonly skill: SkillDraft }
  | { readonly kind: "remove-skill"; readonly name: string }
  | { readonly kind: "add-model"; readonly name: string; readonly model: ModelDraft }
  | { readonly kind: "remove-model"; readonly name: string }
  /** In the owner's currency; only where no budget of a day is written. */
  | { readonly kind: "set-day"; readonly name: "day"; readonly amount: number }
  | { readonly kind: "add-compartment"; readonly name: string; readonly models?: readonly string[] };

export type RulesEdit =
  | { readonly kind: "add-rule"; readonly rule: Rule }
  | { readonly kind: "remove-rule"; readonly id: string };

/** Throws a Fault when the text, an edit or the result is not accepted. Adding what is there already is an error. */
export function editStack(text: string, edits: readonly StackEdit[]): string {
  let stack = parseStack(text, STACK_FILE);
  let edited = text;
  for (const edit of edits) {
    edited = applyEdit(edited, stack, edit);
    stack = parseStack(edited, STACK_FILE);
  }
  return edited;
}

type Section = "servers" | "clients" | "compartments" | "skills" | "models";

function applyEdit(text: string, stack: Stack, edit: StackEdit): string {
  const spot = (section: Section): { section: Section; key: string } => ({ section, key: edit.name });
  const free = (section: Section): void => refuseTaken(stack[section] ?? {}, edit.name, section);
  const known = (section: Section): void => refuseMissing(stack[section] ?? {}, edit.name, section);
  switch (edit.kind) {
    case "add-server":
      free("servers");
      return insertAt(text, spot("servers"), edit.server);
    case "add-client":
      free("clients");
      return insertAt(text, spot("clients"), { compartments: edit.compartments, ...edit.view });
    case "add-compartment":
      free("compartments");
      return insertAt(text, spot("compartments"), edit.models === undefined ? {} : { models: edit.models });
    case "change-view": {
      known("clients");
      const client = stack.clients[edit.name];
      const { compartments = [], names = "full", inform = null, subject = null, clientId = null } = client ?? {};
      const { models = [], budget = null } = client ?? {};
      const kept = {
        ...(names === "full" ? {} : { names }),
        ...(inform === null ? {} : { inform }),
        ...(subject === null ? {} : { subject }),
        ...(clientId === null ? {} : { clientId }),
        ...(models.length === 0 ? {} : { models }),
        ...(budget === null ? {} : { budget }),
      };
      return insertAt(removeAt(text, spot("clients")), spot("clients"), { compartments, ...kept, ...edit.view });
    }
    case "remove-server":
      known("servers");
      return removeAt(text, spot("servers"));
    case "remove-client":
      known("clients");
      return removeAt(text, spot("clients"));
    case "add-skill":
      free("skills");
      return insertAt(text, spot("skills"), edit.skill);
    case "remove-skill":
      known("skills");
      return removeAt(text, spot("skills"));
    case "add-model":
      free("models");
      return insertAt(text, spot("models"), edit.model);
    case "remove-model":
      known("models");
      return removeAt(text, spot("models"));
    case "set-day":
      return insertAt(text, { section: "budgets", key: edit.name }, edit.amount);
    case "change-source":
      known("servers");
      return replaceText(text, ["servers", edit.name, "source"], edit.source);
    default:
      return unreachable(edit);
  }
}

function refuseTaken(entries: object, name: string, section: Section): void {
  if (!Object.hasOwn(entries, name)) return;
  throw new Fault("manifest.taken", {
    at: STACK_FILE,
    message: `'${name}' is already declared under ${section}.`,
    next: "Choose another name, or remove it first.",
  });
}

function refuseMissing(entries: object, name: string, section: Section): void {
  if (Object.hasOwn(entries, name)) return;
  const hint = didYouMean(name, Object.keys(entries));
  throw new Fault("manifest.unknown-name", {
    at: STACK_FILE,
    message: `'${name}' is not declared under ${section}.${hint}`,
  });
}

export function editRules(text: string, edits: readonly RulesEdit[]): string {
  let rules = parseRules(text, RULES_FILE);
  let edited = text;
  for (const edit of edits) {
    const id = edit.kind === "add-rule" ? edit.rule.id : edit.id;
    const at = rules.findIndex((rule) => rule.id === id);
    if (edit.kind === "add-rule") {
      if (at !== -1) throw taken(id);
      edited = insertAt(edited, { section: "rules", key: 0 }, plainRule(edit.rule));
    } else {
      if (at === -1) throw new Fault("manifest.unknown-name", { at: RULES_FILE, message: `there is no rule '${id}'.` });
      edited = removeAt(edited, { section: "rules", key: at });
    }
    rules = parseRules(edited, RULES_FILE);
  }
  return edited;
}

function taken(id: string): Fault {
  return new Fault("manifest.taken", { at: RULES_FILE, message: `there is already a rule '${id}'.` });
}

function plainRule(rule: Rule): object {
  return {
    id: rule.id,
    answer: rule.answer,
    ...(rule.principals.length > 0 ? { principals: rule.principals } : {}),
    tool: rule.tool,
    ...(Object.keys(rule.args).length > 0
      ? { args: Object.fromEntries(Object.entries(rule.args).map(([name, match]) => [name, plainMatch(match)])) }
      : {}),
    reason: rule.reason,
    ...(rule.expiresAtMs === null ? {} : { expires: new Date(rule.expiresAtMs - 1).toISOString().slice(0, 10) }),
    ...(rule.perDayMax === null ? {} : { "per-day": rule.perDayMax }),
  };
}

function plainMatch(match: ArgumentMatch): unknown {
  switch (match.kind) {
    case "any":
      return "any";
    case "equals":
      return match.values.length === 1 ? { equals: match.values[0] } : { "one-of": match.values };
    case "under":
      return { under: match.folder };
    case "domain":
      return { domain: match.domain };
    case "at-most":
      return { "at-most": match.limit };
  }
}
