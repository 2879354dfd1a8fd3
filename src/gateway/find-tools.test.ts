import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indexTools, type Findable } from "./find-tools.ts";
import { askedStemsOf, stemsOf } from "./find-words.ts";

function tool(name: string, purpose: string, parameters = ""): Findable {
  const server = name.split(".")[0] ?? "";
  return { name, server, fields: { name, purpose, more: "", parameters, hints: "", card: "" } };
}

const TOOLS = [
  tool("shed.listTools", "Names what hangs on the wall"),
  tool("shed.borrow_ladder", "Lends one ladder", "until"),
  tool("post.send_letter", "Sends a letter", "recipient"),
  tool("album.get_image", "Fetches one image"),
  tool("album.delete_image", "Deletes one image"),
];

test("names in any spelling come apart, and words are found whatever their ending", () => {
  assert.deepEqual(stemsOf("listPullRequests2 get_HTTPServers"), ["list", "pull", "request", "get", "http", "server"]);
  assert.deepEqual(stemsOf("creating created creates"), ["creat", "creat", "creat"]);
  const index = indexTools(TOOLS);
  assert.equal(index.find("ladders", 1)[0], "shed.borrow_ladder");
  assert.equal(index.find("sending letters", 1)[0], "post.send_letter");
});

test("what people say finds what programs call otherwise, but a tool's own word counts more", () => {
  const index = indexTools(TOOLS);
  assert.deepEqual(index.find("erase a photo", 1), ["album.delete_image"]);
  assert.deepEqual(index.find("look at the photo", 1), ["album.get_image"]);
  const named = indexTools([tool("a.get_image", "Gets an image"), tool("a.get_photo", "Gets a photo")]);
  assert.deepEqual(named.find("photo", 2), ["a.get_photo", "a.get_image"]);
});

test("who names a server means its tools", () => {
  const index = indexTools([tool("left.add_entry", "Adds an entry"), tool("right.add_entry", "Adds an entry")]);
  assert.equal(index.find("add an entry to right", 1)[0], "right.add_entry");
});

test("words that say nothing, and words nobody uses, find nothing", () => {
  const index = indexTools(TOOLS);
  for (const query of ["", "please do it for me", "xyzzy", "…", "__proto__", "constructor"]) {
    assert.deepEqual(index.find(query, 5), [], query);
  }
  assert.deepEqual(indexTools([]).find("image", 5), []);
});

test("turns of speech are understood", () => {
  assert.deepEqual(askedStemsOf("Look for it"), ["search"]);
  assert.deepEqual(askedStemsOf("get rid of that"), ["delet"]);
});

test("any query over any tools gives known names, none twice, and the same ones again", () => {
  const word = fc.stringMatching(/^[a-zA-Z_ éß.]{0,12}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 20 }), fc.string(), (pairs, query) => {
      const tools = pairs.map(([name, purpose], at) => tool(`s${at}.${name}`, purpose));
      const found = indexTools(tools).find(query, 5);
      assert.ok(found.length <= 5);
      assert.equal(new Set(found).size, found.length);
      assert.ok(found.every((name) => tools.some((one) => one.name === name)));
      assert.deepEqual(indexTools(tools).find(query, 5), found);
    }),
  );
});

test("a very long query is cut, not worked through", () => {
  const index = indexTools(TOOLS);
  assert.deepEqual(index.find(`${"filler ".repeat(100_000)} image`, 5), []);
});
