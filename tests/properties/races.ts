// Races at the door, over a real store: who comes first at every point where the door waits is drawn by lot.
// A try is a violation when something acted that by then might not act, or acted twice.

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import type { DoorRequest, JsonObject, Principal } from "../../src/kernel/index.ts";
import { activate } from "../../src/gateway/index.ts";
import { loadPolicy } from "../../src/manifest/index.ts";
import type { Store } from "../../src/store/index.ts";
import { openFixture, OWNER, policyFiles, type DoorFixture } from "../fixtures/door.ts";

export interface RaceCount {
  readonly tries: number;
  readonly violations: number;
  /** Effects that went through, so that the race was one. */
  readonly acted: number;
  /** The first few, to be looked into. */
  readonly examples: readonly string[];
}

export const RACES = { answerAgainstChange, doubleSpend, stopAgainstAct };

/** A store fills up; a fresh one now and then keeps each try as quick as the first. */
const TRIES_PER_STORE = 2_000;
const DAY_AND_MORE_MS = 25 * 3_600_000;
const AGENT: Principal = { kind: "agent", name: "" };
const RULES = `rules:
  - { id: one, answer: allow, tool: notes.write_note, args: { path: { equals: /once } }, per-day: 1, reason: "once" }
  - { id: any, answer: allow, tool: notes.write_note, args: { path: { equals: /ruled } }, reason: "mine" }
`;

/** xorshift32: the same seed draws the same lots. */
function lots(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

type Draw = (below: number) => number;

async function loiter(draw: Draw): Promise<void> {
  if (draw(6) === 0) await new Promise(setImmediate);
  for (let hops = draw(12); hops > 0; hops -= 1) await Promise.resolve();
}

interface Track {
  readonly fixture: DoorFixture;
  readonly draw: Draw;
  readonly number: number;
  /** What was sent in this try, seen at the moment of sending. */
  readonly sent: JsonObject[];
}

type Try = (track: Track) => Promise<string | null>;

interface RaceOptions {
  readonly tries: number;
  readonly seed: number;
}

async function race(
  { tries, seed }: RaceOptions,
  attempt: Try,
  onSend: (fixture: DoorFixture) => JsonObject,
): Promise<RaceCount> {
  const draw = lots(seed);
  const examples: string[] = [];
  let [violations, acted] = [0, 0];
  // The door's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000);
  for (let done = 0; done < tries;) {
    const wrap = (store: Store): Store => ({
      ...store,
      durable: async () => {
        await loiter(draw);
        if (draw(16) === 0) await store.durable();
      },
    });
    const under = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const fixture = openFixture({ rules: RULES, waitMs: 0, wrap, under });
    let sent: JsonObject[] = [];
    fixture.reply = async () => {
      sent.push(onSend(fixture));
      await loiter(draw);
      return { kind: "result", result: { content: [] } };
    };
    try {
      for (const end = Math.min(tries, done + TRIES_PER_STORE); done < end; done += 1) {
        sent = [];
        fixture.sent.length = 0;
        // What an earlier try left open has expired, and what is counted by the day is not used up.
        fixture.nowMs += DAY_AND_MORE_MS;
        const wrong = await attempt({ fixture, draw, number: done, sent });
        acted += sent.length;
        if (wrong === null) continue;
        violations += 1;
        if (examples.length < 5) examples.push(`try ${done} of seed ${seed}: ${wrong}`);
      }
    } finally {
      fixture.end();
    }
  }
  clearInterval(alive);
  return { tries, violations, acted, examples };
}

function write({ number }: Track, path: string, session = `s${number}`): DoorRequest {
  return { session, principal: AGENT, tool: "notes.write_note", args: { path, text: `text ${number}` } };
}

async function asked(track: Track, request: DoorRequest): Promise<string> {
  const answer = await track.fixture.door.call(request);
  if (answer.kind !== "waiting") throw new Error(`Bug: expected a question, got ${JSON.stringify(answer)}`);
  return answer.question;
}

/** The owner says yes while the policy changes or the server is held back: it acts as asked, or not at all. */
function answerAgainstChange(options: RaceOptions): Promise<RaceCount> {
  const files = policyFiles(RULES);
  const cards = files["cards/notes.yaml"] ?? "";
  const one = activate(loadPolicy(files));
  // A change that bears on the call: what writes, now sends.
  const other = activate(loadPolicy({ ...files, "cards/notes.yaml": cards.replace("effect: write", "effect: send") }));
  if (one.digest === other.digest) throw new Error("Bug: two policies");
  let [digest, isHeld] = [one.digest, false];
  const attempt: Try = async (track) => {
    const { fixture, draw, sent } = track;
    const restart = async (): Promise<void> => {
      await fixture.door.stop("a new try");
      fixture.door.resume(OWNER);
    };
    if (isHeld) await restart();
    [digest, isHeld] = [one.digest, false];
    fixture.adopt(one);
    const id = await asked(track, write(track, `/asked/${track.number}`));
    const change = async (): Promise<void> => {
      for (let waits = draw(8); waits >= 0; waits -= 1) await loiter(draw);
      if (draw(2) === 0) {
        fixture.adopt(other);
        digest = other.digest;
      } else {
        fixture.holdBack("its definitions changed");
        isHeld = true;
      }
    };
    const answer = async (): Promise<void> => {
      await loiter(draw);
      await fixture.door.answer(id, { kind: "yes" }, OWNER);
    };
    await Promise.all([answer(), change(), ...(draw(3) === 0 ? [answer()] : [])]);
    const late = sent.filter((seen) => seen["policy"] !== one.digest || seen["held"] === true);
    if (sent.length > 1) return `sent ${sent.length} times`;
    return late.length > 0 ? `sent after the change: ${JSON.stringify(late)}` : null;
  };
  return race(options, attempt, () => ({ policy: digest, held: isHeld }));
}

/** Two answers, two carry-outs, the same call again, the last of an outline, a rule's day or a task's yes: one acts. */
function doubleSpend(options: RaceOptions): Promise<RaceCount> {
  const attempt: Try = async (track) => {
    const { fixture, draw, sent, number } = track;
    const { door } = fixture;
    const later = async (act: () => Promise<unknown>): Promise<void> => {
      await loiter(draw);
      await act();
    };
    const kind = draw(6);
    if (kind <= 2) {
      const request = write(track, `/asked/${number}`);
      const id = await asked(track, request);
      const yes = (): Promise<unknown> => door.answer(id, { kind: "yes" }, OWNER);
      const edit = (): Promise<unknown> =>
        door.answer(id, { kind: "yes", args: { ...request.args, text: "edited" } }, OWNER);
      const rivals = [yes, kind === 0 ? yes : kind === 1 ? edit : () => door.carryOutAnswered()];
      if (draw(3) === 0) rivals.push(() => door.carryOutAnswered());
      await Promise.all(rivals.map(later));
      return sent.length === 1 ? null : `kind ${kind}: sent ${sent.length} times for one answer`;
    }
    const path = kind === 3 ? "/once" : kind === 4 ? "/outlined/notes" : `/agreed/${number}`;
    if (kind === 4) {
      const outline = new Map([["notes.write_note", 1]]);
      const session = `s${number}`;
      door.hear({ session, principal: AGENT, message: `write text ${number} to ${path}`, outline }, OWNER);
      await door.call({ session, principal: AGENT, tool: "notes.read_note", args: { path: "/a" } });
      sent.length = 0;
    }
    if (kind === 5) {
      const { session, principal, tool, args } = write(track, path);
      const foreseen = [args, { ...args, text: "another" }].map((each) => ({ tool, args: each, open: [] }));
      const task = door.hear({ session, principal, message: "hello", outline: null, foreseen }, OWNER) ?? "";
      await Promise.all([1, 2].map(() => later(() => door.answer(task, { kind: "yes" }, OWNER))));
    }
    await Promise.all(Array.from({ length: 2 + draw(2) }, () => later(() => door.call(write(track, path)))));
    return sent.length === 1 ? null : `kind ${kind}: sent ${sent.length} times where one was left`;
  };
  return race(options, attempt, () => ({}));
}

/** Stop comes while calls and answers are under way: from then on nothing acts, and resuming wakes none of them. */
function stopAgainstAct(options: RaceOptions): Promise<RaceCount> {
  let phase: "before" | "stopped" | "resumed" = "before";
  const attempt: Try = async (track) => {
    const { fixture, draw, sent, number } = track;
    const { door } = fixture;
    phase = "before";
    const id = draw(2) === 0 ? await asked(track, write(track, `/asked/${number}`)) : null;
    const act = async (): Promise<void> => {
      await loiter(draw);
      if (phase !== "before") return;
      if (id !== null) await door.answer(id, { kind: "yes" }, OWNER);
      else await door.call(write(track, "/ruled"));
    };
    const stop = async (): Promise<void> => {
      await loiter(draw);
      phase = "stopped";
      const stopped = door.stop("halt");
      if (draw(2) === 0) await stopped;
      await loiter(draw);
      door.resume(OWNER);
      phase = "resumed";
      // Somebody else's call starts the server again.
      await door.call({ session: `other${number}`, principal: AGENT, tool: "notes.read_note", args: { path: "/a" } });
      await stopped;
    };
    await Promise.all([act(), stop()]);
    const late = sent.filter((seen) => seen["phase"] !== "before" && seen["method"] !== "read");
    return late.length > 0 ? `acted when ${JSON.stringify(late)}` : null;
  };
  return race(options, attempt, (fixture) => {
    const isRead = fixture.sent.at(-1)?.paramsText.includes("read_note") === true;
    return { phase, method: isRead ? "read" : "write" };
  });
}
