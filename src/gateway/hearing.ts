// What servers say, with the values of secrets taken out; and which server said whose.

import { isObject, parseStrict, type Clock, type JsonObject } from "../kernel/index.ts";
import { openMask, type Masked } from "./mask.ts";

export interface Hearing {
  /** By name. A value that was replaced or removed stays known: a running server may still have it. */
  learn(values: ReadonlyMap<string, string>): void;
  /** Without reporting anybody: for our own texts. One that is JSON is looked at as what it says. */
  text(text: string): string;
  /** Why arguments must not be sent, or null. */
  faultIn(args: JsonObject): string | null;
  /** What comes from a server. */
  from(server: string): ServerHearing;
  /** The secrets whose values it has said since the start, sorted. */
  saidBy(server: string): readonly string[];
  /** Hears of it at most once an hour for each server and secret. */
  onSaid(listener: (server: string, secrets: readonly string[]) => void): void;
}

export interface ServerHearing {
  text(text: string): string;
  object(object: JsonObject): JsonObject;
}

const TOLD_EVERY_MS = 3_600_000;

export function openHearing({ nowMs }: Clock): Hearing {
  /** By value: one name may have had several. */
  const known = new Map<string, string>();
  const said = new Map<string, Map<string, number>>();
  const listeners: ((server: string, secrets: readonly string[]) => void)[] = [];
  let mask = openMask([]);

  function note(server: string, names: readonly string[]): void {
    const told = said.get(server) ?? new Map<string, number>();
    said.set(server, told);
    const fresh = names.filter((name) => nowMs() - (told.get(name) ?? -TOLD_EVERY_MS) >= TOLD_EVERY_MS);
    for (const name of fresh) told.set(name, nowMs());
    if (fresh.length > 0) for (const listener of listeners) listener(server, fresh);
  }

  function noted<T>(server: string, { value, names }: Masked<T>): T {
    if (names.length > 0) note(server, names);
    return value;
  }

  return {
    learn(values) {
      const fresh = [...values].filter(([, value]) => !known.has(value));
      for (const [name, value] of fresh) known.set(value, name);
      if (fresh.length > 0) mask = openMask(Array.from(known, ([value, name]) => [name, value] as const));
    },
    text(text) {
      const parsed = text.startsWith("{") && known.size > 0 ? parseStrict(text) : null;
      if (parsed?.kind !== "value" || !isObject(parsed.value)) return mask.text(text).value;
      const { value, names } = mask.object(parsed.value);
      return names.length === 0 ? text : JSON.stringify(value);
    },
    faultIn(args) {
      const [name] = mask.object(args).names;
      return name === undefined ? null : `they carry the value of your secret '${name}'`;
    },
    from: (server) => ({
      text: (text) => noted(server, mask.text(text)),
      object: (object) => noted(server, mask.object(object)),
    }),
    onSaid: (listener) => void listeners.push(listener),
    saidBy: (server) => [...(said.get(server)?.keys() ?? [])].sort(),
  };
}
