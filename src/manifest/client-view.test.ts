import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { diffPolicy, editStack, loadPolicy, parseStack } from "./index.ts";

const STACK = `version: 1
owner: { name: Ada }
compartments:
  a: {}
servers:
  files: { source: "npm:x@1.0.0", compartment: a }
clients:
  # the editor
  one: { compartments: [a], names: short }
  two: { compartments: [a] } # the other
`;

test("another view keeps what else is said of the client, and the other entries as they are", () => {
  const view = { view: "hybrid", direct: ["files.read"] } as const;
  const edited = editStack(STACK, [{ kind: "change-view", name: "one", view }]);
  const kept = {
    compartments: ["a"],
    names: "short",
    inform: null,
    subject: null,
    clientId: null,
    models: [],
    budget: null,
  };
  assert.deepEqual(parseStack(edited, "stack.yaml").clients["one"], { ...kept, ...view });
  assert.ok(edited.includes("  two: { compartments: [a] } # the other\n"));
  const back = editStack(edited, [{ kind: "change-view", name: "one", view: { view: "direct" } }]);
  assert.equal(parseStack(back, "stack.yaml").clients["one"]?.view, "direct");
});

test("a view of a client that is not declared is refused", () => {
  assert.throws(
    () => editStack(STACK, [{ kind: "change-view", name: "onee", view: { view: "search" } }]),
    (error) => error instanceof Fault && /Did you mean 'one'\?/.test(error.message),
  );
});

test("the diff says how a client sees its tools, and calls it no widening", () => {
  const after = editStack(STACK, [{ kind: "change-view", name: "two", view: { view: "search" } }]);
  const changes = diffPolicy({ "stack.yaml": STACK }, { "stack.yaml": after });
  assert.deepEqual(
    changes.map(({ what, wider }) => [what, wider]),
    [["client two finds its tools by search", false]],
  );
});

test("a program can be told of a call that waits by a form, and the diff says so", () => {
  const after = STACK.replace("two: { compartments: [a] }", "two: { compartments: [a], inform: elicitation }");
  assert.equal(parseStack(after, "stack.yaml").clients["two"]?.inform, "elicitation");
  assert.deepEqual(
    diffPolicy({ "stack.yaml": STACK }, { "stack.yaml": after }).map(({ what, wider }) => [what, wider]),
    [["client two sees every tool listed, and shows a form when a call waits for you", false]],
  );
  assert.throws(
    () => parseStack(after.replace("inform: elicitation", "inform: elicit"), "stack.yaml"),
    (error) => error instanceof Fault && /must be one of elicitation/.test(error.message),
  );
});

test("a tool listed beside the search must belong to a declared server", () => {
  const view = { view: "hybrid", direct: ["filse.read"] } as const;
  const stack = editStack(STACK, [{ kind: "change-view", name: "two", view }]);
  assert.throws(
    () => loadPolicy({ "stack.yaml": stack }),
    (error) => error instanceof Fault && /client 'two' lists filse\.read; .*Did you mean 'files'\?/.test(error.message),
  );
});
