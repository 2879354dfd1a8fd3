// A running server as the door sees it, and what it takes to start, judge and end one.

import type { Clock, Digest, PermitConnection, Surface } from "../kernel/index.ts";
import type { LaunchSpec } from "../manifest/index.ts";
import type { HttpAuthorization, Peer } from "../mcp/index.ts";
import type { SandboxedProcess, SandboxProbe } from "../sandbox/index.ts";
import type { ServerHearing } from "./hearing.ts";
import type { NeededLogin } from "./logins.ts";

export interface Upstream {
  readonly server: string;
  readonly peer: Peer;
  readonly pid: number | null;
  /** Why the whole server is held back, or null. */
  readonly quarantine: string | null;
  /** Of the running definition, by full tool name. */
  pinOf(tool: string): Digest | null;
  usedAtMs: number;
}

export interface UpstreamParts {
  readonly clock: Clock;
  /** Checks the installed tree before it answers; null when the accepted stack has no such server. */
  launch(server: string): Promise<LaunchSpec | null>;
  /** The way to a server that runs in this process; null for all others. */
  inProcess?(server: string): Peer | null;
  lockedRoot(server: string): { readonly root: Digest; readonly surface: Surface } | null;
  secret(name: string): Promise<string | null>;
  /** Takes the values of secrets out of all that the server says. */
  hearing(server: string): ServerHearing;
  /** How long a server may be unused before it is stopped; 0 for never. */
  idleStopMs(server: string): number;
  /** Something waits for it though no call is under way: a question that the owner may still answer. */
  isNeeded(server: string): boolean;
  /** The owner's login at a remote server, and whether it must be made anew. */
  authorization(server: string, url: string): HttpAuthorization;
  needsLogin(server: string): NeededLogin | null;
  readonly probe: () => Promise<SandboxProbe>;
  permitConnection(server: string): PermitConnection;
  /** Paths that no sandbox may see, and the installed trees among them, which may be read. */
  readonly protect: readonly string[];
  readonly installed: readonly string[];
  onChange(server: string, text: string): void;
  /** A resource that somebody watches is another now. */
  onUpdated?(server: string, uri: string): void;
}

/** A server with what it takes to end it. */
export interface Connected {
  readonly upstream: Upstream & { quarantine: string | null };
  readonly process: SandboxedProcess | null;
  /** Calls and subscriptions that it has not answered. */
  underway(): number;
  /** Reads its lists again, by which alone its health is judged. */
  surface(): Promise<Surface>;
  /** Calls back when it said that its lists changed, or left a call without an answer. */
  onDoubt(listener: (why: "changed" | "silent") => void): void;
}
