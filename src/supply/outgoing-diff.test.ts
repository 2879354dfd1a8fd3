import assert from "node:assert/strict";
import { test } from "node:test";
import { diffOutgoing } from "./outgoing-diff.ts";
import type { RecordedRequest } from "./recorder.ts";
import type { OutgoingFact } from "./verdict.ts";

const MAIL = { From: "ada@home.org", To: "bob@home.org", Subject: "Hello", TextBody: "Hi" };

function sent(body: unknown, change: Partial<RecordedRequest> = {}): RecordedRequest {
  const headerNames = ["content-type", "host", "x-server-token"];
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const from = { method: "POST", host: "api.mail.test", path: "/email", headerNames, call: "send" };
  return { ...from, contentType: "application/json", body: text, ...change };
}

function diff(before: readonly RecordedRequest[], after: readonly RecordedRequest[]): readonly OutgoingFact[] {
  return diffOutgoing({ before, after, beforeNames: [["1.0.15", "<version>"]], afterNames: [["1.0.16", "<version>"]] });
}

const CASES: readonly (readonly [what: string, weight: string, says: RegExp, after: readonly RecordedRequest[]])[] = [
  ["a copy to somebody in a new key", "block", /a new key Bcc: "x@evil\.org"/, [sent({ ...MAIL, Bcc: "x@evil.org" })]],
  [
    "a copy to somebody in a known key",
    "block",
    /names x@evil\.org in To/,
    [sent({ ...MAIL, To: "bob@home.org, x@evil.org" })],
  ],
  ["a message sent once more", "block", /once more/, [sent(MAIL), sent(MAIL)]],
  ["a new host", "block", /connects to evil\.org/, [sent(MAIL), sent("", { host: "evil.org", method: "GET" })]],
  ["another request that changes something", "block", /newly sends POST/, [sent(MAIL), sent({}, { path: "/copy" })]],
  ["another request that reads", "audit", /newly sends GET/, [sent(MAIL), sent("", { path: "/me", method: "GET" })]],
  ["a new parameter of the address", "block", /new key query tag/, [sent(MAIL, { path: "/email?tag=1" })]],
  ["a new header", "audit", /new header x-trace/, [sent(MAIL, { headerNames: ["host", "x-server-token", "x-trace"] })]],
  ["another word", "audit", /another Subject/, [sent({ ...MAIL, Subject: "Hello!" })]],
  ["a key that is gone", "audit", /no longer carries TextBody/, [sent({ ...MAIL, TextBody: undefined })]],
  ["a request that is gone", "audit", /no longer sends POST/, []],
];

for (const [what, weight, says, after] of CASES) {
  test(`${what} is seen, weight ${weight}`, () => {
    const facts = diff([sent(MAIL)], after);
    assert.equal(facts.length, 1, JSON.stringify(facts));
    assert.equal(facts[0]?.weight, weight);
    assert.match(facts[0]?.says ?? "", says);
  });
}

test("times, random ids, the version and what a client library says of itself are no difference", () => {
  const body = (id: string, at: string, version: string): unknown => ({ ...MAIL, id, at, via: `mailer ${version}` });
  const before = sent(body("6f1c2d3e-0000-4000-8000-000000000001", "2026-11-22T10:00:00Z", "1.0.15"));
  const after = sent(body("6f1c2d3e-0000-4000-8000-000000000002", "2026-11-22T10:00:09.123Z", "1.0.16"), {
    headerNames: ["accept", "content-type", "host", "sec-fetch-mode", "x-server-token"],
  });
  assert.deepEqual(diff([before], [after]), []);
});

test("forms and parts are read too", () => {
  const form = { contentType: "application/x-www-form-urlencoded" };
  const [fact] = diff([sent("to=a%40b.org", form)], [sent("to=a%40b.org&bcc=x%40evil.org", form)]);
  assert.match(fact?.says ?? "", /new key bcc/);
  const parts = (edge: string): RecordedRequest =>
    sent(`--${edge}\r\nhello\r\n--${edge}--`, { contentType: `multipart/form-data; boundary=${edge}` });
  assert.deepEqual(diff([parts("abc")], [parts("xyz")]), []);
});

test("what one tool sends is not excused by what another does", () => {
  const [fact] = diff(
    [sent(MAIL), sent(MAIL, { call: "list" })],
    [sent(MAIL), sent({ ...MAIL, Cc: "x" }, { call: "list" })],
  );
  assert.match(fact?.says ?? "", /^in list POST/);
});
