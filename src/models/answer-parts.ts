// What the writers of answers share.

import type { Dialect, EndReason, ModelAnswer, ModelEvent } from "../kernel/index.ts";

export type Answered = Extract<ModelAnswer, { kind: "answered" }>;
/** What is written of an answer. */
export type Said = Pick<Answered, "text" | "calls" | "end" | "usage">;
export type Piece = Exclude<ModelEvent, { readonly kind: "raw" }>;

export interface Frame {
  /** Of the answer; unique. */
  readonly id: string;
  /** As the program named it. */
  readonly model: string;
  readonly createdAtS: number;
}

/** Writes one answer as a stream of the dialect; each text is one or more whole messages, or empty. */
export interface PieceWriter {
  piece(piece: Piece): string;
  /** Whatever closes it, its usage among it. */
  close(usage: Said["usage"]): string;
}

export type AnswerDialect = Exclude<Dialect, "openai-embeddings">;

/** Some engines say `stop` where they called a tool. */
export function endOf(reason: EndReason, hasCalls: boolean): EndReason {
  return hasCalls && (reason === "stop" || reason === "other") ? "calls" : reason;
}

export function callId(id: string, index: number, frame: Frame): string {
  return id === "" ? `call_${frame.id}_${index}` : id;
}
