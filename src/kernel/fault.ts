// Faults from outside carry a stable code and say what, where and what next; bugs stop the run.
// Invariant: assert is on in production, so that nothing acts on a broken invariant.

export interface FaultDetails {
  readonly message: string;
  /** `file:line` or another place the owner can open. */
  readonly at?: string;
  /** What to do next, as a sentence or a command. */
  readonly next?: string;
  readonly cause?: unknown;
}

export class Fault extends Error {
  readonly code: string;
  readonly at: string | undefined;
  readonly next: string | undefined;

  constructor(code: string, details: FaultDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "Fault";
    this.code = code;
    this.at = details.at;
    this.next = details.next;
  }

  /** One line for a terminal: `stack.yaml:14: message Next: …`. */
  line(): string {
    const place = this.at === undefined ? "" : `${this.at}: `;
    const next = this.next === undefined ? "" : ` Next: ${this.next}`;
    return `${place}${this.message}${next}`;
  }
}

/** On in production: a broken invariant must not go on to act. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Bug: ${message}`);
}

export function unreachable(value: never): never {
  throw new Error(`Bug: unexpected ${JSON.stringify(value)}`);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
