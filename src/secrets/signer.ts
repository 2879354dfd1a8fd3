// The key that signs ledger heads. Invariant: the private key leaves this file only into its 0600 key file.

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { Fault, type Sign } from "../kernel/index.ts";
import { readPrivate, writePrivate } from "./private-files.ts";

export interface Signer {
  /** Ed25519, hex. */
  readonly sign: Sign;
  readonly publicKeyPem: string;
}

/** `dir` is the home's `.state`; the key is made on first use. Faults: `secrets.readable-by-others`, `secrets.key`. */
export function openSigner({ dir }: { readonly dir: string }): Signer {
  const path = join(dir, "keys", "ledger.pem");
  if (readPrivate(path) === null) {
    writePrivate(path, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
  }
  try {
    const key = createPrivateKey(readPrivate(path) ?? "");
    if (key.asymmetricKeyType !== "ed25519") throw new Error("not an Ed25519 key");
    return {
      sign: (text) => sign(null, Buffer.from(text), key).toString("hex"),
      publicKeyPem: createPublicKey(key).export({ type: "spki", format: "pem" }).toString(),
    };
  } catch (error) {
    const message = "the ledger's signing key cannot be read.";
    throw new Fault("secrets.key", { at: path, message, next: "restore it from a backup", cause: error });
  }
}
