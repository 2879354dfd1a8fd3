// One check: what it found, why that matters, how to mend it. A check that could not run says so.

import { reasonOf } from "../kernel/index.ts";

export interface Finding {
  readonly state: "ok" | "warn" | "fail" | "unknown";
  /** What is so, and where it is bad, why that matters. */
  readonly why: string;
  /** A command or a sentence; empty when there is nothing to do. */
  readonly fix: string;
}

export interface Check extends Finding {
  readonly name: string;
}

export function ok(why: string): Finding {
  return { state: "ok", why, fix: "" };
}

export function warn(why: string, fix: string): Finding {
  return { state: "warn", why, fix };
}

export function fail(why: string, fix: string): Finding {
  return { state: "fail", why, fix };
}

export function unknown(why: string): Finding {
  return { state: "unknown", why, fix: "" };
}

/** Never rejects. What takes longer than the deadline is unknown, and its answer is dropped. */
export async function checked(
  name: string,
  look: () => Finding | Promise<Finding>,
  deadlineMs: number,
): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve(unknown(`no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return { name, ...(await Promise.race([Promise.resolve().then(look), late])) };
  } catch (error) {
    return { name, ...unknown(`the check itself failed: ${reasonOf(error)}`) };
  } finally {
    clearTimeout(timer);
  }
}
