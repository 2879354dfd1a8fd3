// The key file under a passphrase: a passphrase file of the age format (age v1, scrypt stanza), which the stock program
// opens too. With Node's own scrypt: in JavaScript one try takes 5 to 7 s, here 0.4 s.
// Invariant: what a foreign file asks for in work and memory is bounded.

import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import type { Stanza } from "age-encryption";

const COST_LOG2 = 17;
/** 256 MiB; what the stock program writes. */
const COST_LOG2_MAX = 18;
const TAG_BYTES = 16;
/** The standard uses each key once. */
const NONCE = Buffer.alloc(12);

export function isSealedKey(file: Buffer | null): boolean {
  return file?.toString("latin1", 0, 22) === "age-encryption.org/v1\n";
}

export async function sealKey(key: string, passphrase: string): Promise<Uint8Array> {
  const { Encrypter, Stanza: Lock } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.addRecipient({
    async wrapFileKey(fileKey) {
      const salt = randomBytes(16);
      const wrap = await derive(passphrase, salt, COST_LOG2);
      const cipher = createCipheriv("chacha20-poly1305", wrap, NONCE, { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      return [new Lock(["scrypt", salt.toString("base64").replace(/=+$/, ""), String(COST_LOG2)], body)];
    },
  });
  return encrypter.encrypt(`${key}\n`);
}

/** The file's text; null when it is not the passphrase, or the file is damaged. */
export async function openKey(file: Buffer | null, passphrase: string): Promise<string | null> {
  if (file === null || !isSealedKey(file)) return null;
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addIdentity({
    async unwrapFileKey([stanza]: readonly Stanza[]) {
      const [kind, salt = "", cost = ""] = stanza?.args ?? [];
      if (stanza === undefined || kind !== "scrypt" || !(Number(cost) <= COST_LOG2_MAX)) return null;
      const wrap = await derive(passphrase, Buffer.from(salt, "base64"), Number(cost));
      const cipher = createDecipheriv("chacha20-poly1305", wrap, NONCE, { authTagLength: TAG_BYTES });
      cipher.setAuthTag(stanza.body.subarray(-TAG_BYTES));
      return Buffer.concat([cipher.update(stanza.body.subarray(0, -TAG_BYTES)), cipher.final()]);
    },
  });
  // It says no more than that: a tag did not fit.
  return decrypter.decrypt(file, "text").catch(() => null);
}

function derive(passphrase: string, salt: Buffer, costLog2: number): Promise<Buffer> {
  const options = { N: 2 ** costLog2, r: 8, p: 1, maxmem: 2 ** (costLog2 + 11) };
  const salted = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), salt]);
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salted, 32, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
