// One transaction for the small writes of many calls at once, so that a busy turn of the event loop commits once.

interface Work {
  readonly run: () => void;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/** More at once would hold up the event loop, and with it whoever waits. */
const WORKS_MAX = 64;

export interface SharedTransactions {
  readonly together: <T>(work: () => T) => Promise<T>;
  /** Commits what waits, now. */
  flush(): void;
}

/** A work may be run twice: together first, and alone when another of its turn failed. */
export function sharedTransactions(transaction: (work: () => void) => void): SharedTransactions {
  let waiting: Work[] = [];
  let seen = 0;

  /** One alone goes at once. While each look at the network brings more, the commit waits for them. */
  function flushSoon(): void {
    const count = waiting.length;
    if (count === 0) return;
    if (count <= Math.max(seen, 1) || count >= WORKS_MAX) return flush();
    seen = count;
    setImmediate(flushSoon);
  }

  function flush(): void {
    const works = waiting;
    waiting = [];
    seen = 0;
    if (works.length > 1 && succeeds(works)) return;
    for (const work of works) {
      try {
        transaction(work.run);
        work.done();
      } catch (error) {
        work.fail(error); // its caller's to judge
      }
    }
  }

  function succeeds(works: readonly Work[]): boolean {
    try {
      transaction(() => {
        for (const work of works) work.run();
      });
    } catch {
      return false; // whose fault it was shows when each runs alone
    }
    for (const work of works) work.done();
    return true;
  }

  return {
    together: (work) =>
      new Promise((resolve, reject) => {
        let value: ReturnType<typeof work>;
        if (waiting.length === 0) setImmediate(flushSoon);
        waiting.push({ run: () => void (value = work()), done: () => resolve(value), fail: reject });
      }),
    flush,
  };
}
