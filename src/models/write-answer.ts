// An answer for a program: untouched where it speaks the model's own dialect, else written in its own.

import { unreachable, type JsonObject, type ModelEvent } from "../kernel/index.ts";
import type { AnswerDialect, Answered, Frame, PieceWriter, Said } from "./answer-parts.ts";
import { sseText } from "./sse.ts";
import { wholeChat, writeChat } from "./write-chat-answer.ts";
import { wholeMessages, writeMessages } from "./write-messages-answer.ts";
import { wholeResponses, writeResponses } from "./write-responses-answer.ts";

export interface StreamAsked extends Frame {
  readonly dialect: AnswerDialect;
  /** The program asked for the usage at the end; the chat dialect leaves it out else. */
  readonly withUsage: boolean;
}

/** Each text is whole messages of the stream, or empty. */
export interface StreamWriter {
  event(event: ModelEvent): string;
  /** What is left to say once the answer has come to its end. */
  end(answer: Answered): string;
}

export function writeStream(asked: StreamAsked): StreamWriter {
  const writer = pieceWriter(asked);
  let isRaw = false;
  return {
    event(event) {
      if (event.kind !== "raw") return isRaw ? "" : writer.piece(event);
      if (event.dialect !== asked.dialect) return "";
      isRaw = true;
      return isUnasked(event.data, asked) ? "" : sseText(event.data, event.event);
    },
    end: ({ usage }) => (isRaw ? RAW_ENDS[asked.dialect] : writer.close(usage)),
  };
}

/** The other dialect's last message is one of those that came. */
const RAW_ENDS: Readonly<Record<AnswerDialect, string>> = {
  "openai-chat": sseText("[DONE]"),
  "anthropic-messages": "",
  "openai-responses": "",
};

/** We ask for the usage always; a program that did not would meet a message without any choice. */
function isUnasked(data: string, { dialect, withUsage }: StreamAsked): boolean {
  return dialect === "openai-chat" && !withUsage && NO_CHOICES.test(data) && data.includes('"usage"');
}

const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/;

function pieceWriter(asked: StreamAsked): PieceWriter {
  switch (asked.dialect) {
    case "openai-chat":
      return writeChat(asked, asked.withUsage);
    case "anthropic-messages":
      return writeMessages(asked);
    case "openai-responses":
      return writeResponses(asked);
    default:
      return unreachable(asked.dialect);
  }
}

/** Null where the dialect cannot say what the model wrote. */
export function writeWhole(dialect: AnswerDialect, said: Said, frame: Frame): JsonObject | null {
  switch (dialect) {
    case "openai-chat":
      return wholeChat(said, frame);
    case "anthropic-messages":
      return wholeMessages(said, frame);
    case "openai-responses":
      return wholeResponses(said, frame);
    default:
      return unreachable(dialect);
  }
}
