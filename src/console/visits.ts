// Browsers that came by: the cookie that names one, the token that binds its forms, and what it has proven.
// Everything is in memory and bounded; a restart of the daemon asks for a new link.

import { createHmac, timingSafeEqual } from "node:crypto";
import { assert, sha256 } from "../kernel/index.ts";
import type { ConsoleVisit, OwnerSession } from "../control/index.ts";
import type { Markup } from "./html.ts";

/** What the page after an answer says. Kept for a while, so that a page that renews itself keeps saying it. */
export interface News {
  readonly id: string;
  readonly tone: "good" | "plain" | "bad";
  readonly text: Markup;
}

/** A browser that redeemed a link. */
export interface Guest {
  readonly visit: ConsoleVisit;
  readonly session: OwnerSession | null;
  readonly seenAtMs: number;
  readonly news: readonly News[];
}

export interface Visitor {
  readonly token: string;
  /** True when the browser did not bring it and has to be told. */
  readonly isNew: boolean;
  readonly csrf: string;
  readonly guest: Guest | null;
}

export interface VisitsParts {
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface Visits {
  of(cookie: string | undefined): Visitor;
  isCsrf(visitor: Visitor, given: string): boolean;
  /** Both give the browser a new name, so that a name it had before is worth nothing. */
  welcome(visitor: Visitor, visit: ConsoleVisit): Visitor;
  enter(visitor: Visitor, session: OwnerSession): Visitor;
  /** The live owner session of this browser. */
  owner(visitor: Visitor): OwnerSession | null;
  /** Answers the news' id for the address of the next page. */
  tell(visitor: Visitor, news: Omit<News, "id">): string;
  leave(visitor: Visitor): void;
}

const GUESTS_MAX = 32;
const GUEST_AGE_MS_MAX = 30 * 86_400_000;
const NEWS_MAX = 8;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

interface Guests {
  find(token: string): Guest | null;
  keep(token: string, guest: Guest): void;
  forget(token: string): void;
}

/** Names are kept as hashes. Whoever was away longest goes first, and a live owner session last. */
function openGuests(nowMs: () => number): Guests {
  const guests = new Map<string, Guest>();
  const rank = (guest: Guest): number =>
    guest.seenAtMs + (guest.session?.isLive(nowMs()) === true ? GUEST_AGE_MS_MAX : 0);

  return {
    find(token) {
      const guest = guests.get(sha256(token));
      return guest !== undefined && nowMs() - guest.seenAtMs < GUEST_AGE_MS_MAX ? guest : null;
    },
    keep(token, guest) {
      guests.set(sha256(token), guest);
      if (guests.size <= GUESTS_MAX) return;
      const [oldest] = [...guests].toSorted(([, one], [, other]) => rank(one) - rank(other));
      if (oldest !== undefined) guests.delete(oldest[0]);
    },
    forget: (token) => void guests.delete(sha256(token)),
  };
}

export function openVisits({ nowMs, randomBytes }: VisitsParts): Visits {
  const key = randomBytes(32);
  const guests = openGuests(nowMs);

  const newToken = (): string => Buffer.from(randomBytes(32)).toString("base64url");
  const csrfOf = (token: string): string => createHmac("sha256", key).update(token).digest("base64url");

  function renamed(visitor: Visitor, guest: Guest): Visitor {
    guests.forget(visitor.token);
    const token = newToken();
    guests.keep(token, guest);
    return { token, isNew: true, csrf: csrfOf(token), guest };
  }

  return {
    of(cookie) {
      const isNew = cookie === undefined || !TOKEN.test(cookie);
      const token = isNew ? newToken() : cookie;
      const found = isNew ? null : guests.find(token);
      const guest = found === null ? null : { ...found, seenAtMs: nowMs() };
      if (guest !== null) guests.keep(token, guest);
      return { token, isNew, csrf: csrfOf(token), guest };
    },
    isCsrf(visitor, given) {
      const [own, other] = [Buffer.from(visitor.csrf), Buffer.from(given)];
      return !visitor.isNew && own.length === other.length && timingSafeEqual(own, other);
    },
    welcome(visitor, visit) {
      visitor.guest?.session?.end();
      return renamed(visitor, { visit, session: null, seenAtMs: nowMs(), news: [] });
    },
    enter(visitor, session) {
      const { guest } = visitor;
      assert(guest !== null, "a browser without a link became the owner's");
      guest.session?.end();
      return renamed(visitor, { ...guest, session, seenAtMs: nowMs() });
    },
    owner(visitor) {
      const session = visitor.guest?.session ?? null;
      return session?.isLive(nowMs()) === true ? session : null;
    },
    tell(visitor, news) {
      const id = Buffer.from(randomBytes(6)).toString("base64url");
      const guest = guests.find(visitor.token);
      if (guest !== null) {
        guests.keep(visitor.token, { ...guest, news: [...guest.news, { ...news, id }].slice(-NEWS_MAX) });
      }
      return id;
    },
    leave(visitor) {
      visitor.guest?.session?.end();
      guests.forget(visitor.token);
    },
  };
}
