// What two versions sent for the same calls, compared request by request: a tool's definition and its answer can stay
// the same while a copy of every message goes to somebody else.

import { isObject, oneLine } from "../kernel/index.ts";
import type { RecordedRequest } from "./recorder.ts";
import type { OutgoingFact } from "./verdict.ts";
import { steady, type Names } from "./volatile.ts";

const FACTS_MAX = 100;
const DEPTH_MAX = 20;
const FIELDS_MAX = 2_000;
const SHOWN_MAX = 120;
/** What a client library adds of itself. */
const PLAIN_HEADERS = new Set(
  (
    "accept accept-encoding accept-language content-length content-type content-encoding host user-agent origin " +
    "sec-fetch-mode sec-fetch-site sec-fetch-dest cache-control pragma priority expect upgrade-insecure-requests te"
  ).split(" "),
);
/** An address, a host or a long number in a value is somewhere that data can go. */
const PLACES = new RegExp(
  [
    String.raw`[^\s"'<>,;:@]+@[^\s"'<>,;:@]+\.[a-z]{2,}`,
    String.raw`\b(?:https?|wss?)://[^\s"'<>]+`,
    String.raw`\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b`,
    String.raw`\+?\d{6,}`,
  ].join("|"),
  "gi",
);

interface Sent {
  readonly call: string;
  readonly host: string;
  /** Method, host and path without the query: which request of the service's it is. */
  readonly key: string;
  readonly isRead: boolean;
  readonly headers: readonly string[];
  /** Of query and body, by dotted path. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

export interface OutgoingSides {
  readonly before: readonly RecordedRequest[];
  readonly after: readonly RecordedRequest[];
  /** What each run calls its own folders and version. */
  readonly beforeNames: Names;
  readonly afterNames: Names;
}

export function diffOutgoing({ before, after, beforeNames, afterNames }: OutgoingSides): readonly OutgoingFact[] {
  const was = before.map((request) => sentOf(request, beforeNames));
  const is = after.map((request) => sentOf(request, afterNames));
  const hosts = new Set(was.map(({ host }) => host));
  const facts: OutgoingFact[] = [];
  const add = (weight: OutgoingFact["weight"], says: string): void => void facts.push({ weight, says });
  const places = new Set([...was, ...is].map(({ call, key }) => `${call}\n${key}`));
  for (const place of places) {
    const [call = "", key = ""] = place.split("\n");
    const ofPlace = (all: readonly Sent[]): readonly Sent[] =>
      all.filter((one) => one.call === call && one.key === key);
    const [old, fresh] = [ofPlace(was), ofPlace(is)];
    for (const [at, sent] of fresh.entries()) {
      const former = old[at];
      if (former !== undefined) compare(former, sent, add);
      else if (!hosts.has(sent.host)) add("block", `${during(call)} it connects to ${sent.host}, where it never did`);
      else if (old.length > 0) add(sent.isRead ? "audit" : "block", `${during(call)} it sends ${key} once more`);
      else add(sent.isRead ? "audit" : "block", `${during(call)} it newly sends ${key}`);
    }
    if (fresh.length < old.length) add("audit", `${during(call)} it no longer sends ${key}`);
  }
  const seen = new Set<string>();
  return facts.filter(({ says }) => !seen.has(says) && seen.add(says).size > 0).slice(0, FACTS_MAX);
}

function during(call: string): string {
  return call === "" ? "at its start" : `in ${oneLine(call, SHOWN_MAX)}`;
}

function compare(was: Sent, is: Sent, add: (weight: OutgoingFact["weight"], says: string) => void): void {
  const where = `${during(is.call)} ${is.key}`;
  for (const header of is.headers.filter((name) => !was.headers.includes(name))) {
    add("audit", `${where} carries a new header ${oneLine(header, SHOWN_MAX)}`);
  }
  for (const [field, values] of is.fields) {
    const former = was.fields.get(field);
    const name = oneLine(field, SHOWN_MAX);
    if (former === undefined) add("block", `${where} carries a new key ${name}: "${short(values)}"`);
    else if (former.join("\n") !== values.join("\n")) {
      const [known, said] = [placesIn(former), placesIn(values)];
      const place = said.find((one) => !known.includes(one));
      if (place === undefined) add("audit", `${where} says another ${name}: "${short(values)}" was "${short(former)}"`);
      else add("block", `${where} names ${oneLine(place, SHOWN_MAX)} in ${name}, where it did not`);
    }
  }
  for (const field of was.fields.keys()) {
    if (!is.fields.has(field)) add("audit", `${where} no longer carries ${oneLine(field, SHOWN_MAX)}`);
  }
}

function placesIn(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.toLowerCase().match(PLACES) ?? []);
}

function short(values: readonly string[]): string {
  return oneLine(values.join(", "), 80);
}

function sentOf({ method, host, path, headerNames, contentType, body, call }: RecordedRequest, names: Names): Sent {
  const url = URL.parse(`http://host${path}`);
  const fields = new Map<string, string[]>();
  const put = (field: string, value: string): void => {
    if (fields.size < FIELDS_MAX || fields.has(field)) {
      fields.set(field, [...(fields.get(field) ?? []), steady(value, names)]);
    }
  };
  for (const [name, value] of url?.searchParams ?? []) put(`query ${name}`, value);
  putBody({ body, contentType, put });
  return {
    call,
    host,
    key: oneLine(`${method} ${host}${steady(url?.pathname ?? path, names)}`, 300),
    isRead: method === "GET" || method === "HEAD" || method === "OPTIONS",
    headers: headerNames.filter((name) => !PLAIN_HEADERS.has(name)),
    fields,
  };
}

type Put = (field: string, value: string) => void;

function putBody({ body, contentType, put }: { body: string; contentType: string; put: Put }): void {
  if (body === "") return;
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    for (const [name, value] of new URLSearchParams(body)) put(name, value);
    return;
  }
  try {
    const value: unknown = JSON.parse(body);
    for (const [path, text] of leavesOf(value)) put(path, text);
  } catch {
    // No JSON: compared as one text, the random edges between its parts left out.
    const edge = /boundary="?([^";]{1,100})/.exec(contentType)?.[1];
    put("body", edge === undefined ? body : body.replaceAll(edge, "<edge>"));
  }
}

/** Each value with its dotted path; a list's items share one. */
function leavesOf(value: unknown, path = "", depth = 0): readonly (readonly [path: string, text: string])[] {
  const whole = path === "" ? "body" : path;
  if (depth > DEPTH_MAX) return [[whole, JSON.stringify(value)]];
  if (isList(value)) {
    if (value.length === 0) return [[whole, "[]"]];
    return value.slice(0, FIELDS_MAX).flatMap((item) => leavesOf(item, `${path}[]`, depth + 1));
  }
  if (!isObject(value)) return [[whole, typeof value === "string" ? value : JSON.stringify(value)]];
  const entries = Object.entries(value).slice(0, FIELDS_MAX);
  if (entries.length === 0) return [[whole, "{}"]];
  return entries.flatMap(([name, item]) => leavesOf(item, path === "" ? name : `${path}.${name}`, depth + 1));
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
