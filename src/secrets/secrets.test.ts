// Secrets at rest, under a key file and under a passphrase, and the signing key.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { verify } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Fault } from "../kernel/index.ts";
import { openSecrets, openSigner } from "./index.ts";

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

test("the mask learns all values at the start, and each change before it can be handed out", async (t) => {
  const dir = folder(t);
  await openSecrets({ dir }).set("mail", "correct horse battery");
  const learnt: Record<string, string>[] = [];
  const secrets = openSecrets({ dir, learn: (values) => void learnt.push(Object.fromEntries(values)) });
  await secrets.open();
  assert.deepEqual(learnt, [{ mail: "correct horse battery" }]);
  await secrets.set("other", "staple staple");
  assert.deepEqual(learnt.at(-1), { mail: "correct horse battery", other: "staple staple" });
});

test("under a passphrase the values open only after it was given, also to a copy of all files", async (t) => {
  const dir = folder(t);
  const secrets = openSecrets({ dir });
  assert.equal(secrets.lock(), false);
  await secrets.set("mail", "correct horse battery");
  await secrets.protect("open sesame and more");
  assert.equal(await secrets.get("mail"), "correct horse battery");
  assert.equal(readFileSync(join(dir, "keys/age.txt"), "latin1").includes("AGE-SECRET-KEY"), false);
  assert.equal(statSync(join(dir, "keys/age.txt")).mode & 0o777, 0o600);

  const restarted = openSecrets({ dir });
  await restarted.open();
  assert.equal(restarted.isLocked(), true);
  for (const tried of [restarted.get("mail"), restarted.set("a", "some value"), restarted.protect(null)]) {
    await assert.rejects(tried, isFault("secrets.locked"));
  }
  assert.equal(await restarted.unlock("open sesame"), false);
  assert.equal(restarted.isLocked(), true);
  assert.equal(await restarted.unlock("open sesame and more"), true);
  assert.equal(await restarted.unlock("open sesame"), false);
  assert.equal(await restarted.get("mail"), "correct horse battery");
  assert.equal(restarted.lock(), true);
  await assert.rejects(restarted.get("mail"), isFault("secrets.locked"));

  assert.equal(await restarted.unlock("open sesame and more"), true);
  await restarted.protect(null);
  assert.equal(await openSecrets({ dir }).get("mail"), "correct horse battery");
});

test("a passphrase can be set before the first secret", async (t) => {
  const dir = folder(t);
  const secrets = openSecrets({ dir });
  await secrets.protect("open sesame and more");
  await secrets.set("mail", "correct horse battery");
  const restarted = openSecrets({ dir });
  assert.equal(await restarted.unlock("open sesame and more"), true);
  assert.deepEqual(await restarted.list(), ["mail"]);
});

test("a key file that asks for endless work and a damaged one are not opened", async (t) => {
  const dir = folder(t);
  await openSecrets({ dir }).protect("open sesame and more");
  const file = join(dir, "keys/age.txt");
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.from(whole.toString("latin1").replace(/ 17\n/, " 30\n"), "latin1"));
  assert.equal(await openSecrets({ dir }).unlock("open sesame and more"), false);
  whole[whole.length - 1] = (whole.at(-1) ?? 0) ^ 1;
  writeFileSync(file, whole);
  assert.equal(await openSecrets({ dir }).unlock("open sesame and more"), false);
});

test("values too many or too long to be looked for are refused", async (t) => {
  const secrets = openSecrets({ dir: folder(t) });
  for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) await secrets.set(name, name.repeat(65_536));
  await assert.rejects(secrets.set("i", "one more character"), isFault("secrets.value"));
  assert.equal((await secrets.list()).length, 8);
});
