// Skills as stack.yaml declares them. A skill has no rights: it is text that a model reads. What is checked between
// files is that what was read is what is locked.

import { Fault } from "../kernel/index.ts";
import type { Change } from "./diff-parts.ts";
import { pairs, same } from "./diff-parts.ts";
import { DIGEST } from "./names.ts";
import { didYouMean } from "./nearest.ts";
import * as read from "./reading.ts";
import type { SourceNode } from "./reading.ts";
import { gitSource, packageSource } from "./sources.ts";
import type { LockedModel, Stack, StackLock, StackSkill } from "./types.ts";

const FOLDER = {
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  pattern: /^(?!\.)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^\0-\u001f\u007f\\/][^\0-\u001f\u007f\\]{0,400}$/,
  expected: "a folder within the source, without '..' and not absolute",
} as const;

export function skillOf(node: SourceNode): StackSkill {
  const skill = read.fields(node, { required: ["source"], optional: ["folder", "reviewed"] });
  return read.remember(node, {
    source: sourceOf(skill.need("source")),
    folder: read.maybe(skill.get("folder"), null, (folder) => read.textOf(folder, FOLDER)),
    reviewed: read.maybe(skill.get("reviewed"), null, (hash) => read.textOf(hash, DIGEST)),
  });
}

function sourceOf(node: SourceNode): string {
  const expected = "npm:name@1.2.3, git+https://…#commit or path:./folder";
  const source = read.textOf(node, { expected, lengthMax: 2048 });
  const wrong = source.startsWith("npm:")
    ? packageSource(source)
    : source.startsWith("git+")
      ? gitSource(source)
      : null;
  const isPath = /^path:(?:\.{1,2}\/|\/)[^\0]*$/.test(source);
  const message =
    wrong ?? (isPath || /^(?:npm:|git\+)/.test(source) ? null : `${read.nameOf(node)} must be ${expected}.`);
  if (message !== null) read.report(node, { code: "bad-value", message });
  return source;
}

/** Throws a Fault for a skill that is locked and not declared, or declared from elsewhere than it was locked. */
export function checkSkills(stack: Stack, lock: StackLock): void {
  const declared = stack.skills ?? {};
  for (const [name, locked] of Object.entries(lock.skills ?? {})) {
    const skill = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (skill === undefined) {
      const hint = didYouMean(name, Object.keys(declared));
      const message = `skill '${name}' is locked but not declared in stack.yaml.${hint}`;
      const at = read.placeOf(locked, "stack.lock");
      throw new Fault("manifest.unknown-name", { at, message, next: `freehold skill rm ${name}` });
    }
    if (skill.source === locked.source) continue;
    throw new Fault("manifest.lock-differs", {
      at: read.placeOf(skill, "stack.yaml"),
      message: `skill '${name}' says ${skill.source}, but ${locked.source} is what was fetched and scanned.`,
      next: `freehold skill add ${skill.source} --as ${name}`,
    });
  }
}

/** A skill that is read is trusted as the owner's own text: that is wider. An unread one only taints. */
export function diffSkills(before: Stack, after: Stack): readonly Change[] {
  return pairs(before.skills ?? {}, after.skills ?? {}).flatMap(([name, was, is]): readonly Change[] => {
    const file = "stack.yaml";
    if (is === undefined) return [{ kind: "removed", file, what: `skill ${name} is gone`, wider: false }];
    const kind = was === undefined ? "added" : "changed";
    const changes: Change[] = [];
    if (was?.source !== is.source || was.folder !== is.folder) {
      const where = is.folder === null ? is.source : `${is.source}, folder ${is.folder}`;
      changes.push({ kind, file, what: `skill ${name} comes from ${where}`, wider: true });
    }
    if ((was?.reviewed ?? null) !== is.reviewed) {
      const hash = is.reviewed?.slice(0, 12) ?? "";
      const what = is.reviewed === null ? `skill ${name} counts as unread` : `you have read skill ${name} (${hash})`;
      changes.push({ kind: "changed", file, what, wider: is.reviewed !== null });
    }
    return changes;
  });
}

export function diffLockedParts(before: StackLock, after: StackLock): readonly Change[] {
  const file = "stack.lock";
  const skills = pairs(before.skills ?? {}, after.skills ?? {}).flatMap(([name, was, is]): readonly Change[] => {
    if (same(was, is)) return [];
    if (is === undefined) return [{ kind: "removed", file, what: `skill ${name} is no longer locked`, wider: false }];
    const at = is.version ?? is.commit?.slice(0, 12) ?? `tree ${is.tree.slice(0, 12)}`;
    const kind = was === undefined ? "added" : "changed";
    return [{ kind, file, what: `skill ${name} is locked at ${at}`, wider: true }];
  });
  const models = pairs(before.models ?? {}, after.models ?? {}).flatMap(([name, was, is]): readonly Change[] => {
    if (same(was, is)) return [];
    if (is === undefined) return [{ kind: "removed", file, what: `model ${name} is no longer locked`, wider: false }];
    const kind = was === undefined ? "added" : "changed";
    return [{ kind, file, what: `model ${name} is locked: ${modelText(is)}`, wider: true }];
  });
  return [...skills, ...models];
}

function modelText({ sha256, bytes }: LockedModel): string {
  return `${(bytes / 1e6).toFixed(1)} MB, sha256 ${sha256.slice(0, 12)}`;
}
