// Tells whoever sits at a program that its call waits for the owner, by a form of the protocol. It only informs: what
// is answered there is not looked at, since a program's word is no proof of the owner.

import { isObject } from "../kernel/index.ts";
import type { Served } from "../mcp/index.ts";
import type { Store } from "../store/index.ts";
import type { ClientIdentity } from "./auth.ts";
import type { ActivePolicy } from "./policy.ts";

interface Waits {
  readonly call: Served<ClientIdentity>;
  readonly question: string;
  /** The wait has ended. */
  readonly gone: AbortSignal;
}

export type Inform = (waits: Waits) => void;

/** So many questions are remembered, so that a call that joins one is not told again. */
const TOLD_MAX = 1_000;

export function informOf(parts: { readonly store: Pick<Store, "questions">; policy(): ActivePolicy }): Inform {
  const told = new Set<string>();
  return ({ call, question, gone }) => {
    const { kind, name } = call.identity.principal;
    const { clients } = parts.policy().stack;
    const isWanted = kind === "client" && Object.hasOwn(clients, name) && clients[name]?.inform === "elicitation";
    if (!isWanted || !takesForms(call) || told.has(question)) return;
    const waits = parts.store.questions.get(question);
    if (waits?.state !== "open") return;
    if (told.size >= TOLD_MAX) told.clear();
    told.add(question);
    // Arguments may hold anybody's text; a tool's name is one that the owner accepted.
    const message =
      `Freehold waits for the owner: ${waits.binding.tool}, question ${question}. ` +
      "Answer in the console or with 'freehold inbox'; what is answered here changes nothing.";
    const params = { message, requestedSchema: { type: "object", properties: {} } };
    const ignore = (): void => undefined;
    call.ask({ method: "elicitation/create", params, key: null, gone }).then(ignore, ignore);
  };
}

/** Forms are what a client takes that names no mode. */
function takesForms({ wire }: Served<ClientIdentity>): boolean {
  const { elicitation } = wire.capabilities;
  return isObject(elicitation) && ("form" in elicitation || !("url" in elicitation));
}
