import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isObject,
  pinOf,
  surfaceRoot,
  textAt,
  type JsonObject,
  type JsonValue,
  type Surface,
} from "../kernel/index.ts";
import { loadPolicy, type PolicyFiles } from "../manifest/index.ts";
import type { RpcReply } from "../mcp/index.ts";
import { openFixture, OWNER, policyFiles, READ_TOOL, SURFACE, type DoorFixture } from "../../tests/fixtures/door.ts";
import { openEndpoint } from "./endpoint.ts";
import { activate } from "./policy.ts";

/** The stack of the door's tests with the client `shell` in another view, and `office` cleared for nothing of it. */
function filesFor(view: string, surface: Surface = SURFACE): PolicyFiles {
  const files = policyFiles(null, surface);
  const stack = (files["stack.yaml"] ?? "").replace(
    "shell: { compartments: [family] }",
    `shell: { compartments: [family], ${view} }`,
  );
  return { ...files, "stack.yaml": stack.replace("[work] }", "[work], view: search }") };
}

/** The same again, with a server of the compartment `work` that offers alike tools. */
function withJournal(files: PolicyFiles): PolicyFiles {
  const again = (text = ""): string => text.replaceAll("notes", "journal").replaceAll("family", "work");
  const stack = files["stack.yaml"] ?? "";
  const lock = JSON.parse(files["stack.lock"] ?? "{}") as { readonly servers: JsonObject };
  const { journal = {} } = (JSON.parse(again(files["stack.lock"])) as typeof lock).servers;
  const both = { version: 1, servers: { ...lock.servers, journal: { ...(journal as JsonObject), ...SERVED } } };
  const line = /^ {2}notes: .*\n/m.exec(stack)?.[0] ?? "";
  return {
    ...files,
    "stack.yaml": stack.replace(line, `${again(line)}${line}`),
    "stack.lock": JSON.stringify(both),
    "cards/journal.yaml": again(files["cards/notes.yaml"])
      .replaceAll("journal_", "notes_")
      .replaceAll("_journal", "_notes"),
  };
}

const SERVED = { surface: SURFACE as unknown as JsonObject, surfaceRoot: surfaceRoot(SURFACE) };

interface Opened {
  readonly fixture: DoorFixture;
  readonly ask: (client: string, method: string, params?: JsonObject) => Promise<RpcReply>;
  readonly tool: (name: string, args: JsonObject, client?: string) => Promise<string>;
}

function open(files: PolicyFiles): Opened {
  const fixture = openFixture({ waitMs: 0 });
  fixture.accept(files);
  const policy = activate(loadPolicy(files));
  const respond = openEndpoint({ ...fixture, clock: { nowMs: () => fixture.nowMs }, policy: () => policy });
  const ask: Opened["ask"] = (client, method, params = {}) =>
    respond({
      identity: { principal: { kind: "client", name: client }, key: client },
      wire: { id: "1", era: "legacy", protocol: "2025-11-25", clientInfo: {}, capabilities: {} },
      method,
      params,
      signal: new AbortController().signal,
      logLevel: null,
      tell: () => undefined,
      ask: async () => ({ kind: "broken", reason: "nobody is there" }),
    });
  const tool: Opened["tool"] = async (name, args, client = "shell") =>
    textOf(await ask(client, "tools/call", { name, arguments: args }));
  return { fixture, ask, tool };
}

function textOf(reply: RpcReply): string {
  if (reply.kind !== "result") return reply.kind === "error" ? `${reply.code}: ${reply.message}` : reply.reason;
  const content = reply.result["content"];
  const [first]: readonly JsonValue[] = Array.isArray(content) ? content : [];
  return isObject(first) ? (textAt(first, "text") ?? "") : JSON.stringify(reply.result);
}

async function listed(opened: Opened, client = "shell"): Promise<readonly JsonObject[]> {
  const reply = await opened.ask(client, "tools/list");
  const tools = reply.kind === "result" ? reply.result["tools"] : null;
  assert.ok(Array.isArray(tools));
  return tools.filter((one: JsonValue) => isObject(one));
}

const names = (tools: readonly JsonObject[]): readonly string[] => tools.map((one) => textAt(one, "name") ?? "");
const META = ["freehold_find", "freehold_describe", "freehold_call", "freehold_result"];

test("a search view lists the same four tools, byte for byte, whatever servers there are", async () => {
  const many = open(filesFor("view: search"));
  const more = open(withJournal(filesFor("view: search")));
  const list = await listed(many);
  assert.deepEqual(names(list), META);
  assert.equal(JSON.stringify(await listed(more)), JSON.stringify(list));
  assert.equal(JSON.stringify(await listed(many, "office")), JSON.stringify(list));
  many.fixture.end();
  more.fixture.end();
});

test("a hybrid view lists the tools that are named beside the search", async () => {
  for (const view of ["view: hybrid, direct: [notes.read_note]", "view: search, direct: [notes.read_note]"]) {
    const opened = open(filesFor(view));
    assert.deepEqual(names(await listed(opened)), [...META, "notes__read_note"]);
    opened.fixture.end();
  }
});

test("what was found can be read about and called, and the server gets the call by its own name", async () => {
  const { tool, fixture } = open(filesFor("view: search"));
  assert.match(await tool("freehold_find", { query: "read a note" }), /^notes__read_note\(path\)/);
  const described = await tool("freehold_describe", { tool: "notes__read_note" });
  assert.match(described, /^notes__read_note \(read\)\npath: string$/);
  assert.equal(await tool("freehold_call", { tool: "notes__read_note", arguments: { path: "a" } }), "done");
  assert.equal(await tool("freehold_call", { tool: "notes.read_note", arguments: '{"path":"b"}' }), "done");
  assert.deepEqual(
    fixture.sent.map((call) => [call.method, call.paramsText]),
    [
      ["tools/call", '{"arguments":{"path":"a"},"name":"read_note"}'],
      ["tools/call", '{"arguments":{"path":"b"},"name":"read_note"}'],
    ],
  );
  fixture.end();
});

test("the owner is asked about the inner tool with its own arguments, and nothing runs before", async () => {
  const { tool, fixture } = open(filesFor("view: search"));
  const args = { path: "/list", text: "milk" };
  assert.match(await tool("freehold_call", { tool: "notes__write_note", arguments: args }), /^Waiting for the owner/);
  const [question] = fixture.store.questions.list(["open"]);
  assert.ok(question !== undefined);
  assert.equal(question.binding.tool, "notes.write_note");
  assert.equal(question.binding.args, JSON.stringify(args));
  assert.match(question.sentence, /^shell wants to write note/);
  assert.equal(fixture.sent.length, 0);
  await fixture.door.answer(question.id, { kind: "yes" }, OWNER);
  assert.equal(await tool("freehold_result", { question: question.id }), "done");
  assert.equal(fixture.sent.length, 1);
  fixture.end();
});

test("arguments that do not fit come back with what would, and reach no server", async () => {
  const { tool, fixture } = open(filesFor("view: search"));
  for (const args of [{}, { path: 7 }]) {
    const said = await tool("freehold_call", { tool: "notes__read_note", arguments: args });
    assert.match(said, /^Denied \(C0\): its arguments do not fit: .*It takes \(path\)\.$/);
  }
  for (const args of ["no JSON", '{"path":"a","path":"b"}', "[]", 3, null]) {
    const said = await tool("freehold_call", { tool: "notes__read_note", arguments: args });
    assert.match(said, /must be an object\. It takes \(path\)\.$/, JSON.stringify(args));
  }
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("tools of another compartment are answered like tools that do not exist", async () => {
  const { tool, fixture } = open(filesFor("view: search"));
  for (const name of ["notes__read_note", "notes.read_note", "notes__no_such"]) {
    for (const meta of ["freehold_describe", "freehold_call"]) {
      assert.equal(await tool(meta, { tool: name, arguments: {} }, "office"), `There is no tool ${name}.`);
    }
  }
  const nothing = "Nothing fits. Try other words. Tools by server: none";
  assert.equal(await tool("freehold_find", { query: "read a note" }, "office"), nothing);
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("servers of another compartment change neither what is found nor its order", async () => {
  const [alone, beside] = [open(filesFor("view: search")), open(withJournal(filesFor("view: search")))];
  assert.match(await beside.tool("freehold_find", { query: "journal note" }, "office"), /^journal__/);
  for (const query of ["note", "read", "write text", "journal", "journal note path", "xyzzy"]) {
    const [one, other] = [await alone.tool("freehold_find", { query }), await beside.tool("freehold_find", { query })];
    assert.equal(one, other, query);
  }
  alone.fixture.end();
  beside.fixture.end();
});

test("a tool whose card was voided by another definition is not found", async () => {
  const changed = { ...READ_TOOL, description: "Reads a note, and more." };
  assert.notEqual(pinOf(changed), pinOf(READ_TOOL));
  const surface = { ...SURFACE, tools: SURFACE.tools.map((one) => (one === READ_TOOL ? changed : one)) };
  const { tool, fixture } = open(filesFor("view: search", surface));
  assert.doesNotMatch(await tool("freehold_find", { query: "read a note" }), /read_note/);
  assert.match(await tool("freehold_describe", { tool: "notes__read_note" }), /^There is no tool notes__read_note\./);
  fixture.end();
});

test("a wrong name is met with the nearest ones, and a search without words with what there is", async () => {
  const { tool, fixture } = open(filesFor("view: search"));
  assert.equal(
    await tool("freehold_call", { tool: "notes_write", arguments: {} }),
    "There is no tool notes_write. Did you mean notes__write_note, notes__read_note?",
  );
  assert.match(await tool("freehold_find", { query: "xyzzy" }), /Tools by server: notes 2$/);
  assert.equal(await tool("freehold_find", {}), "freehold_find needs a query");
  fixture.end();
});

test("a client that is listed everything has no search", async () => {
  const { tool, fixture } = open(policyFiles(null));
  for (const name of META.slice(0, 3)) {
    assert.match(await tool(name, { query: "note", tool: "notes__read_note", arguments: {} }), /^-32602: there is no/);
  }
  fixture.end();
});
