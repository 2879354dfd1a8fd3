// The owner's secrets: stored, forgotten, and the passphrase over their key. No operation answers a value.

import { Fault, type JsonObject } from "../kernel/index.ts";
import type { Secrets } from "../secrets/index.ts";
import type { Store } from "../store/index.ts";
import { maybeText, text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { checkStrength } from "./secret-strength.ts";

export interface SecretParts {
  readonly store: Store;
  readonly secrets: Secrets;
}

/** The gateway's: what is shorter is not looked for in what servers say. */
const MASKED_LENGTH_MIN = 8;
const WEAK = "it is short, so Freehold cannot take it out of what servers say without tearing up innocent text";

export function secretOperations(parts: SecretParts): readonly Operation[] {
  const { secrets } = parts;
  return [
    { name: "secret.set", needsOwner: true, run: (input) => set(parts, text(input, "name"), text(input, "value")) },
    { name: "secret.list", needsOwner: false, run: async () => ({ names: await secrets.list() }) },
    {
      name: "secret.rm",
      needsOwner: true,
      async run(input) {
        const name = text(input, "name");
        await secrets.remove(name);
        record(parts, `secret ${name} removed`);
        return {};
      },
    },
    { name: "secret.passphrase", needsOwner: true, run: (input) => protect(parts, maybeText(input, "passphrase")) },
    { name: "secret.unlock", needsOwner: true, run: (input) => unlock(parts, text(input, "passphrase")) },
    { name: "secret.lock", needsOwner: true, run: async () => lock(parts) },
  ];
}

async function set(parts: SecretParts, name: string, value: string): Promise<JsonObject> {
  await parts.secrets.set(name, value);
  record(parts, `secret ${name} set`);
  return { warning: value.length < MASKED_LENGTH_MIN ? WEAK : null };
}

async function protect(parts: SecretParts, passphrase: string | null): Promise<JsonObject> {
  if (passphrase !== null) checkStrength(passphrase);
  await parts.secrets.protect(passphrase);
  record(parts, passphrase === null ? "passphrase of the secrets removed" : "passphrase of the secrets set");
  return {};
}

async function unlock(parts: SecretParts, passphrase: string): Promise<JsonObject> {
  if (!parts.secrets.isLocked()) return { unlocked: false };
  if (!(await parts.secrets.unlock(passphrase))) {
    record(parts, "secrets not unlocked: wrong passphrase");
    throw new Fault("secrets.passphrase", {
      message: "that is not the passphrase of the secrets, or their key file is damaged.",
      next: "freehold secret unlock",
    });
  }
  record(parts, "secrets unlocked");
  return { unlocked: true };
}

function lock(parts: SecretParts): JsonObject {
  if (!parts.secrets.lock()) {
    const message = "the secrets have no passphrase, so nothing could unlock them.";
    throw new Fault("secrets.no-passphrase", { message, next: "freehold secret passphrase" });
  }
  record(parts, "secrets locked");
  return {};
}

function record({ store }: SecretParts, subject: string): void {
  store.ledger.append({ kind: "change", session: null, principal: "owner", subject, request: null, facts: {} });
}
