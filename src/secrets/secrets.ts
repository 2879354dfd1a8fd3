// Sealed values in one age file, opened for each use and kept nowhere.
// Invariants: a value stands on disk only encrypted; the key file is the user's alone; writes replace the file whole.

import { join } from "node:path";
import { Fault, isObject, parseStrict } from "../kernel/index.ts";
import { readPrivate, writePrivate } from "./private-files.ts";

export interface Secrets {
  /** Names are `[a-z0-9][a-z0-9-]*`, at most 64 characters; values 1 to 65,536 characters; at most 500 of them. */
  set(name: string, value: string): Promise<void>;
  get(name: string): Promise<string | null>;
  /** Sorted names. */
  list(): Promise<readonly string[]>;
  /** True when there was one. */
  remove(name: string): Promise<boolean>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const VALUE_LENGTH_MAX = 65_536;
const COUNT_MAX = 500;

/** `dir` is the home's `.state`. `age -d -i keys/age.txt secrets.age` opens the same file. Faults: `secrets.*`. */
export function openSecrets({ dir }: { readonly dir: string }): Secrets {
  const sealed = join(dir, "secrets.age");
  const keyFile = join(dir, "keys", "age.txt");
  let changing: Promise<unknown> = Promise.resolve();

  async function read(): Promise<Map<string, string>> {
    const [bytes, key] = [readPrivate(sealed), readPrivate(keyFile)];
    if (bytes === null) return new Map();
    try {
      const { Decrypter } = await import("age-encryption");
      const decrypter = new Decrypter();
      decrypter.addIdentity(identityIn(key));
      return valuesIn(await decrypter.decrypt(bytes, "text"));
    } catch (error) {
      const message = `${keyFile} does not open it.`;
      throw new Fault("secrets.sealed", { at: sealed, message, next: "restore both from one backup", cause: error });
    }
  }

  async function write(values: ReadonlyMap<string, string>): Promise<void> {
    const age = await import("age-encryption");
    if (readPrivate(keyFile) === null) writePrivate(keyFile, `${await age.generateX25519Identity()}\n`);
    const encrypter = new age.Encrypter();
    encrypter.addRecipient(await age.identityToRecipient(identityIn(readPrivate(keyFile))));
    writePrivate(sealed, await encrypter.encrypt(JSON.stringify(Object.fromEntries(values), null, 2)));
  }

  /** One after the other, so that two changes at once both stay. */
  function change(edit: (values: Map<string, string>) => boolean): Promise<boolean> {
    const done = changing.then(async () => {
      const values = await read();
      const isChanged = edit(values);
      if (values.size > COUNT_MAX) throw new Fault("secrets.value", { message: `more than ${COUNT_MAX} secrets.` });
      if (isChanged) await write(values);
      return isChanged;
    });
    changing = done.catch(() => undefined); // Its caller hears of it; the next change starts afresh.
    return done;
  }

  return {
    async set(name, value) {
      checkSecret(name, value);
      await change((values) => values.set(name, value).size > 0);
    },
    get: async (name) => (await read()).get(name) ?? null,
    list: async () => [...(await read()).keys()].sort(),
    remove: (name) => change((values) => values.delete(name)),
  };
}

function checkSecret(name: string, value: string): void {
  if (!NAME.test(name)) {
    const next = "use small letters, digits and dashes, such as 'mail-password'";
    throw new Fault("secrets.name", { message: "this is no name for a secret.", next });
  }
  if (value === "" || value.length > VALUE_LENGTH_MAX || !value.isWellFormed()) {
    throw new Fault("secrets.value", { message: `'${name}' must have 1 to ${VALUE_LENGTH_MAX} characters.` });
  }
}

function identityIn(keyFile: Buffer | null): string {
  return /^AGE-SECRET-KEY-\S+$/m.exec(keyFile?.toString() ?? "")?.[0] ?? "";
}

function valuesIn(text: string): Map<string, string> {
  const parsed = parseStrict(text);
  const entries = parsed.kind === "value" && isObject(parsed.value) ? Object.entries(parsed.value) : [];
  return new Map(entries.flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])));
}
