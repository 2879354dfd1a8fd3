// Which rules do nothing: expired ones, those that another rule covers, those that nothing ever matched.
// What cannot be shown to be covered is not.

import { canonical, fitOf, type ArgumentMatch, type Rule } from "../kernel/index.ts";

export type Idle =
  | { readonly kind: "expired"; readonly rule: Rule }
  /** `by` allows all of it, or is a ban that always wins over it. */
  | { readonly kind: "shadowed"; readonly rule: Rule; readonly by: Rule }
  | { readonly kind: "never"; readonly rule: Rule };

/** An expired or shadowed rule, or null. A ban is never called shadowed: taking one away is never this file's idea. */
export function idleByItself(rule: Rule, rules: readonly Rule[], nowMs: number): Idle | null {
  if (rule.expiresAtMs !== null && rule.expiresAtMs <= nowMs) return { kind: "expired", rule };
  if (rule.answer === "deny") return null;
  const at = rules.indexOf(rule);
  const by = rules.find((other, otherAt) => {
    if (other === rule || (other.expiresAtMs !== null && other.expiresAtMs <= nowMs)) return false;
    if (other.answer === "deny") return alwaysWins(other, rule);
    // Of two that cover each other the first one stays.
    return covers(other, rule) && (otherAt < at || !covers(rule, other));
  });
  return by === undefined ? null : { kind: "shadowed", rule, by };
}

/** Whatever `narrow` allows, `wide` allows too, for as long and as often. */
function covers(wide: Rule, narrow: Rule): boolean {
  const [wideNames, narrowNames] = [Object.keys(wide.args), Object.keys(narrow.args)];
  return (
    wide.tool === narrow.tool &&
    wideNames.length === narrowNames.length &&
    holdsPrincipals(wide, narrow) &&
    lasts(wide, narrow) &&
    (wide.perDayMax === null || (narrow.perDayMax !== null && wide.perDayMax >= narrow.perDayMax)) &&
    wideNames.every((name) => atLeastAsWide(wide.args[name], own(narrow, name)))
  );
}

/** The ban bites on every call that `allow` could allow: each argument it states is in those calls, and fits. */
function alwaysWins(ban: Rule, allow: Rule): boolean {
  const server = `${allow.tool.slice(0, allow.tool.indexOf("."))}.*`;
  return (
    [allow.tool, server, "*"].includes(ban.tool) &&
    holdsPrincipals(ban, allow) &&
    lasts(ban, allow) &&
    Object.keys(ban.args).every((name) => atLeastAsWide(ban.args[name], own(allow, name)))
  );
}

function own(rule: Rule, name: string): ArgumentMatch | undefined {
  return Object.hasOwn(rule.args, name) ? rule.args[name] : undefined;
}

function holdsPrincipals(wide: Rule, narrow: Rule): boolean {
  if (wide.principals.length === 0) return true;
  return narrow.principals.length > 0 && narrow.principals.every((name) => wide.principals.includes(name));
}

function lasts(wide: Rule, narrow: Rule): boolean {
  return wide.expiresAtMs === null || (narrow.expiresAtMs !== null && wide.expiresAtMs >= narrow.expiresAtMs);
}

export function atLeastAsWide(wide: ArgumentMatch | undefined, narrow: ArgumentMatch | undefined): boolean {
  if (wide === undefined || narrow === undefined) return false;
  if (wide.kind === "any") return true;
  if (narrow.kind === "equals") {
    return narrow.values.every((value) => fitOf(wide, value) === "yes");
  }
  switch (wide.kind) {
    case "under":
      return narrow.kind === "under" && asFolder(narrow.folder).startsWith(asFolder(wide.folder));
    case "at-most":
      return narrow.kind === "at-most" && narrow.limit <= wide.limit;
    case "domain":
    case "equals":
      return canonical({ ...wide }) === canonical({ ...narrow });
  }
}

function asFolder(folder: string): string {
  return folder.endsWith("/") ? folder : `${folder}/`;
}
