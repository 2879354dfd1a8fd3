// Where data came from. Labels only ever join; nothing in the daemon lowers one.
// Invariant: a join covers both of its sides.

export type Integrity = "owner" | "system" | "third-party";

export interface Label {
  /** Sorted, without duplicates. */
  readonly compartments: readonly string[];
  readonly integrity: Integrity;
  readonly secret: boolean;
}

const RANK: Readonly<Record<Integrity, number>> = { owner: 0, system: 1, "third-party": 2 };

export const CLEAN: Label = { compartments: [], integrity: "owner", secret: false };

export function join(a: Label, b: Label): Label {
  if (covers(a, b)) return a;
  if (covers(b, a)) return b;
  return {
    compartments: [...new Set([...a.compartments, ...b.compartments])].sort(),
    integrity: RANK[a.integrity] >= RANK[b.integrity] ? a.integrity : b.integrity,
    secret: a.secret || b.secret,
  };
}

/** True when joining `lower` to `upper` would change nothing. */
export function covers(upper: Label, lower: Label): boolean {
  return (
    RANK[upper.integrity] >= RANK[lower.integrity] &&
    (upper.secret || !lower.secret) &&
    lower.compartments.every((name) => upper.compartments.includes(name))
  );
}

export function isTainted(label: Label): boolean {
  return label.integrity === "third-party";
}

/** Compartments of the label that the sink is not cleared for. */
export function outside(label: Label, clearance: readonly string[]): readonly string[] {
  return label.compartments.filter((name) => !clearance.includes(name));
}
