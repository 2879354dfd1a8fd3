// The door's answers as a client gets them, and a client's call as the door takes it.

import type { Door, DoorAnswer, JsonObject } from "../kernel/index.ts";
import { CODES, type RpcReply, type Served } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { RESULT_TOOL, textContent } from "./views.ts";

/** "Open these addresses and call again" (2025-11-25, URL mode elicitation). Addresses to open are not passed on. */
const ADDRESS_WANTED = -32_042;

/** What the client asks of itself is in `tool` and `args`. */
export function common(call: Served<ClientIdentity>): Omit<Parameters<Door["call"]>[0], "tool" | "args"> {
  return {
    session: `${call.identity.key}.${call.wire.id}`,
    principal: call.identity.principal,
    signal: call.signal,
    ...(call.progress === undefined ? {} : { onProgress: call.progress }),
    caller: {
      capabilities: call.wire.capabilities,
      logLevel: call.logLevel,
      tell: call.tell,
      ask: async (method, params, key) => answerIn(await call.ask({ method, params, key: key ?? null })),
    },
  };
}

function answerIn(reply: RpcReply): JsonObject | string {
  switch (reply.kind) {
    case "result":
      return reply.result;
    case "error":
      return reply.message;
    case "broken":
      return reply.reason;
  }
}

export function invalid(message: string, data?: JsonObject): RpcReply {
  return { kind: "error", code: CODES.invalidParams, message, ...(data === undefined ? {} : { data }) };
}

/** A tool's refusal is a result with isError, so that clients which check output schemas accept it. */
export function toolReply(answer: DoorAnswer): RpcReply {
  switch (answer.kind) {
    case "result":
      return { kind: "result", result: answer.result };
    case "waiting":
      return { kind: "result", result: textContent(waitingText(answer)) };
    case "withheld":
      return { kind: "result", result: textContent(`Withheld as ${answer.handle}: ${answer.reason}`) };
    case "denied":
      return { kind: "result", result: textContent(deniedText(answer)) };
    case "failed":
      return answer.code === -32_603
        ? { kind: "result", result: textContent(`The server failed: ${answer.reason}`) }
        : failure(answer);
  }
}

export function protocolReply(answer: DoorAnswer): RpcReply {
  switch (answer.kind) {
    case "result":
      return { kind: "result", result: answer.result };
    case "waiting":
      return { kind: "error", code: -32_000, message: waitingText(answer) };
    case "withheld":
      return { kind: "error", code: -32_000, message: `Withheld as ${answer.handle}: ${answer.reason}` };
    case "denied":
      return { kind: "error", code: -32_000, message: deniedText(answer) };
    case "failed":
      return failure(answer);
  }
}

function failure({ code, reason, data }: Extract<DoorAnswer, { kind: "failed" }>): RpcReply {
  if (code === ADDRESS_WANTED) return { kind: "error", code: CODES.refused, message: reason };
  return { kind: "error", code, message: reason, ...(data === undefined ? {} : { data }) };
}

export function waitingWords({ question, heldUntilMs }: Extract<DoorAnswer, { kind: "waiting" }>): string {
  return heldUntilMs === undefined
    ? `Waiting for the owner, question ${question}`
    : `Held until ${new Date(heldUntilMs).toISOString().slice(0, 19)}Z as ${question}; the owner can cancel it`;
}

function waitingText(answer: Extract<DoorAnswer, { kind: "waiting" }>): string {
  return `${waitingWords(answer)}. Do not repeat the call; call ${RESULT_TOOL}.`;
}

function deniedText(answer: Extract<DoorAnswer, { kind: "denied" }>): string {
  const reason = answer.reason.replace(/\.$/, "");
  const more = `freehold why ${answer.request} tells the owner more.`;
  return `Denied (${answer.because}): ${reason}. Do not try another way; ${more}`;
}
