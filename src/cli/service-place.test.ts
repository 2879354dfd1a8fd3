import assert from "node:assert/strict";
import { test } from "node:test";
import { openCode } from "./service.ts";

const machine = (paths: Readonly<Record<string, readonly [uid: number, mode: number]>>) => (path: string) => {
  const [uid, mode] = paths[path] ?? [0, 0o755];
  return { uid, mode };
};

test("a service is not made of code that programs of a plain user can change", () => {
  assert.equal(openCode("/opt/freehold", machine({})), null);
  assert.equal(openCode("/tmp/freehold", machine({ "/tmp": [0, 0o1777] })), null);
  assert.match(openCode("/home/ada/freehold", machine({ "/home/ada": [1000, 0o750] })) ?? "", /\/home\/ada belongs to/);
  assert.match(openCode("/srv/freehold", machine({ "/srv": [0, 0o775] })) ?? "", /\/srv can be written by others/);
});
