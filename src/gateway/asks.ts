// What a server asks and logs in the middle of a call, on its way to the program that made the call.
// Invariants: nothing is asked that the owner did not declare; the label goes before the server's words; what the
// program answers stays in the server's compartment, and a secret goes to no server; every question is in the ledger.

import { canonical, outside, type JsonObject } from "../kernel/index.ts";
import { kindOf, type PeerCall } from "../mcp/index.ts";
import { asItIsShown, asksOf, offersOf, refused } from "./asked.ts";
import { entryOf, serverLabel, type Case, type DoorParts } from "./case.ts";

/** In one call; in characters of canonical JSON. */
const ASKED_MAX = 32;
const ASKED_CHARS_MAX = 256 * 1024;
const REFUSED_CHARS_MAX = 8_192;

export function earsOf(parts: DoorParts, one: Case, isStopped: () => boolean): Partial<PeerCall> {
  const { caller, onProgress } = one.request;
  // What a handle keeps from a conversation is not told or asked into it either.
  // Where nobody can be asked the server is told so: its result must not become the question.
  const alone = { ...offersOf(one, null), respond: async () => refused("nobody can be asked now") };
  if (one.card?.result.mode === "handle") return alone;
  // A card speaks for results; every other byte of the server's carries the server's own label.
  const hear = (): void => parts.sessions.taint(one.session, serverLabel(one));
  const progress = onProgress && { onProgress: (said: JsonObject) => (hear(), onProgress(said)) };
  if (caller === undefined) return { ...alone, ...progress };
  let count = 0;
  return {
    ...offersOf(one, caller),
    ...progress,
    onNotice: (method, params) => (hear(), caller.tell(method, params)),
    async respond(method, params, key) {
      count += 1;
      if (count > ASKED_MAX) return refused("it asked too often in one call");
      const said = canonical(params);
      const isLong = said.length > ASKED_CHARS_MAX;
      const why = (): string | null => {
        const held = parts.upstreams.running(one.server)?.quarantine ?? null;
        if (isStopped()) return "everything is stopped";
        if (held !== null) return `it is held back: ${held}`;
        return isLong ? "the question is too long" : refusalOf(one, method, params);
      };
      const refusal = why();
      const own = { principal: `server:${one.server}`, subject: `${one.server}.@${kindOf(method) ?? "unknown"}` };
      const facts = { refusal, label: { ...one.session.label } };
      const entry = { ...entryOf(one, refusal === null ? "session" : "denied"), ...own, facts };
      const text = refusal === null ? said : said.slice(0, REFUSED_CHARS_MAX).toWellFormed();
      parts.store.ledger.append({ ...entry, text });
      if (refusal !== null) return refused(refusal);
      hear();
      const answer = await caller.ask(method, asItIsShown(one.server, method, params), key);
      // Meanwhile the conversation may have read what must not go to this server.
      const hasSecret = parts.secretFault({ answer }) !== null;
      const late = why() ?? (hasSecret ? "the answer holds the value of a secret" : null);
      if (late !== null) return refused(late);
      return typeof answer === "string" ? refused(answer) : { kind: "result", result: answer };
    },
  };
}

function refusalOf(one: Case, method: string, { mode }: JsonObject): string | null {
  const kind = kindOf(method) ?? method;
  if (!asksOf(one).includes(kind)) return `servers.${one.server}.asks does not name ${kind}`;
  if (mode !== undefined && mode !== "form") return "addresses to open are not passed on";
  const { label } = one.session;
  const leaving = outside(label, [one.policy.stack.servers[one.server]?.compartment ?? ""]);
  if (leaving.length > 0) return `an answer could carry ${leaving.join(", ")} data out of its compartment`;
  return label.secret ? "this conversation has read a secret" : null;
}
