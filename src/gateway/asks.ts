// What a server asks and logs in the middle of a call, on its way to the program that made the call.
// Invariants: nothing is asked that the owner did not declare; the label goes before the server's words; what the
// program answers stays in the server's compartment, and a secret goes to no server; every question is in the ledger.

import { canonical, outside, type JsonObject } from "../kernel/index.ts";
import { kindOf, type PeerCall } from "../mcp/index.ts";
import { asItIsShown, asksOf, offersOf, refused } from "./asked.ts";
import { entryOf, serverLabel, type Case, type DoorParts } from "./case.ts";

export function earsOf(parts: DoorParts, one: Case, isStopped: () => boolean): Partial<PeerCall> {
  const { caller, onProgress } = one.request;
  // What a handle keeps from a conversation is not told or asked into it either.
  if (one.card?.result.mode === "handle") return offersOf(one, null);
  // A card speaks for results; every other byte of the server's carries the server's own label.
  const hear = (): void => parts.sessions.taint(one.session, serverLabel(one));
  const progress = onProgress && { onProgress: (said: JsonObject) => (hear(), onProgress(said)) };
  if (caller === undefined) return { ...offersOf(one, null), ...progress };
  return {
    ...offersOf(one, caller),
    ...progress,
    onNotice: (method, params) => (hear(), caller.tell(method, params)),
    async respond(method, params, key) {
      const why = (): string | null => (isStopped() ? "everything is stopped" : refusalOf(one, method, params));
      const refusal = why();
      const own = { principal: `server:${one.server}`, subject: `${one.server}.@${kindOf(method) ?? "unknown"}` };
      const facts = { refusal, label: { ...one.session.label } };
      const entry = { ...entryOf(one, refusal === null ? "session" : "denied"), ...own, facts };
      parts.store.ledger.append({ ...entry, text: canonical(params) });
      if (refusal !== null) return refused(refusal);
      hear();
      const answer = await caller.ask(method, asItIsShown(one.server, method, params), key);
      // Meanwhile the conversation may have read what must not go to this server.
      const late = why() ?? (typeof answer === "string" ? answer : null);
      return late === null && typeof answer !== "string" ? { kind: "result", result: answer } : refused(late);
    },
  };
}

function refusalOf(one: Case, method: string, { mode }: JsonObject): string | null {
  const kind = kindOf(method) ?? method;
  if (!asksOf(one).includes(kind)) return `servers.${one.server}.asks does not name ${kind}`;
  if (mode === "url") return "addresses to open are not passed on";
  const { label } = one.session;
  const leaving = outside(label, [one.policy.stack.servers[one.server]?.compartment ?? ""]);
  if (leaving.length > 0) return `an answer could carry ${leaving.join(", ")} data out of its compartment`;
  return label.secret ? "this conversation has read a secret" : null;
}
