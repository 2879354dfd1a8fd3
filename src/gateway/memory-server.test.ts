import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical, surfaceRoot, type JsonObject } from "../kernel/index.ts";
import { loadPolicy } from "../manifest/index.ts";
import { handshake, readSurface, type Peer, type RpcReply } from "../mcp/index.ts";
import type { Notes } from "../memory/index.ts";
import { policyFiles } from "../../tests/fixtures/door.ts";
import { memoryPeer, memoryServer } from "./memory-server.ts";
import { activate } from "./policy.ts";
import { viewFor } from "./views.ts";

const NOTES: Notes = {
  append: (text) => ({ date: "2026-11-22", text }),
  recall: (query) => (query === "tea" ? [{ date: "2026-11-22", text: "tea at five" }] : []),
  count: () => 1,
};
const LIMITS = { timeoutMs: 1_000, pagesMax: 5, itemsMax: 50 };

function called(peer: Peer, name: string, args: JsonObject): Promise<RpcReply> {
  return peer.request({ method: "tools/call", paramsText: canonical({ arguments: args, name }), timeoutMs: 1_000 });
}

test("each compartment has a server of its own, with cards that hold for what it serves", () => {
  const policy = activate(loadPolicy(policyFiles(null)));
  for (const compartment of ["family", "work"]) {
    const server = `memory-${compartment}`;
    assert.equal(policy.stack.servers[server]?.compartment, compartment);
    for (const [tool, effect] of [
      ["recall", "read"],
      ["remember", "write-reversible"],
    ]) {
      const card = policy.cards.get(`${server}.${tool}`);
      assert.equal(card?.effect, effect);
      assert.equal(card?.pin, policy.pins.get(`${server}.${tool}`));
    }
    assert.equal(policy.cards.get(`${server}.recall`)?.result.trust, "third-party");
  }
});

test("no program sees it, whatever it is cleared for", () => {
  const policy = activate(loadPolicy(policyFiles(null)));
  const { toolOf } = viewFor(policy, ["family", "work"], { kind: "direct", names: "full" });
  assert.deepEqual([...toolOf.keys()], ["notes__read_note", "notes__write_note"]);
});

test("it serves over the protocol exactly what is pinned", async () => {
  const peer = memoryPeer(NOTES);
  const hello = await handshake(peer, { timeoutMs: 1_000, open: "legacy" });
  const surface = await readSurface(peer, hello, LIMITS);
  assert.equal(surfaceRoot(surface), memoryServer("family").locked.surfaceRoot);
});

test("it notes and finds, says when nothing fits, and what it cannot do it answers with its reason", async () => {
  const peer = memoryPeer(NOTES);
  const text = async (name: string, args: JsonObject): Promise<string> =>
    JSON.stringify(await called(peer, name, args));
  assert.match(await text("remember", { text: "tea at five" }), /Noted on 2026-11-22\./);
  assert.match(await text("recall", { query: "tea" }), /2026-11-22 tea at five/);
  assert.match(await text("recall", { query: "coffee" }), /No note fits\./);
  const full = memoryPeer({
    ...NOTES,
    append: () => {
      throw new Error("the notes are full");
    },
  });
  const reply = await called(full, "remember", { text: "x" });
  assert.deepEqual(reply, { kind: "error", code: -32_603, message: "the notes are full" });
  const other = await peer.request({ method: "resources/list", paramsText: "{}", timeoutMs: 1_000 });
  assert.equal(other.kind, "error");
});
