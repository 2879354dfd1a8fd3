import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packed, tarOf, type MadeFile } from "../../tests/fixtures/npm-registry.ts";
import { Fault } from "../kernel/index.ts";
import { readPackage, readTar } from "./tar.ts";

const file = (path: string, content = ""): MadeFile => ({ path, content });

function pax(records: Readonly<Record<string, string>>): MadeFile {
  const content = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
    return `${length}${rest}`;
  });
  return { path: "PaxHeader/x", type: "x", content: content.join("") };
}

function refusal(files: readonly MadeFile[]): string {
  try {
    readTar("pkg@1.0.0", tarOf(files));
  } catch (error) {
    if (error instanceof Fault && error.code === "supply.archive") return error.message;
    throw error;
  }
  return assert.fail("it was read");
}

test("plain files come out without their first folder, with content and mode", async () => {
  const files = await readPackage(
    "pkg",
    packed([
      { path: "package", type: "5" },
      file("package/a.js", "a"),
      { path: "package/lib/b.js", content: "b".repeat(600), mode: 0o755 },
      file("beside.txt"),
    ]),
  );
  assert.deepEqual(
    files.map(({ path, mode, content }) => [path, mode, content.length]),
    [
      ["a.js", 0o644, 1],
      ["lib/b.js", 0o755, 600],
    ],
  );
});

test("long names in the pax and GNU ways are read, and hold for one file only", () => {
  const long = `package/${"deep/".repeat(40)}é.js`;
  const files = readTar(
    "pkg",
    tarOf([
      { path: "pax_global_header", type: "g", content: "17 comment=abcde\n" },
      pax({ path: long }),
      file("package/short", "1"),
      { path: "././@LongLink", type: "L", content: `${long}x\0` },
      file("package/short", "2"),
      file("package/short", "3"),
    ]),
  );
  const inner = long.slice("package/".length);
  assert.deepEqual(
    files.map((item) => [item.path, item.content.toString()]),
    [
      [inner, "1"],
      [`${inner}x`, "2"],
      ["short", "3"],
    ],
  );
});

const LEADING_OUT = [
  "package/../x",
  "../x",
  "/etc/passwd",
  "package//x",
  "package/./x",
  "./package/x",
  "package/a\\..\\x",
  "C:/x",
  "package/a\nb",
  "package/..",
];

test("a path that leads out, by its header or by an extended one, is refused", () => {
  for (const path of LEADING_OUT) {
    assert.match(refusal([file(path)]), /leads out of the package or is no plain path/, path);
    assert.match(refusal([pax({ path }), file("package/fine")]), /leads out/, path);
    assert.match(refusal([{ path: "L", type: "L", content: path }, file("package/fine")]), /leads out/, path);
  }
});

test("links, devices and pipes are refused by name", () => {
  const kinds = {
    "1": /hard link/,
    "2": /symbolic link/,
    "3": /device/,
    "4": /device/,
    "6": /pipe/,
    S: /unknown kind/,
  };
  for (const [type, words] of Object.entries(kinds)) {
    assert.match(refusal([{ path: "package/x", type, link: "../../x" }]), words);
  }
});

test("two names that some file system takes for one are refused", () => {
  assert.match(refusal([file("package/a"), file("package/a")]), /twice/);
  assert.match(refusal([file("package/README"), file("package/readme")]), /twice/);
  assert.match(refusal([file("package/\u00e9"), file("package/e\u0301")]), /twice/);
});

test("a damaged archive is refused, never read in part", async () => {
  const sound = tarOf([file("package/a", "a".repeat(2_000))]);
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [sound.subarray(0, 1_024), /cut short/],
    [sound.subarray(0, 512 + 2_048), /no end/],
    [Buffer.from(sound).fill(65, 0, 1), /checksum/],
    [tarOf([{ path: "package/a", type: "x", content: "99 path=x\n" }]), /extended header/],
  ];
  for (const [bytes, words] of cases) {
    assert.throws(() => readTar("pkg", bytes), words);
  }
  await assert.rejects(readPackage("pkg", Buffer.from("not gzip")), /not gzip/);
});

test("whatever an archive says, a path stays inside or the archive is refused", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "package", "C:", "/", "\0"), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.constantFrom("0", "\0", "5", "2"), (parts, type) => {
      try {
        for (const { path } of readTar("pkg", tarOf([{ path: parts.join("/"), type }]))) {
          assert.ok(path.split("/").every((name) => name !== "" && name !== "." && name !== ".."));
        }
      } catch (error) {
        assert.ok(error instanceof Fault);
      }
    }),
  );
});
