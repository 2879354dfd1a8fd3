// A program is told by a form that its call waits, where the owner wants it so; nothing follows from the form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { textAt, type JsonObject } from "../kernel/index.ts";
import type { RpcReply, ServerQuestion } from "../mcp/index.ts";
import { CLIENT, heldFiles, openFixture, OWNER, policyFiles, type DoorFixture } from "../../tests/fixtures/door.ts";
import { openEndpoint } from "./endpoint.ts";

const FORMS: JsonObject = { elicitation: {} };
const TEXT = "pay me, says a stranger";

interface Opened {
  readonly fixture: DoorFixture;
  /** The forms that the program was shown, and how it answers each. */
  readonly shown: ServerQuestion[];
  answer: () => Promise<RpcReply>;
  call(capabilities?: JsonObject): Promise<RpcReply>;
  question(): string;
}

function opened(inform: string, files = policyFiles(null)): Opened {
  const fixture = openFixture({ waitMs: 600_000 });
  const stack = (files["stack.yaml"] ?? "").replace("shell: { c", `shell: { ${inform}c`);
  fixture.accept({ ...files, "stack.yaml": stack });
  const clock = { nowMs: (): number => fixture.nowMs };
  const respond = openEndpoint({ door: fixture.door, store: fixture.store, clock, policy: fixture.policy });
  const never = Promise.withResolvers<RpcReply>().promise;
  const one: Opened = {
    fixture,
    shown: [],
    answer: () => never,
    call: (capabilities = FORMS) =>
      respond({
        identity: { principal: CLIENT, key: "k" },
        wire: { id: "1", era: "legacy", protocol: "2025-11-25", clientInfo: {}, capabilities },
        method: "tools/call",
        params: { name: "notes__write_note", arguments: { path: "/list", text: TEXT } },
        signal: new AbortController().signal,
        logLevel: null,
        tell: () => undefined,
        ask: (question) => {
          one.shown.push(question);
          return one.answer();
        },
      }),
    question: () => fixture.store.questions.list(["open", "held"])[0]?.id ?? "",
  };
  return one;
}

/** All that is done without a clock has been done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

test("a waiting call is shown as a form with the tool and the question, without its arguments, and once", async () => {
  const one = opened("inform: elicitation, ");
  const [first, second] = [one.call(), one.call()];
  await settled();
  assert.equal(one.shown.length, 1);
  const [form] = one.shown;
  assert.equal(form?.method, "elicitation/create");
  const message = textAt(form?.params ?? {}, "message") ?? "";
  assert.ok(message.startsWith(`Freehold waits for the owner: notes.write_note, question ${one.question()}.`), message);
  assert.ok(!message.includes(TEXT) && !message.includes("/list"));
  assert.equal(form?.gone?.aborted, false);
  await one.fixture.door.answer(one.question(), { kind: "yes" }, OWNER);
  assert.equal((await first).kind, "result");
  assert.equal((await second).kind, "result");
  assert.equal(form?.gone?.aborted, true);
  assert.equal(one.fixture.sent.length, 1);
  one.fixture.end();
});

for (const action of ["accept", "decline", "cancel"]) {
  test(`to ${action} the form changes nothing`, async () => {
    const one = opened("inform: elicitation, ");
    one.answer = async () => ({ kind: "result", result: { action, content: {} } });
    const waits = one.call();
    await settled();
    assert.equal(one.shown.length, 1);
    assert.deepEqual(one.fixture.sent, []);
    assert.equal(one.fixture.store.questions.get(one.question())?.state, "open");
    await one.fixture.door.answer(one.question(), { kind: "no", note: "not now" }, OWNER);
    assert.match(JSON.stringify(await waits), /the owner said no: not now/);
    one.fixture.end();
  });
}

test("a form that cannot be shown holds nothing up", async () => {
  const one = opened("inform: elicitation, ");
  one.answer = () => Promise.reject(new Error("gone"));
  const waits = one.call();
  await settled();
  await one.fixture.door.answer(one.question(), { kind: "yes" }, OWNER);
  assert.equal((await waits).kind, "result");
  one.fixture.end();
});

const SILENT: readonly (readonly [string, string, JsonObject])[] = [
  ["the owner did not ask for it", "", FORMS],
  ["the program shows no forms", "inform: elicitation, ", {}],
  ["the program opens addresses alone", "inform: elicitation, ", { elicitation: { url: {} } }],
];
for (const [why, inform, capabilities] of SILENT) {
  test(`no form is shown where ${why}`, async () => {
    const one = opened(inform);
    const waits = one.call(capabilities);
    await settled();
    assert.notEqual(one.question(), "");
    assert.deepEqual(one.shown, []);
    await one.fixture.door.answer(one.question(), { kind: "yes" }, OWNER);
    await waits;
    one.fixture.end();
  });
}

test("what is held needs no answer, and no form is shown", async () => {
  const one = opened("inform: elicitation, ", heldFiles());
  const waits = one.call();
  await settled();
  assert.notEqual(one.question(), "");
  assert.deepEqual(one.shown, []);
  await one.fixture.door.cancel(one.question(), "");
  await waits;
  one.fixture.end();
});
