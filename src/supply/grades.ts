// How a change of what a server offers is graded: by who it hurts, those that call or those that trust.
// The first four are RugSnare's words; text is what only a reader notices.

/** Mildest first. */
export const GRADES = ["notation", "text", "expanded", "loosened", "breaking"] as const;

/**
 * breaking: a call that was right is wrong now. loosened: it takes or may do more than it did. expanded: a new optional
 * way in, the classic carrier of what should not leave. text: words for the model. notation: another spelling.
 */
export type Grade = (typeof GRADES)[number];

export interface GradedChange {
  readonly grade: Grade;
  readonly says: string;
}

export function worstGrade(changes: readonly { readonly grade: Grade }[]): Grade | null {
  return changes.reduce<Grade | null>(
    (worst, { grade }) => (worst === null || GRADES.indexOf(grade) > GRADES.indexOf(worst) ? grade : worst),
    null,
  );
}
