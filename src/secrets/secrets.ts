// Sealed values in one age file, opened for each use; what is opened is told to a mask, and kept nowhere else.
// Invariants: a value stands on disk only encrypted; the key file is the user's alone; writes replace the file whole.

import { join } from "node:path";
import { Fault, objectFrom } from "../kernel/index.ts";
import { openKeyFile, type KeyFile } from "./key-file.ts";
import { readPrivate, writePrivate } from "./private-files.ts";

export interface Secrets extends Pick<KeyFile, "isLocked" | "protect" | "unlock" | "lock"> {
  /** Names are `[a-z0-9][a-z0-9-]*`, at most 64 characters; values 1 to 65,536 characters; at most 500 of them. */
  set(name: string, value: string): Promise<void>;
  get(name: string): Promise<string | null>;
  /** Sorted names. */
  list(): Promise<readonly string[]>;
  /** True when there was one. */
  remove(name: string): Promise<boolean>;
  /** Logins at servers, by the server's name: sealed in the same file, and out of reach of the names above. */
  readonly logins: Pick<Secrets, "get" | "set" | "remove">;
  /** Once, so that all values are learnt. What is locked is left for unlock(). */
  open(): Promise<void>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** No name of a secret begins so. */
const LOGIN = "@";
const VALUE_LENGTH_MAX = 65_536;
const COUNT_MAX = 500;
const ALL_LENGTH_MAX = 524_288;

type Values = ReadonlyMap<string, string>;

/**
 * `dir` is the home's `.state`. `age -d -i keys/age.txt secrets.age` opens the same file. `learn` hears of all values,
 * by name, whenever they were opened, and before a changed one can be handed out. Faults: `secrets.*`.
 */
export function openSecrets({
  dir,
  learn,
}: {
  readonly dir: string;
  readonly learn?: (values: Values) => void;
}): Secrets {
  const key = openKeyFile(join(dir, "keys", "age.txt"));
  const file = sealedFile(join(dir, "secrets.age"), key, learn ?? (() => undefined));
  let changing: Promise<unknown> = Promise.resolve();

  /** One after the other, so that two changes at once both stay. */
  function change(edit: (values: Map<string, string>) => boolean): Promise<boolean> {
    const done = changing.then(async () => {
      const values = await file.read();
      const isChanged = edit(values);
      checkAll(values);
      if (isChanged) await file.write(values);
      return isChanged;
    });
    changing = done.catch(() => undefined); // Its caller hears of it; the next change starts afresh.
    return done;
  }

  const named = (prefix: string): Secrets["logins"] => ({
    async set(name, value) {
      checkSecret(name, value);
      await change((values) => values.set(prefix + name, value).size > 0);
    },
    get: async (name) => (NAME.test(name) ? ((await file.read()).get(prefix + name) ?? null) : null),
    remove: (name) => change((values) => NAME.test(name) && values.delete(prefix + name)),
  });

  return {
    ...named(""),
    logins: named(LOGIN),
    list: async () => [...(await file.read()).keys()].filter((name) => !name.startsWith(LOGIN)).sort(),
    isLocked: key.isLocked,
    lock: key.lock,
    async open() {
      if (!key.isLocked()) await file.read();
    },
    async protect(passphrase) {
      await change(() => true); // Makes a key where there is none, and fails where it is locked.
      await key.protect(passphrase);
    },
    async unlock(passphrase) {
      const isRight = await key.unlock(passphrase);
      if (isRight) await file.read();
      return isRight;
    },
  };
}

function sealedFile(path: string, key: KeyFile, learn: (values: Values) => void) {
  return {
    async read(): Promise<Map<string, string>> {
      const bytes = readPrivate(path);
      if (bytes === null) return new Map();
      const identity = key.identity();
      try {
        const { Decrypter } = await import("age-encryption");
        const decrypter = new Decrypter();
        decrypter.addIdentity(identity);
        const values = valuesIn(await decrypter.decrypt(bytes, "text"));
        learn(values);
        return values;
      } catch (error) {
        const message = `${key.path} does not open it.`;
        throw new Fault("secrets.sealed", { at: path, message, next: "restore both from one backup", cause: error });
      }
    },
    async write(values: Values): Promise<void> {
      const age = await import("age-encryption");
      learn(values);
      await key.create(age.generateX25519Identity);
      const encrypter = new age.Encrypter();
      encrypter.addRecipient(await age.identityToRecipient(key.identity()));
      writePrivate(path, await encrypter.encrypt(JSON.stringify(Object.fromEntries(values), null, 2)));
    },
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

function checkAll(values: Values): void {
  const length = [...values.values()].join("").length;
  if (values.size <= COUNT_MAX && length <= ALL_LENGTH_MAX) return;
  const message = `there can be ${COUNT_MAX} secrets, and ${ALL_LENGTH_MAX} characters in all of them.`;
  throw new Fault("secrets.value", { message });
}

function valuesIn(text: string): Map<string, string> {
  const entries = Object.entries(objectFrom(text) ?? {});
  return new Map(entries.flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])));
}
