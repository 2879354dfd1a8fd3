// One-time links to the console. A link makes a visit: its holder sees the login page, nothing else.

import { isObject, parseStrict, sha256, type OwnerPresence } from "../kernel/index.ts";

/** Somebody who came by a one-time link, for 10 minutes. Not the owner until a proof. */
export type ConsoleVisit = OwnerPresence;

export interface LoginLinks {
  /** 32 bytes base64url, for one use within 10 minutes; of more than eight open ones the oldest goes. */
  mintLink(): string;
  /** Null for a code that is unknown, used or too old. */
  redeemLink(code: string): ConsoleVisit | null;
}

export interface OwnerAuthParts {
  /** Outlives a restart. */
  readonly settings: { get(key: string): string | null; set(key: string, value: string): void };
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

const KEY = "owner.links";
const CODE_BYTES = 32;
const LINK_MS = 10 * 60_000;
const LINKS_MAX = 8;

type Link = readonly [hash: string, untilMs: number];

/** `onVisit` hears of each visit that was really made here. */
export function loginLinks(parts: OwnerAuthParts, onVisit: (visit: ConsoleVisit) => void): LoginLinks {
  const { settings, nowMs, randomBytes } = parts;

  function live(): readonly Link[] {
    const parsed = parseStrict(settings.get(KEY) ?? "{}");
    const kept = parsed.kind === "value" && isObject(parsed.value) ? Object.entries(parsed.value) : [];
    return kept.flatMap(([hash, until]) =>
      typeof until === "number" && until > nowMs() ? [[hash, until] as const] : [],
    );
  }

  function save(links: readonly Link[]): void {
    settings.set(KEY, JSON.stringify(Object.fromEntries(links)));
  }

  return {
    mintLink() {
      const code = Buffer.from(randomBytes(CODE_BYTES)).toString("base64url");
      save([...live(), [sha256(code), nowMs() + LINK_MS] as const].slice(-LINKS_MAX));
      return code;
    },
    redeemLink(code) {
      const links = live();
      const rest = links.filter(([hash]) => hash !== sha256(code));
      if (rest.length === links.length) return null;
      save(rest);
      const untilMs = nowMs() + LINK_MS;
      const visit = Object.freeze({ isLive: (at: number) => at < untilMs });
      onVisit(visit);
      return visit;
    },
  };
}
