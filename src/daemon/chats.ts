// What conversations with the agent take from the daemon: the door, the notes of each compartment, reviewed skills.

import { join } from "node:path";
import type { OwnersDoor } from "../kernel/index.ts";
import { memoryCompartment, memoryPeer, type UpstreamParts } from "../gateway/index.ts";
import { openNotes, type Notes } from "../memory/index.ts";
import { readSkill, skillStates } from "../supply/index.ts";
import type { Chats } from "../control/index.ts";
import { openChats } from "./chat.ts";
import type { DaemonState } from "./state.ts";

type NotesState = Pick<DaemonState, "home" | "clock">;

function notesOf({ home, clock }: NotesState, compartment: string): Notes {
  return openNotes({ dir: join(home.memoryDir, compartment), nowMs: clock.nowMs });
}

/** Servers that run in this process: memory, so far. */
export function inProcessOf(state: NotesState & Pick<DaemonState, "active">): NonNullable<UpstreamParts["inProcess"]> {
  return (server) => {
    const compartment = memoryCompartment(server);
    const isDeclared = compartment !== null && Object.hasOwn(state.active().stack.compartments, compartment);
    return isDeclared ? memoryPeer(notesOf(state, compartment)) : null;
  };
}

export function chatsOf(state: DaemonState, door: OwnersDoor): Chats {
  const { home, store, clock, random, active, hearing } = state;
  return openChats({
    door,
    store,
    clock,
    random,
    policy: active,
    notes: (compartment) => notesOf(state, compartment),
    mask: (text) => hearing.text(text),
    // Unread skills are a stranger's text, and stay out until the owner has read them.
    skills: () => {
      const known = active();
      const names = skillStates(home, known)
        .filter(({ integrity, drift }) => integrity === "owner" && drift === null)
        .map(({ name }) => name);
      return { names, text: (name) => (names.includes(name) ? readSkill(home, name, known).text : null) };
    },
  });
}
