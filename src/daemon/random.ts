// Random bytes from the system, fetched in larger pieces: each ledger text takes a salt, and each fetch costs a call.

import { randomBytes, randomFillSync } from "node:crypto";
import type { Random } from "../kernel/index.ts";

const POOL_BYTES = 4_096;

export function openRandom(): Random {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    bytes(count) {
      if (count > POOL_BYTES) return randomBytes(count);
      if (used + count > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const given = Uint8Array.from(pool.subarray(used, used + count));
      // What was given is nobody else's: a later reader of this memory learns nothing of it.
      pool.fill(0, used, used + count);
      used += count;
      return given;
    },
  };
}
