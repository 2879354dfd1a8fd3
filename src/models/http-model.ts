// A model behind HTTP: its body written in its own dialect, its answer read into events, all within limits.

import type { PermitConnection } from "../kernel/index.ts";
import type { ModelPeer } from "./peer.ts";

export interface HttpModelOptions {
  readonly name: string;
  readonly speaks: "openai-chat" | "anthropic-messages";
  /** Up to and without the dialect's own path: `https://api.example.org/v1`. */
  readonly url: string;
  /** Exact, as the provider names it. */
  readonly model: string;
  /** Of input and output together; null where nobody knows. */
  readonly contextTokens: number | null;
  /** Of one answer, by the owner; null where only the request says. */
  readonly outputTokensMax?: number | null;
  /** Read anew for each request, and nowhere kept; null where it takes none. Rejects where it cannot be had. */
  key(): Promise<string | null>;
  /** Asked once for each new connection. */
  readonly permit: PermitConnection;
  /** The very address to connect to, for each new connection. Rejects where the name leads elsewhere than declared. */
  readonly resolve: (host: string) => Promise<string>;
  /** Ours to end: nothing is paid for what it goes on to say. */
  readonly isLocal: boolean;
}

export function openHttpModel(options: HttpModelOptions): Pick<ModelPeer, "dialect" | "address" | "wire" | "post"> {
  const { hostname, port, protocol } = new URL(options.url);
  return {
    dialect: options.speaks,
    address: `${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`,
    wire: () => Promise.resolve({ kind: "malformed", reason: "not yet" }),
    post: () => Promise.reject(new Error("Bug: not yet")),
  };
}
