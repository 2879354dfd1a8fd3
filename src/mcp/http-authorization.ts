// What a server behind HTTP says about access, and who can do something about it. Tokens pass here and are not kept.

export interface AuthChallenge {
  /** 401: no token or a bad one. 403: the token may not do this. */
  readonly status: 401 | 403;
  readonly error: string | null;
  readonly scope: string | null;
  readonly resourceMetadata: string | null;
}

/** Asked by the transport; where the tokens come from is not its business. */
export interface HttpAuthorization {
  /** For the next request. Null: none so far. */
  token(): Promise<string | null>;
  /** The server refused `used`. True when there is another token now, and another try makes sense. */
  refused(challenge: AuthChallenge, used: string | null): Promise<boolean>;
}

const HEADER_MAX = 8192;
const PAIR = /([a-z0-9_.-]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/gi;

/** Null when the status is about something else. The parameters of the first Bearer challenge count (RFC 6750, 3). */
export function challengeOf(status: number, header: string | undefined): AuthChallenge | null {
  if (status !== 401 && status !== 403) return null;
  const values = new Map<string, string>();
  const [, bearer = ""] = /(?:^|,)\s*bearer\s+(.*)$/i.exec((header ?? "").slice(0, HEADER_MAX)) ?? [];
  for (const [, name = "", quoted, plain] of bearer.matchAll(PAIR)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
    if (!values.has(name.toLowerCase())) values.set(name.toLowerCase(), value);
  }
  const error = values.get("error") ?? null;
  // A 403 of another kind is a plain no of the server's.
  if (status === 403 && error !== "insufficient_scope") return null;
  const { scope = null, resource_metadata: resourceMetadata = null } = Object.fromEntries(values);
  return { status, error, scope, resourceMetadata };
}
