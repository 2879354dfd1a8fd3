// What a server asks and logs in the middle of a call, on its way to the program that made the call.
// Invariants: nothing is asked that the owner did not declare; the label goes before the server's words; what the
// program answers stays in the server's compartment, and a secret goes to no server; every question is in the ledger.

import { canonical, outside, type JsonObject } from "../kernel/index.ts";
import { kindOf, META, type PeerCall, type RpcReply } from "../mcp/index.ts";
import { asItIsShown, offered } from "./asked.ts";
import { entryOf, serverLabel, type Case, type DoorParts } from "./case.ts";

type Ears = Pick<PeerCall, "group" | "respond" | "capabilities" | "onNotice" | "onProgress" | "meta">;

export function earsOf(parts: DoorParts, one: Case, isStopped: () => boolean): Ears {
  const { caller, onProgress } = one.request;
  const group = one.session.id;
  // What a handle keeps from a conversation is not told or asked into it either.
  if (one.card?.result.mode === "handle") return { group, capabilities: {} };
  // A card speaks for results; every other byte of the server's carries the server's own label.
  const hear = (): void => parts.sessions.taint(one.session, serverLabel(one));
  const progress = onProgress && { onProgress: (said: JsonObject) => (hear(), onProgress(said)) };
  if (caller === undefined) return { group, capabilities: {}, ...progress };
  return {
    group,
    ...progress,
    capabilities: offered(caller.capabilities, asksOf(one)),
    ...(caller.logLevel === null ? {} : { meta: { [META.logLevel]: caller.logLevel } }),
    onNotice(method, params) {
      hear();
      caller.tell(method, params);
    },
    async respond(method, params, key) {
      const refusal = isStopped() ? "everything is stopped" : refusalOf(one, method, params);
      const entry = entryOf(one, refusal === null ? "session" : "denied");
      const facts = { refusal, label: { ...one.session.label } };
      const own = { principal: `server:${one.server}`, subject: `${one.server}.@${kindOf(method) ?? "unknown"}` };
      parts.store.ledger.append({ ...entry, ...own, facts, text: canonical(params) });
      if (refusal !== null) return refused(refusal);
      hear();
      const answer = await caller.ask({ method, params: asItIsShown(one.server, method, params), key: key ?? null });
      // Meanwhile the conversation may have read what must not go to this server.
      const late = isStopped() ? "everything is stopped" : refusalOf(one, method, params);
      if (late !== null) return refused(late);
      return typeof answer === "string" ? refused(answer) : { kind: "result", result: answer };
    },
  };
}

function asksOf({ policy, server }: Case): readonly string[] {
  return policy.stack.servers[server]?.asks ?? [];
}

function refusalOf(one: Case, method: string, { mode }: JsonObject): string | null {
  const kind = kindOf(method);
  if (kind === null || !asksOf(one).includes(kind)) return `servers.${one.server}.asks does not name ${kind ?? method}`;
  if (mode === "url") return "addresses to open are not passed on";
  const { label } = one.session;
  const leaving = outside(label, [one.policy.stack.servers[one.server]?.compartment ?? ""]);
  if (leaving.length > 0) return `an answer could carry ${leaving.join(", ")} data out of its compartment`;
  return label.secret ? "this conversation has read a secret" : null;
}

function refused(message: string): RpcReply {
  return { kind: "error", code: -32_000, message };
}
