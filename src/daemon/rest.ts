// Gives memory back once there is nothing to do: what a burst of calls leaves behind would stay for hours, since Node
// collects when it allocates and not when it rests.

export interface RestParts {
  /** Changes with whatever is done. */
  readonly work: () => number;
  readonly collect: () => void;
}

/** Long enough that somebody who pauses between two calls does not pay for it: it also drops compiled code. */
const LOOK_EVERY_MS = 30_000;

/** A turn of the clock: collects once, at the first look that finds nothing new. Answers the next turn. */
export function openRest({ work, collect }: RestParts): () => void {
  let seen = work();
  let isDue = true;
  return () => {
    const now = work();
    const isAtWork = now !== seen;
    seen = now;
    if (!isAtWork && isDue) collect();
    isDue = isAtWork;
  };
}

/** Answers how to end it. */
export function restAfterWork(parts: RestParts): () => void {
  const timer = setInterval(openRest(parts), LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/** Does nothing where Node was started without its collector at hand. */
export function collectAll(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
