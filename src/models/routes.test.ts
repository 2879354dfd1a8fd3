import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Declarations, ModelDeclaration } from "./declaration.ts";
import { routesOf } from "./routes.ts";

function model(place: ModelDeclaration["place"], fallbackFor: readonly string[] = []): ModelDeclaration {
  const rest = { url: null, secret: null, context: null, maxOutput: null, price: null };
  return { speaks: "openai-chat", model: "m", place, fallbackFor, ...rest };
}

test("without a name the nearest is tried first, and stand-ins last", () => {
  const models = {
    far: model("cloud"),
    spare: model("this-machine", ["far"]),
    box: model("my-network"),
    here: model("this-machine"),
  };
  assert.deepEqual(routesOf(models, null), ["here", "box", "far", "spare"]);
});

test("a named model is followed by what stands in for it, and by what stands in for that", () => {
  const models = {
    other: model("this-machine"),
    third: model("cloud", ["second"]),
    second: model("cloud", ["first"]),
    first: model("this-machine"),
  };
  assert.deepEqual(routesOf(models, "first"), ["first", "second", "third"]);
  assert.deepEqual(routesOf(models, "third"), ["third"]);
});

test("a circle of stand-ins is walked once", () => {
  const models = { a: model("cloud", ["b"]), b: model("cloud", ["a"]) };
  assert.deepEqual(routesOf(models, "a"), ["a", "b"]);
  assert.deepEqual(routesOf(models, null), ["a", "b"]);
});

test("a name that is not declared has no route, be it a part of every object", () => {
  assert.deepEqual(routesOf({}, "toString"), []);
  assert.deepEqual(routesOf({}, null), []);
});

test("every model stands at most once in a route, and without a name each stands in it", () => {
  const names = ["a", "b", "c", "d", "e"] as const;
  const any = fc.record({
    place: fc.constantFrom("this-machine", "my-network", "cloud"),
    fallbackFor: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), any), fc.constantFrom(null, ...names), (drafts, name) => {
      const models: Declarations = Object.fromEntries(
        Object.entries(drafts).map(([one, { place, fallbackFor }]) => [one, model(place, fallbackFor)]),
      );
      const route = routesOf(models, name);
      assert.equal(new Set(route).size, route.length);
      if (name === null) assert.deepEqual(route.toSorted(), Object.keys(models).toSorted());
      else if (Object.hasOwn(models, name)) assert.equal(route[0], name);
      for (const [at, one] of route.entries()) {
        if (name === null || at === 0) continue;
        const before = route.slice(0, at);
        assert.ok(models[one]?.fallbackFor.some((primary) => before.includes(primary)));
      }
    }),
  );
});
