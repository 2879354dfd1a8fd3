// The policy: stack, lock, cards and rules as one thing with one digest, read from their texts.

import { digestOf, Fault, sha256, type Digest, type Rule, type ToolCard } from "../kernel/index.ts";
import { parseCards } from "./cards.ts";
import { checkPolicy } from "./check.ts";
import { EMPTY_LOCK, parseLock } from "./lock.ts";
import { placeOf } from "./reading.ts";
import { parseRules } from "./rules.ts";
import { parseStack } from "./stack.ts";
import type { CardFile, Stack, StackLock } from "./types.ts";

/** Text by path relative to the stack home, with `/`. */
export type PolicyFiles = Readonly<Record<string, string>>;

export interface Policy {
  readonly digest: Digest;
  readonly stack: Stack;
  readonly lock: StackLock;
  /** By full tool name, pseudo-tools included. */
  readonly cards: ReadonlyMap<string, ToolCard>;
  readonly rules: readonly Rule[];
}

export const STACK_FILE = "stack.yaml";
export const LOCK_FILE = "stack.lock";
export const RULES_FILE = "rules.yaml";
const CARDS_FILE = /^cards\/([a-z0-9][a-z0-9-]{0,30})\.yaml$/;

export function cardsFile(server: string): string {
  return `cards/${server}.yaml`;
}

export function isPolicyFile(path: string): boolean {
  return path === STACK_FILE || path === LOCK_FILE || path === RULES_FILE || CARDS_FILE.test(path);
}

/** Over the exact texts: a changed comment is another policy, so what was shown is what was accepted. */
export function policyDigest(files: PolicyFiles): Digest {
  return digestOf(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)])));
}

/** Throws one Fault with `file:line` for the first thing that is wrong in or between the files. */
export function loadPolicy(files: PolicyFiles): Policy {
  const stray = Object.keys(files).find((path) => !isPolicyFile(path));
  if (stray !== undefined) {
    const next = "Name a card file after its server: cards/files.yaml.";
    throw new Fault("manifest.stray-file", { at: `${stray}:1`, message: "the file is no part of a policy.", next });
  }
  const stackText = files[STACK_FILE];
  if (stackText === undefined) {
    throw new Fault("manifest.file-missing", {
      at: STACK_FILE,
      message: "there is no stack.yaml in the stack home.",
      next: "freehold init",
    });
  }
  const lockText = files[LOCK_FILE];
  const rulesText = files[RULES_FILE];
  const stack = parseStack(stackText, STACK_FILE);
  const lock = lockText === undefined ? EMPTY_LOCK : parseLock(lockText, LOCK_FILE);
  const cardFiles = Object.keys(files)
    .filter((path) => CARDS_FILE.test(path))
    .toSorted()
    .map((path) => cardsAt(path, files[path] ?? ""));
  const rules = rulesText === undefined ? [] : parseRules(rulesText, RULES_FILE);
  checkPolicy({ stack, lock, cards: cardFiles, rules });
  const cards = new Map(cardFiles.flatMap((file) => Object.entries(file.cards)));
  return { digest: policyDigest(files), stack, lock, cards, rules };
}

/** Two files for one server would leave open which card holds. */
function cardsAt(path: string, text: string): CardFile {
  const file = parseCards(text, path);
  if (cardsFile(file.server) === path) return file;
  throw new Fault("manifest.bad-name", {
    at: placeOf(file, `${path}:1`),
    message: `the file holds the cards of server '${file.server}' and must be named ${cardsFile(file.server)}.`,
  });
}
