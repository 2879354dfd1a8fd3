import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { CLIENT, openFixture, policyFiles, type DoorFixture } from "../../tests/fixtures/door.ts";
import { textAt, type Caller, type DoorAnswer, type JsonObject, type Label } from "../kernel/index.ts";
import type { PeerCall, RpcReply } from "../mcp/index.ts";
import { openHearing } from "./hearing.ts";
import { protocolReply, toolReply } from "./replies.ts";

interface Question {
  readonly params: JsonObject;
  readonly key: string | undefined;
}

interface Scene {
  readonly f: DoorFixture;
  /** What the program was asked. */
  readonly asked: Question[];
  readonly told: JsonObject[];
  /** What the server got as its answer. */
  readonly got: RpcReply[];
  call(): Promise<DoorAnswer>;
}

interface Given {
  readonly asks?: string;
  readonly cards?: (text: string) => string;
  readonly params?: JsonObject;
  readonly method?: string;
  readonly label?: Label;
  readonly capabilities?: JsonObject;
  /** Of the secret `bank`. */
  readonly secret?: string;
  /** How often it asks in its one call. */
  readonly times?: number;
  answer?(scene: Scene): Promise<JsonObject | string>;
}

const ACCEPTED: JsonObject = { action: "accept", content: { name: "Ada" } };
const CLEARED: Label = { compartments: ["family"], integrity: "third-party", secret: false };

/** Without network: a read there carries nothing out. */
function onThisMachine(lock: string): string {
  const tree = `"tree": { "hash": "${"0".repeat(64)}", "packages": [] }`;
  return lock
    .replace('"https://notes.example/mcp"', '"path:./notes"')
    .replace('"kind": "remote"', '"kind": "path"')
    .replace('"tree": null', tree)
    .replace(/"command": \[\]/, '"command": ["./notes"]');
}

function open(t: TestContext, given: Given = {}): Scene {
  const { asks = "asks: [elicitation], ", cards = (text) => text, method = "elicitation/create" } = given;
  const hearing = openHearing({ nowMs: () => 0 });
  if (given.secret !== undefined) hearing.learn(new Map([["bank", given.secret]]));
  const f = openFixture({ hearing });
  t.after(() => f.end());
  const files = policyFiles(null);
  f.accept({
    ...files,
    "stack.yaml": (files["stack.yaml"] ?? "").replace(/source: "\S+", /, `source: "path:./notes", ${asks}`),
    "stack.lock": onThisMachine(files["stack.lock"] ?? ""),
    "cards/notes.yaml": cards(files["cards/notes.yaml"] ?? ""),
  });
  if (given.label !== undefined) {
    const at = { createdAtMs: f.nowMs, lastAtMs: f.nowMs };
    f.store.sessions.save({ id: "s1", principal: "client:shell", label: given.label, ...at });
  }
  const params = given.params ?? { message: "Your name?", requestedSchema: { type: "object", properties: {} } };
  f.reply = async (call) => {
    call.onNotice?.("notifications/message", { level: "info", data: "hello" });
    for (let time = 0; time < (given.times ?? 1); time += 1) {
      const reply = (await call.respond?.(method, params, "who")) ?? { kind: "broken", reason: "nobody to ask" };
      scene.got.push(reply);
    }
    return { kind: "result", result: { content: [] } };
  };
  const scene: Scene = {
    f,
    asked: [],
    told: [],
    got: [],
    call: () => {
      const caller: Caller = {
        capabilities: given.capabilities ?? { elicitation: {}, sampling: {} },
        logLevel: "info",
        tell: (_method, said) => void scene.told.push(said),
        ask: async (_method, asked, key) => {
          scene.asked.push({ params: asked, key });
          return given.answer === undefined ? ACCEPTED : given.answer(scene);
        },
      };
      return f.door.call({
        session: "s1",
        principal: CLIENT,
        tool: "notes.read_note",
        args: { path: "a" },
        caller,
        onProgress: () => undefined,
      });
    },
  };
  return scene;
}

const entries = ({ f }: Scene): readonly string[] =>
  f.store.ledger.entries({ limit: 100 }).map(({ kind, principal, subject }) => `${kind} ${principal} ${subject}`);

function refusal({ got }: Scene): string {
  const [reply] = got;
  return reply?.kind === "error" ? reply.message : JSON.stringify(reply);
}

test("a declared question reaches the program marked as the server's, and its answer the server", async (t) => {
  const scene = open(t, {
    answer: async ({ f }) => {
      assert.deepEqual(f.store.sessions.get("s1")?.label, CLEARED, "the label went first");
      return ACCEPTED;
    },
  });
  assert.equal((await scene.call()).kind, "result");
  assert.equal(scene.asked[0]?.key, "who");
  assert.match(
    textAt(scene.asked[0]?.params ?? {}, "message") ?? "",
    /^\[Untrusted: asked by the server 'notes'.*\] Your name\?$/,
  );
  assert.deepEqual(scene.got, [{ kind: "result", result: ACCEPTED }]);
  assert.ok(entries(scene).includes("session server:notes notes.@elicitation"));
  assert.deepEqual(scene.told, [{ level: "info", data: "hello" }]);
});

test("what the owner did not declare is not asked, and the refusal is in the ledger", async (t) => {
  for (const given of [{ asks: "" }, { method: "sampling/createMessage" }, { method: "tools/call" }]) {
    const scene = open(t, given);
    await scene.call();
    assert.deepEqual(scene.asked, []);
    assert.match(refusal(scene), /^servers\.notes\.asks does not name /);
    assert.ok(entries(scene).some((entry) => entry.startsWith("denied server:notes notes.@")));
  }
});

test("a server is told it may count on what is declared and on what the program can, no more", async (t) => {
  const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
  const scene = open(t, { asks: "asks: [elicitation, roots], ", capabilities });
  await scene.call();
  assert.deepEqual(scene.f.sent[0]?.capabilities, { elicitation: { form: {} }, roots: {} });
});

test("an address to open is not passed on", async (t) => {
  const scene = open(t, { params: { mode: "url", message: "Log in", url: "https://evil.example/" } });
  await scene.call();
  assert.deepEqual(scene.asked, []);
  assert.equal(refusal(scene), "addresses to open are not passed on");
});

test("nothing is asked where the answer could carry another compartment's data or a secret", async (t) => {
  const work: Label = { compartments: ["work"], integrity: "third-party", secret: false };
  const secret: Label = { compartments: [], integrity: "third-party", secret: true };
  const cases = [
    [work, /^an answer could carry work data out of its compartment$/],
    [secret, /^this conversation has read a secret$/],
  ] as const;
  for (const [label, reason] of cases) {
    const scene = open(t, { label });
    await scene.call();
    assert.deepEqual(scene.asked, []);
    assert.match(refusal(scene), reason);
  }
});

test("an answer that comes after a stop does not reach the server", async (t) => {
  const scene = open(t, {
    answer: async ({ f }) => {
      await f.door.stop("enough");
      return ACCEPTED;
    },
  });
  await scene.call();
  assert.equal(refusal(scene), "everything is stopped");
});

test("the program's own reason is what the server hears", async (t) => {
  const scene = open(t, { answer: async () => "The client did not answer." });
  await scene.call();
  assert.equal(refusal(scene), "The client did not answer.");
});

test("a server whose results are kept behind handles asks and tells nothing", async (t) => {
  const scene = open(t, { cards: (text) => text.replaceAll("mode: inline", "mode: handle") });
  assert.equal((await scene.call()).kind, "withheld");
  const call: PeerCall | undefined = scene.f.sent[0];
  assert.deepEqual([call?.onNotice, call?.onProgress, call?.capabilities], [undefined, undefined, {}]);
  const reply = await call?.respond?.("elicitation/create", { message: "PIN?" }, "k");
  assert.equal(reply?.kind, "error");
});

test("the value of a secret in an answer does not reach the server, in a form or in a reason", async (t) => {
  const secret = "hunter-2-and-hunter-3";
  for (const said of [{ action: "accept", content: { pin: secret } }, `cannot: ${secret}`]) {
    const scene = open(t, { secret, answer: async () => said });
    await scene.call();
    assert.equal(refusal(scene), "the answer holds the value of a secret");
  }
});

test("a server that asks on and on is refused, and does not fill the ledger", async (t) => {
  for (const asks of ["asks: [elicitation], ", ""]) {
    const message = "x".repeat(100_000);
    const scene = open(t, { asks, times: 200, params: { message } });
    await scene.call();
    const own = scene.f.store.ledger.entries({ limit: 999 }).filter(({ principal }) => principal === "server:notes");
    assert.equal(own.length, 32);
    const kept = own.map(({ seq }) => scene.f.store.ledger.text(seq)?.length ?? 0);
    assert.ok(asks !== "" || Math.max(...kept) < 10_000, "what was refused is kept in part");
    const last = scene.got.at(-1);
    assert.equal(last?.kind === "error" && last.message, "it asked too often in one call");
    assert.ok(scene.asked.length <= 32);
  }
});

test("what is too long for anybody to read is not asked", async (t) => {
  const scene = open(t, { params: { message: "x".repeat(300_000) } });
  await scene.call();
  assert.deepEqual(scene.asked, []);
  assert.equal(refusal(scene), "the question is too long");
});

test("what a program says it can be asked carries nothing of its own to the server", async (t) => {
  const word = "the door code is 4711";
  const capabilities = {
    elicitation: { form: { [word]: {} }, url: {}, [word]: {} },
    sampling: { tools: {}, context: { [word]: word } },
    roots: { listChanged: true, [word]: word },
  };
  const scene = open(t, { asks: "asks: [elicitation, sampling, roots], ", capabilities });
  await scene.call();
  assert.deepEqual(scene.f.sent[0]?.capabilities, {
    elicitation: { form: {} },
    sampling: { context: {}, tools: {} },
    roots: { listChanged: true },
  });
});

test("a form of an unknown mode is not passed on", async (t) => {
  for (const mode of ["URL", ["url"], { url: "https://evil.example/" }]) {
    const scene = open(t, { params: { mode, message: "Log in", url: "https://evil.example/" } });
    await scene.call();
    assert.deepEqual(scene.asked, []);
  }
});

test("a call that nobody waits for any more is told that nobody can be asked", async (t) => {
  const { f } = open(t);
  await f.door.call({ session: "s1", principal: CLIENT, tool: "notes.read_note", args: { path: "a" } });
  const reply = await f.sent[0]?.respond?.("elicitation/create", { message: "PIN?" }, "k");
  assert.equal(reply?.kind, "error", "else a result that asks for input would be handed to the program as it is");
});

test("an error that wants an address opened reaches no program as such", async (t) => {
  const scene = open(t);
  const elicitations = [{ mode: "url", url: "https://evil.example/", message: "Log in" }];
  scene.f.reply = async () => ({ kind: "error", code: -32_042, message: "Log in first", data: { elicitations } });
  const answer = await scene.call();
  for (const reply of [toolReply(answer), protocolReply(answer)]) {
    assert.doesNotMatch(JSON.stringify(reply), /-32042|evil\.example/);
  }
});

test("a server whose definitions changed meanwhile is asked nothing for, and gets no answer", async (t) => {
  const before = open(t);
  before.f.reply = async (call) => {
    before.f.holdBack("its lists changed");
    before.got.push((await call.respond?.("elicitation/create", {}, "k")) ?? { kind: "broken", reason: "none" });
    return { kind: "result", result: { content: [] } };
  };
  await before.call();
  assert.deepEqual([before.asked, refusal(before)], [[], "it is held back: its lists changed"]);
  const after = open(t, {
    answer: async ({ f }) => {
      f.holdBack("its lists changed");
      return ACCEPTED;
    },
  });
  await after.call();
  assert.equal(refusal(after), "it is held back: its lists changed");
});
