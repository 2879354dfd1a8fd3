// Whether an engine of the owner's read all that it was sent. Some cut off in silence what does not fit; the count of
// tokens that they report gives it away, not always and never for certain.

import type { ModelReply, Wire } from "./peer.ts";

/** No text has so few tokens for its bytes; a picture has, and is left out. */
const BYTES_PER_TOKEN_MAX = 12;
/** Below this the template's own text blurs the count. */
const BYTES_MIN = 4_096;
const FULL_SHARE = 0.97;
const PICTURE = /"(?:image_url|image)"|data:image\//;

export function withCutOff(reply: ModelReply, wire: Wire, contextTokens: number | null): ModelReply {
  if (reply.kind !== "answered" || reply.usage === null || PICTURE.test(wire.text)) return reply;
  const { input, output } = reply.usage;
  const bytes = Buffer.byteLength(wire.text);
  if (bytes >= BYTES_MIN && input * BYTES_PER_TOKEN_MAX < bytes) {
    return { ...reply, doubt: `it counted ${input} tokens in ${bytes} bytes, so it may not have read all of it` };
  }
  if (contextTokens === null || input + output < contextTokens * FULL_SHARE) return reply;
  return { ...reply, doubt: `its context of ${contextTokens} tokens was full, so some of it may have been cut off` };
}
