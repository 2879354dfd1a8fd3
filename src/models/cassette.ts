// Answers of models, kept and played back: a test that once asked a real model needs it no more. A cassette holds the
// raw messages of each stream under the hash of what was asked, and playing it reads them as if they came now.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { canonical, readJson, sha256, type Digest, type Dialect, type ModelRequest } from "../kernel/index.ts";
import type { ModelPeer, ModelReply, Posting, Wire, WireFault } from "./peer.ts";
import { isProviderError, type AnswerReader } from "./read-answer.ts";
import { readChatAnswer, readEmbeddings } from "./read-chat.ts";
import { readMessagesAnswer } from "./read-messages.ts";
import type { SseMessage } from "./sse.ts";

type Asked = Pick<ModelRequest, "dialect" | "body">;

/** One line of the file. */
interface Taped {
  readonly asked: Digest;
  readonly wire: Wire;
  /** The model's own dialect. */
  readonly dialect: Dialect;
  readonly messages: readonly SseMessage[];
  readonly reply: ModelReply;
}

const TAPE_BYTES_MAX = 64 * 1024 * 1024;

function keyOf({ dialect, body }: Asked): Digest {
  return sha256(canonical({ dialect, body }));
}

/** As the peer, and what it says is added to the file, one line an answer. */
export function recordingPeer(peer: ModelPeer, file: string): ModelPeer {
  const asked = new Map<string, Digest>();
  return {
    ...peer,
    place: () => peer.place(),
    async wire(request) {
      const wire = await peer.wire(request);
      if (!("kind" in wire)) asked.set(wire.text, keyOf(request));
      return wire;
    },
    async post(posting) {
      const messages: SseMessage[] = [];
      const onEvent: Posting["onEvent"] = (event) => {
        if (event.kind === "raw") messages.push({ event: event.event, data: event.data });
        posting.onEvent(event);
      };
      const reply = await peer.post({ ...posting, onEvent });
      const { wire } = posting;
      const key = asked.get(wire.text);
      const taped: Taped | null =
        key === undefined ? null : { asked: key, wire, dialect: peer.dialect, messages, reply };
      if (taped !== null) appendFileSync(file, `${JSON.stringify(taped)}\n`);
      return reply;
    },
  };
}

/**
 * Answers from the file alone. What was asked several times is answered in that order, and the last answer stays. What
 * was never asked fails by name: nothing is made up.
 */
export function replayingPeer(name: string, file: string): ModelPeer {
  const tapes = readTapes(file);
  const played = new Map<Digest, number>();
  const byWire = new Map<string, Digest>();
  const first = [...tapes.values()][0]?.[0];

  function tapeFor(wire: Wire): Taped | undefined {
    const key = byWire.get(wire.text) ?? "";
    const turn = played.get(key) ?? 0;
    played.set(key, turn + 1);
    return tapes.get(key)?.[turn] ?? tapes.get(key)?.at(-1);
  }

  return {
    name,
    dialect: first?.dialect ?? "openai-chat",
    address: "a cassette",
    price: null,
    place: () => Promise.resolve({ kind: "proven", place: "this-machine", how: "it is played from a file" }),
    wire(request): Promise<Wire | WireFault> {
      const key = keyOf(request);
      const wire = tapes.get(key)?.[0]?.wire;
      if (wire !== undefined) byWire.set(wire.text, key);
      const reason = `${file} holds no answer to this request (${key.slice(0, 12)}); record it anew`;
      return Promise.resolve(wire ?? { kind: "malformed", reason });
    },
    post(posting) {
      const tape = tapeFor(posting.wire);
      return Promise.resolve(tape === undefined ? NOTHING : play(tape, posting));
    },
  };
}

const NOTHING: ModelReply = {
  kind: "failed",
  status: null,
  reason: "nothing of this was recorded",
  body: null,
  retryAfterMs: null,
  isUnsent: true,
  began: false,
  usage: null,
};

function play({ messages, dialect, reply, wire }: Taped, { onEvent, signal }: Posting): ModelReply {
  const reader = readerOf(wire.dialect ?? dialect);
  for (const { event, data } of messages) {
    if (signal.aborted) break;
    onEvent({ kind: "raw", dialect, event, data });
    const pieces = reader.message({ event, data });
    if (!isProviderError(pieces)) for (const piece of pieces) onEvent(piece);
  }
  if (reply.kind === "failed" || messages.length === 0) return reply;
  const { text, calls, end, usage } = reader.collected();
  return { ...reply, text, calls, end: end ?? "other", usage };
}

function readerOf(dialect: Dialect): AnswerReader {
  if (dialect === "openai-embeddings") return readEmbeddings();
  return dialect === "anthropic-messages" ? readMessagesAnswer() : readChatAnswer();
}

/** Written by `recordingPeer`, and read by tests alone. */
function readTapes(file: string): ReadonlyMap<Digest, readonly Taped[]> {
  const text = existsSync(file) ? readFileSync(file, "utf8").slice(0, TAPE_BYTES_MAX) : "";
  const lines = text.split("\n").filter((line) => line !== "");
  return Map.groupBy(
    lines.map((line) => readJson(line) as unknown as Taped),
    ({ asked }) => asked,
  );
}
