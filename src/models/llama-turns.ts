// Whose turn it is: one at a time, the others in line, and the line is bounded.

export interface Turns {
  /** False: the line is full, or whoever waited is gone. What was taken is given back with `end`. */
  take(signal: AbortSignal): Promise<boolean>;
  end(): void;
  isFree(): boolean;
}

export function openTurns(waitingMax: number): Turns {
  const line: (() => void)[] = [];
  let isBusy = false;

  async function wait(signal: AbortSignal): Promise<boolean> {
    const next = Promise.withResolvers<boolean>();
    const come = (): void => next.resolve(true);
    const leave = (): void => {
      const at = line.indexOf(come);
      if (at >= 0) line.splice(at, 1);
      next.resolve(at < 0);
    };
    line.push(come);
    signal.addEventListener("abort", leave, { once: true });
    const isMine = await next.promise;
    signal.removeEventListener("abort", leave);
    return isMine;
  }

  return {
    async take(signal) {
      if (signal.aborted || (isBusy && line.length >= waitingMax)) return false;
      if (isBusy) return wait(signal);
      isBusy = true;
      return true;
    },
    end() {
      const next = line.shift();
      // Handed over without a gap, so that nobody comes in between.
      if (next === undefined) isBusy = false;
      else next();
    },
    isFree: () => !isBusy,
  };
}
