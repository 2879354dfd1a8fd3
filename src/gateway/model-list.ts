// The models that a program may name, in the form that its client expects.

import type { IncomingMessage } from "node:http";
import type { JsonObject } from "../kernel/index.ts";

/** Anthropic's clients say a version; OpenAI's do not. */
export function isMessagesClient({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["anthropic-version"] !== undefined;
}

/** All, or the one of that name; null where there is none. When a model was made, nobody here knows. */
export function modelList(
  request: Pick<IncomingMessage, "headers">,
  names: readonly string[],
  only: string,
): JsonObject | null {
  const isMessages = isMessagesClient(request);
  const one = (id: string): JsonObject =>
    isMessages
      ? { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" }
      : { id, object: "model", created: 0, owned_by: "freehold" };
  if (only !== "") return names.includes(only) ? one(only) : null;
  const data = names.map(one);
  if (!isMessages) return { object: "list", data };
  return { data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null };
}
