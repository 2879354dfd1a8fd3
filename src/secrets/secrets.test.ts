// Secrets at rest, the signing key, and taking secret values out of texts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { verify } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { Fault } from "../kernel/index.ts";
import { openSecrets, openSigner, redactor } from "./index.ts";

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "freehold-secrets-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const isFault = (code: string) => (error: unknown) => error instanceof Fault && error.code === code;

test("a secret comes back after a restart and stands nowhere in plain text", async (t) => {
  const dir = folder(t);
  await openSecrets({ dir }).set("mail", "correct horse battery");
  assert.equal(await openSecrets({ dir }).get("mail"), "correct horse battery");
  assert.equal(await openSecrets({ dir }).get("other"), null);
  assert.equal(readFileSync(join(dir, "secrets.age")).includes("horse"), false);
  assert.match(readFileSync(join(dir, "secrets.age"), "latin1"), /^age-encryption\.org\/v1\n-> X25519 /);
  for (const file of ["secrets.age", "keys/age.txt"]) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  assert.deepEqual(readdirSync(dir).sort(), ["keys", "secrets.age"]);
});

const hasAge = spawnSync("age", ["--version"]).status === 0;

test(
  "the stock age program opens the file",
  { skip: !hasAge && process.env["CI"] !== "true" && "no age" },
  async (t) => {
    const dir = folder(t);
    await openSecrets({ dir }).set("mail", "correct horse battery");
    const done = spawnSync("age", ["-d", "-i", join(dir, "keys/age.txt"), join(dir, "secrets.age")], {
      encoding: "utf8",
    });
    assert.deepEqual(JSON.parse(done.stdout), { mail: "correct horse battery" });
  },
);

test("changes at once all stay; list names them, remove forgets one", async (t) => {
  const secrets = openSecrets({ dir: folder(t) });
  await Promise.all(["c", "a", "b"].map((name) => secrets.set(name, `value of ${name}`)));
  assert.deepEqual(await secrets.list(), ["a", "b", "c"]);
  assert.equal(await secrets.remove("b"), true);
  assert.equal(await secrets.remove("b"), false);
  assert.deepEqual(await secrets.list(), ["a", "c"]);
});

test("names that are no names and values that are no values are refused, and the next change works", async (t) => {
  const secrets = openSecrets({ dir: folder(t) });
  for (const name of ["", "-a", "A", "a b", "../x", "a".repeat(65), "ä"]) {
    await assert.rejects(secrets.set(name, "some value"), isFault("secrets.name"), name);
  }
  for (const value of ["", "x".repeat(64 * 1024 + 1), "half \ud83d"]) {
    await assert.rejects(secrets.set("a", value), isFault("secrets.value"));
  }
  await secrets.set("a", "some value");
  assert.deepEqual(await secrets.list(), ["a"]);
});

test("a key that others can read is refused, with the command that mends it", async (t) => {
  const dir = folder(t);
  const secrets = openSecrets({ dir });
  await secrets.set("a", "some value");
  openSigner({ dir });
  for (const file of ["keys/age.txt", "keys/ledger.pem"]) chmodSync(join(dir, file), 0o640);
  await assert.rejects(secrets.get("a"), (error: unknown) => {
    return isFault("secrets.readable-by-others")(error) && (error as Fault).next?.startsWith("chmod 600 ") === true;
  });
  assert.throws(() => openSigner({ dir }), isFault("secrets.readable-by-others"));
});

test("a lost or foreign key and a damaged file are faults, and nothing is overwritten", async (t) => {
  const [dir, other] = [folder(t), folder(t)];
  await openSecrets({ dir }).set("a", "some value");
  await openSecrets({ dir: other }).set("a", "some value");
  writeFileSync(join(dir, "keys/age.txt"), readFileSync(join(other, "keys/age.txt")));
  const before = readFileSync(join(dir, "secrets.age"));
  await assert.rejects(openSecrets({ dir }).get("a"), isFault("secrets.sealed"));
  await assert.rejects(openSecrets({ dir }).set("b", "some value"), isFault("secrets.sealed"));
  assert.deepEqual(readFileSync(join(dir, "secrets.age")), before);
  rmSync(join(dir, "keys/age.txt"));
  await assert.rejects(openSecrets({ dir }).get("a"), isFault("secrets.sealed"));
  writeFileSync(join(other, "secrets.age"), "age-encryption.org/v1\n");
  await assert.rejects(openSecrets({ dir: other }).get("a"), isFault("secrets.sealed"));
});

test("the signing key is made once, and its signatures verify", (t) => {
  const dir = folder(t);
  const signer = openSigner({ dir });
  const signature = Buffer.from(signer.sign("a head"), "hex");
  assert.equal(verify(null, Buffer.from("a head"), signer.publicKeyPem, signature), true);
  assert.equal(verify(null, Buffer.from("another"), signer.publicKeyPem, signature), false);
  assert.equal(openSigner({ dir }).publicKeyPem, signer.publicKeyPem);
  assert.equal(statSync(join(dir, "keys/ledger.pem")).mode & 0o777, 0o600);
  writeFileSync(join(dir, "keys/ledger.pem"), "no key");
  assert.throws(() => openSigner({ dir }), isFault("secrets.key"));
});

test("secret values are taken out in every notation a program may use", () => {
  const value = "p4ss/w+rd ü!";
  const redact = redactor(
    new Map([
      ["mail", value],
      ["short", "abc"],
    ]),
  );
  const bytes = Buffer.from(value);
  const notations = [
    value,
    JSON.stringify({ value }),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    encodeURIComponent(value),
    encodeURIComponent(value).toLowerCase(),
    new URLSearchParams({ value }).toString().replaceAll("%21", "!"),
    bytes.toString("hex").replace(/../g, "%$&"),
    bytes.toString("base64url"),
  ];
  for (const text of notations) assert.match(redact(`a ${text} b`), /^a .*‹secret:mail›.* b$/u, text);
  assert.equal(redact("abc and nothing"), "abc and nothing");
});

test("a secret inside a longer base64 text is taken out at every offset", () => {
  const value = "hunter2-hunter2";
  const redact = redactor(new Map([["mail", value]]));
  for (const user of ["u:", "us:", "usr:", "user:"]) {
    const header = Buffer.from(`${user}${value}${user}`).toString("base64");
    const left = redact(header).replace("‹secret:mail›", "");
    assert.ok(left.length < header.length - 15, left);
  }
});

test("no text that holds a secret keeps it", () => {
  const text = fc.string({ minLength: 8, maxLength: 40, unit: "grapheme" });
  fc.assert(
    fc.property(text, fc.string(), fc.string(), (value, before, after) => {
      const redact = redactor(new Map([["x", value]]));
      const form = Buffer.from(value).toString("base64").replace(/.=+$/, "");
      assert.equal(redact(before + value + after).includes(value), "‹secret:x›".includes(value));
      assert.equal(redact(` ${form}`).includes(form), false);
    }),
  );
});

test("of two secrets the longer one is named", () => {
  const redact = redactor(
    new Map([
      ["short", "password"],
      ["long", "password-and-more"],
    ]),
  );
  assert.equal(redact("password-and-more, password"), "‹secret:long›, ‹secret:short›");
});
