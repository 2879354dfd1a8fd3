// What every request must pass before anything else is looked at, and the headers every answer carries.
// A page elsewhere that rebinds its name to this machine, frames us or posts to us gets 403 and no more.

import type { IncomingMessage, ServerResponse } from "node:http";

const CONTENT_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": CONTENT_POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
}

/** Null when the request may go on; else what is wrong with it. */
export function refusalOf(request: IncomingMessage, allowedHosts: readonly string[]): string | null {
  const host = request.headers.host?.toLowerCase() ?? "";
  if (!allowedHosts.some((allowed) => allowed.toLowerCase() === host)) return "This name is not Freehold's.";
  switch (request.method) {
    case "GET":
    case "HEAD":
      return readRefusal(request, host);
    case "POST":
      return writeRefusal(request, host);
    default:
      return "Only GET and POST.";
  }
}

/** A link from elsewhere may open a page (its cookies stay home: SameSite=Strict); nothing elsewhere may load one. */
function readRefusal(request: IncomingMessage, host: string): string | null {
  const { origin } = request.headers;
  if (origin !== undefined && !isOwn(origin, host)) return "The request comes from another page.";
  const site = request.headers["sec-fetch-site"];
  const isElsewhere = site === "cross-site" || site === "same-site";
  return isElsewhere && request.headers["sec-fetch-mode"] !== "navigate"
    ? "The request comes from another page."
    : null;
}

/**
 * Under `no-referrer` a browser sends `Origin: null` with our own forms (Fetch, "append a request Origin header"), so
 * there `Sec-Fetch-Site`, which no page can set, has to vouch. A program that sends neither is refused.
 */
function writeRefusal(request: IncomingMessage, host: string): string | null {
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return "The request comes from another page.";
  const isNameless = origin === undefined || origin === "null";
  if (isNameless ? site === "same-origin" : isOwn(origin, host)) return null;
  return "The request comes from another page.";
}

function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** Seen through a proxy of the owner's (Tailscale serve), the browser speaks https though the daemon does not. */
export function isSecure(request: IncomingMessage, ownOrigin: string): boolean {
  return ownOrigin.startsWith("https:") || request.headers["x-forwarded-proto"] === "https";
}
