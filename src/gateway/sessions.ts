// Who is talking, with the labels their conversation has read. A label is saved before the byte that brought it leaves.

import {
  assert,
  CLEAN,
  covers,
  join,
  noProvenance,
  principalText,
  type Clock,
  type Digest,
  type Label,
  type Provenance,
  type Principal,
  type SessionFacts,
} from "../kernel/index.ts";
import type { Store } from "../store/index.ts";

/** A program that can act outside the door has read who knows what. */
const UNJAILED: Label = { compartments: [], integrity: "third-party", secret: false };
const SESSIONS_MAX = 5_000;

export interface Session {
  readonly id: string;
  readonly principal: Principal;
  readonly createdAtMs: number;
  label: Label;
  /** What may be taken as the owner's in their present request. */
  readonly provenance: Provenance;
  /** The question about their present request as a whole; what it gave ends with the policy it was asked under. */
  task: { readonly question: string; readonly policy: Digest; readonly untilMs: number } | null;
}

export interface Sessions {
  /** The session of that name, made when it is new, and read back from disk after a restart. */
  open(id: string, principal: Principal): Session;
  /** Joins the label and saves it; cheap when nothing changes. */
  taint(session: Session, label: Label): void;
  facts(session: Session): SessionFacts;
  /** Some conversation of theirs has read what is secret. */
  hasSecret(principal: Principal): boolean;
  /** After a stop: takes back what a yes to a task gave, the outline too. A task that is still open stays so. */
  endTasks(): void;
}

export function openSessions(parts: { readonly store: Store; readonly clock: Clock }): Sessions {
  const live = new Map<string, Session>();
  const secretive = new Set(parts.store.sessions.withSecret());

  function save(session: Session): void {
    parts.store.sessions.save({
      id: session.id,
      principal: principalText(session.principal),
      label: session.label,
      createdAtMs: session.createdAtMs,
      lastAtMs: parts.clock.nowMs(),
    });
  }

  return {
    open(id, principal) {
      const known = live.get(id);
      if (known !== undefined) {
        assert(principalText(known.principal) === principalText(principal), "a session changed its principal");
        return known;
      }
      const row = parts.store.sessions.get(id);
      const isOwn = row !== null && row.principal === principalText(principal);
      const starts = principal.kind === "client" || principal.kind === "server" ? UNJAILED : CLEAN;
      const session: Session = {
        id,
        principal,
        createdAtMs: isOwn ? row.createdAtMs : parts.clock.nowMs(),
        label: isOwn ? join(starts, row.label) : starts,
        provenance: noProvenance(),
        task: null,
      };
      if (live.size >= SESSIONS_MAX) live.delete(live.keys().next().value ?? "");
      live.set(id, session);
      if (!isOwn) save(session);
      return session;
    },
    taint(session, label) {
      if (covers(session.label, label)) return;
      session.label = join(session.label, label);
      save(session);
      if (label.secret) secretive.add(principalText(session.principal));
    },
    facts: ({ label, provenance }) => ({ label, ...provenance }),
    hasSecret: (principal) => secretive.has(principalText(principal)),
    endTasks() {
      for (const { provenance, task } of live.values()) {
        provenance.agreed.clear();
        if (task !== null) provenance.outline = null;
      }
    },
  };
}
