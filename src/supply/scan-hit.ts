// What a rule has found in a text, before it is told to anybody.

import type { RuleId } from "./scan-rules.ts";

export interface Hit {
  readonly rule: RuleId;
  /** Places in the original text. */
  readonly start: number;
  readonly end: number;
  /** What was found beyond the quote: a decoded text, a count. Untrusted. */
  readonly more?: string;
}
