// Who is the owner: proof by PIN or passphrase, and the owner sessions that a proof opens.
// Invariants: only this file makes an owner session, and only after a proof or the first enrolment; a try is counted
// in the store before it is checked; the secret itself is not stored.

import { scrypt, timingSafeEqual } from "node:crypto";
import { Fault, objectFrom, type JsonObject, type OwnerPresence } from "../kernel/index.ts";
import { loginLinks, type ConsoleVisit, type LoginLinks, type OwnerAuthParts } from "./login-links.ts";
import { checkStrength, SECRET_LENGTH_MAX } from "./secret-strength.ts";

/** Live for 15 minutes after its last use by `requireOwner`, 8 hours at most. */
export interface OwnerSession extends OwnerPresence {
  end(): void;
}

export type Proof =
  | { readonly kind: "owner"; readonly session: OwnerSession }
  /** Nothing is checked again before `waitMs` have passed. */
  | { readonly kind: "refused"; readonly waitMs: number };

export interface OwnerAuth extends LoginLinks {
  isSet(): boolean;
  /** The first secret. Faults: `owner.already-set`, `owner.weak`. */
  enrol(secret: string): Promise<Proof>;
  /** Ends every other owner session. Faults: `owner.weak`, `owner.not-set`. */
  change(old: string, secret: string): Promise<Proof>;
  /** Faults: `owner.not-set`. */
  prove(secret: string): Promise<Proof>;
  /** Makes a visit an owner session: by enrolling while no secret is set, else by proof. Faults: `owner.visit-over`. */
  enter(visit: ConsoleVisit, secret: string): Promise<Proof>;
}

const IDLE_MS = 15 * 60_000;
const SESSION_MS = 8 * 3_600_000;
const FREE_TRIES = 5;
const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 3_600_000;
/** 2^15 × 8 × 128 bytes are 32 MiB for each try, about 100 ms of one core. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const PROOF = "owner.proof";
const TRIES = "owner.tries";

/** How to use each session that was made here. Answers false when it is no longer live. */
const genuine = new WeakMap<object, () => boolean>();

/** Passes a live session that a proof has opened, and counts as its use. Faults: `owner.needed`. */
export function requireOwner(candidate: OwnerSession | null): OwnerSession {
  if (candidate !== null && genuine.get(candidate)?.() === true) return candidate;
  const message = "only the owner may do this, and nobody has proven to be the owner here.";
  throw new Fault("owner.needed", { message, next: "give your PIN or passphrase" });
}

export function ownerAuth(parts: OwnerAuthParts): OwnerAuth {
  const { settings, nowMs, randomBytes } = parts;
  const visits = new WeakSet<ConsoleVisit>();
  const sessions = sessionsOf(nowMs);
  const gate = gateOf(parts);

  /** `mayKeep` is asked again at the end: another enrolment may have come first while this one was derived. */
  async function keep(secret: string, mayKeep: () => void): Promise<Proof> {
    mayKeep();
    checkStrength(secret);
    const salt = Buffer.from(randomBytes(16)).toString("hex");
    const hash = (await derive(secret, salt)).toString("hex");
    mayKeep();
    settings.set(PROOF, JSON.stringify({ salt, hash }));
    gate.open();
    sessions.endAll();
    return { kind: "owner", session: sessions.start() };
  }

  function mustBeUnset(): void {
    if (settings.get(PROOF) === null) return;
    throw new Fault("owner.already-set", { message: "the owner's secret is set already.", next: "change it instead" });
  }

  async function prove(secret: string): Promise<Proof> {
    const { salt, hash } = stored(settings.get(PROOF));
    if (typeof salt !== "string" || typeof hash !== "string") {
      throw new Fault("owner.not-set", { message: "no PIN or passphrase is set yet.", next: "npm start" });
    }
    const waitMs = gate.pass();
    if (waitMs > 0) return { kind: "refused", waitMs };
    const isRight = timingSafeEqual(await derive(secret, salt), Buffer.from(hash, "hex"));
    if (!isRight) return { kind: "refused", waitMs: gate.waitMs() };
    gate.open();
    return { kind: "owner", session: sessions.start() };
  }

  return {
    ...loginLinks(parts, (visit) => visits.add(visit)),
    isSet: () => settings.get(PROOF) !== null,
    enrol: (secret) => keep(secret, mustBeUnset),
    prove,
    async change(old, secret) {
      checkStrength(secret);
      const proof = await prove(old);
      return proof.kind === "owner" ? keep(secret, () => undefined) : proof;
    },
    async enter(visit, secret) {
      if (!visits.has(visit) || !visit.isLive(nowMs())) {
        throw new Fault("owner.visit-over", { message: "this login page is too old.", next: "freehold console" });
      }
      return settings.get(PROOF) === null ? keep(secret, mustBeUnset) : prove(secret);
    },
  };
}

function sessionsOf(nowMs: () => number): { readonly start: () => OwnerSession; readonly endAll: () => void } {
  let current = {};
  return {
    endAll() {
      current = {};
    },
    start() {
      const age = current;
      const madeAtMs = nowMs();
      let usedAtMs = madeAtMs;
      let isEnded = false;
      const isLive = (at: number): boolean =>
        !isEnded && age === current && at - usedAtMs < IDLE_MS && at - madeAtMs < SESSION_MS;
      const session = Object.freeze({ isLive, end: () => void (isEnded = true) });
      genuine.set(session, () => {
        if (!isLive(nowMs())) return false;
        usedAtMs = nowMs();
        return true;
      });
      return session;
    },
  };
}

/** Five free tries, then one after each wait, doubling from 2 s to 1 h. A right secret opens it again. */
function gateOf({ settings, nowMs }: OwnerAuthParts) {
  const save = (failed: number, nextAtMs: number): void => settings.set(TRIES, JSON.stringify({ failed, nextAtMs }));
  function waitMs(): number {
    const next = stored(settings.get(TRIES))["nextAtMs"];
    // At most the longest wait, so that a clock that was set back does not lock the owner out.
    return typeof next === "number" ? Math.min(WAIT_MAX_MS, Math.max(0, next - nowMs())) : 0;
  }
  return {
    waitMs,
    open: () => save(0, 0),
    /** Counts the try before anything is derived, so that tries at the same time can not pass together. */
    pass(): number {
      const leftMs = waitMs();
      if (leftMs > 0) return leftMs;
      const before = stored(settings.get(TRIES))["failed"];
      const failed = (typeof before === "number" ? before : 0) + 1;
      const pauseMs = failed < FREE_TRIES ? 0 : Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** (failed - FREE_TRIES));
      save(failed, nowMs() + pauseMs);
      return 0;
    },
  };
}

function derive(secret: string, salt: string): Promise<Buffer> {
  const text = secret.slice(0, SECRET_LENGTH_MAX).normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, Buffer.from(salt, "hex"), 32, COST, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function stored(text: string | null): JsonObject {
  return objectFrom(text ?? "{}") ?? {};
}
