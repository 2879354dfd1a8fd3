// From what a rehearsal found to ship, skim, audit or block. Pure: the same facts give the same verdict everywhere.
// A verdict is the strictest of its reasons and of stakes times change; a check that did not run is never a tick.

import { unreachable, type Effect } from "../kernel/index.ts";
import type { Grade } from "./grades.ts";

/** Mildest first. */
export const VERDICTS = ["ship", "skim", "audit", "block"] as const;
export type Verdict = (typeof VERDICTS)[number];

export type Known = "present" | "absent" | "unknown";

/** 0: reads in public. 1: reads. 2: changes in its folders. 3: speaks to others. 4: spends, executes, holds keys. */
export type Stakes = 0 | 1 | 2 | 3 | 4;

export interface VerdictFacts {
  readonly stakes: Stakes;
  readonly surface: {
    readonly grade: Grade | null;
    /** Whether it offered the same each time it was asked. */
    readonly isStable: boolean;
    readonly emptied: readonly string[];
    readonly removedTools: readonly string[];
    /** Of those, what is in use, with by what. */
    readonly missed?: readonly string[];
  };
  readonly code: {
    /** Changed lines of the server's own code. */
    readonly ownLines: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** Dependencies in another version. */
    readonly changed: readonly string[];
    readonly rewritten: readonly string[];
    readonly scripts: readonly string[];
    readonly capabilities: readonly string[];
    readonly hosts: readonly string[];
  };
  readonly contracts: {
    readonly total: number;
    /** Tools whose answer to a recorded call differs. */
    readonly differing: readonly string[];
    /** Of those, calls that the owner picked. */
    readonly picked: readonly string[];
  };
  readonly outgoing: readonly OutgoingFact[];
  readonly evidence: {
    readonly provenance: Known;
    readonly publisher: Known;
    readonly advisories: Known;
    readonly isProvenanceLost: boolean;
    readonly isPublisherOther: boolean;
  };
  /** Since this home first saw the version; null where nothing has an age (a folder of the owner's). */
  readonly ageMs: number | null;
  readonly cooldownMs: number;
  /** What the scanner calls a fact in texts that are new. */
  readonly poison: readonly string[];
  /** Why the new version could not be rehearsed; null when it was. */
  readonly unrehearsed: string | null;
}

export interface OutgoingFact {
  readonly weight: "block" | "audit";
  readonly says: string;
}

export interface Reason {
  readonly verdict: Verdict;
  readonly says: string;
}

export interface Judged {
  readonly verdict: Verdict;
  /** Strictest first. Empty when nothing changed that anybody would notice. */
  readonly reasons: readonly Reason[];
  readonly stakes: Stakes;
  /** 0 none, 1 notation, 2 text, 3 new input or dependency, 4 new power or broken contract. */
  readonly change: number;
}

const SHIP_LINES_MAX = 50;
const SKIM_LINES_MAX = 400;
const KEEN_STAKES = 3;
/** Products of stakes and change: to 3 ship, to 7 skim, above audit. */
const SHIP_PRODUCT_MAX = 3;
const SKIM_PRODUCT_MAX = 7;
const NAMED_MAX = 20;

export function judgeUpdate(facts: VerdictFacts): Judged {
  const change = changeOf(facts);
  const product = facts.stakes * change;
  const byProduct: Verdict = product <= SHIP_PRODUCT_MAX ? "ship" : product <= SKIM_PRODUCT_MAX ? "skim" : "audit";
  const reasons: Reason[] = [...blocks(facts), ...audits(facts), ...skims(facts)];
  if (byProduct !== "ship") {
    const says = `stakes ${facts.stakes} (${STAKES[facts.stakes]}) times change ${change} (${CHANGES[change]})`;
    reasons.push({ verdict: byProduct, says });
  }
  const strictest = reasons.toSorted((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict));
  return { verdict: strictest[0]?.verdict ?? "ship", reasons: strictest, stakes: facts.stakes, change };
}

const STAKES: Readonly<Record<Stakes, string>> = {
  0: "it reads what is public",
  1: "it reads",
  2: "it changes things in its folders",
  3: "it speaks to others or changes things elsewhere",
  4: "it spends, executes or holds keys",
};
const CHANGES: readonly string[] = [
  "none",
  "notation",
  "text",
  "new input or dependency",
  "new power or other answers",
];

export function stakesOf(server: {
  readonly effects: readonly Effect[];
  readonly hasSecrets: boolean;
  readonly hasNetwork: boolean;
}): Stakes {
  const { effects, hasSecrets, hasNetwork } = server;
  const each = effects.map((effect): Stakes => {
    switch (effect) {
      case "read":
        return 1;
      case "write-reversible":
        return 2;
      case "write":
        return hasNetwork ? 3 : 2;
      case "send":
        return 3;
      case "spend":
      case "credential":
      case "exec":
        return 4;
      default:
        return unreachable(effect);
    }
  });
  return each.reduce<Stakes>((most, one) => (one > most ? one : most), hasSecrets ? 4 : 0);
}

function changeOf({ surface, code, contracts, outgoing }: VerdictFacts): number {
  const { grade } = surface;
  const hasPower = code.capabilities.length + code.scripts.length + outgoing.length + contracts.differing.length > 0;
  if (hasPower || grade === "breaking" || grade === "loosened") return 4;
  if (grade === "expanded" || code.added.length + code.changed.length > 0) return 3;
  return grade === "text" ? 2 : grade === "notation" ? 1 : 0;
}

function blocks({ surface, code, contracts, outgoing, poison }: VerdictFacts): readonly Reason[] {
  const { emptied } = surface;
  const count = emptied.length;
  return reasons("block", [
    ...outgoing.flatMap(({ weight, says }) => (weight === "block" ? [says] : [])),
    ...(count === 0
      ? []
      : [`${count} ${count === 1 ? "tool serves" : "tools serve"} an empty input schema: ${named(emptied)}`]),
    ...code.scripts.map((script) => `a new install script, ${script}`),
    ...code.rewritten.map((item) => `${item} has other bytes under the same version`),
    ...(contracts.picked.length === 0 ? [] : [`calls that you picked answer otherwise: ${named(contracts.picked)}`]),
    ...poison.map((fact) => `the scanner: ${fact}`),
  ]);
}

function audits(facts: VerdictFacts): readonly Reason[] {
  const { surface, code, contracts, outgoing, evidence, stakes, unrehearsed } = facts;
  const auto = contracts.differing.filter((tool) => !contracts.picked.includes(tool));
  return reasons("audit", [
    ...(unrehearsed === null ? [] : [`it could not be rehearsed: ${unrehearsed}`]),
    ...(surface.missed === undefined || surface.missed.length === 0
      ? []
      : [`in use here and gone: ${named(surface.missed)}`]),
    ...(surface.isStable ? [] : ["it does not offer the same each time it is asked"]),
    ...(surface.removedTools.length === 0 ? [] : [`tools that are gone: ${named(surface.removedTools)}`]),
    ...(surface.grade === "breaking" && surface.removedTools.length + surface.emptied.length === 0
      ? ["calls that were right are wrong now"]
      : []),
    ...(surface.grade === "loosened" ? ["it takes, or may do, more than it did"] : []),
    ...(auto.length === 0 ? [] : [`recorded calls answer otherwise: ${named(auto)}`]),
    ...outgoing.flatMap(({ weight, says }) => (weight === "audit" ? [says] : [])),
    ...(code.added.length === 0 ? [] : [`new packages: ${named(code.added)}`]),
    ...code.capabilities.map((reach) => `new in the code of ${reach}`),
    ...(code.ownLines > SKIM_LINES_MAX ? [`${code.ownLines} lines of its own code changed`] : []),
    ...(evidence.advisories === "present" ? ["an advisory is known for it"] : []),
    ...(evidence.isPublisherOther ? ["somebody else published it"] : []),
    ...(evidence.isProvenanceLost ? ["its provenance, which the last version had, is gone"] : []),
    ...(stakes >= KEEN_STAKES && unknownIn(evidence).length > 0
      ? [`not known here, and much is at stake: ${unknownIn(evidence).join(", ")}`]
      : []),
  ]);
}

function skims({ surface, code, ageMs, cooldownMs }: VerdictFacts): readonly Reason[] {
  return reasons("skim", [
    ...(surface.grade === "expanded" ? ["it offers more than it did"] : []),
    ...(surface.grade === "text" ? ["its texts or annotations are other"] : []),
    ...(code.changed.length === 0 ? [] : [`packages in another version: ${named(code.changed)}`]),
    ...(code.removed.length === 0
      ? []
      : [`${code.removed.length} ${code.removed.length === 1 ? "package" : "packages"} fewer`]),
    ...(code.hosts.length === 0 ? [] : [`its code newly names ${named(code.hosts)}`]),
    ...(code.ownLines > SHIP_LINES_MAX && code.ownLines <= SKIM_LINES_MAX
      ? [`${code.ownLines} lines of its own code changed`]
      : []),
    ...(ageMs !== null && ageMs < cooldownMs ? ["it is younger than your cooldown"] : []),
  ]);
}

/** What was asked for and could not be found out. */
export function unknownIn({ provenance, publisher, advisories }: VerdictFacts["evidence"]): readonly string[] {
  const all = { provenance, publisher, advisories };
  return Object.entries(all).flatMap(([name, known]) => (known === "unknown" ? [name] : []));
}

function reasons(verdict: Verdict, says: readonly string[]): readonly Reason[] {
  return says.map((text) => ({ verdict, says: text }));
}

function named(names: readonly string[]): string {
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "";
  return `${names.slice(0, NAMED_MAX).join(", ")}${more}`;
}
