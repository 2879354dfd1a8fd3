// Skills: brought here, read by the owner, taken out. Each change is a proposal; a skill gets no right by it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import {
  editStack,
  EMPTY_LOCK,
  formatLock,
  gitSource,
  LOCK_FILE,
  parseLock,
  parseStack,
  STACK_FILE,
  type Stack,
  type StackEdit,
  type StackLock,
} from "../manifest/index.ts";
import {
  removeSkill,
  scanSkill,
  skillFolder,
  skillStates,
  verifySkill,
  type FetchedSkill,
  type SkillRequest,
} from "../supply/index.ts";
import { plainFinding } from "./findings.ts";
import { maybeText, text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { planned, writeHomeFile } from "./ops-stack.ts";
import type { PolicyState } from "./policy-state.ts";
import { trialSource } from "./trial-source.ts";

export type SkillOrder = Pick<SkillRequest, "name" | "source" | "folder" | "progress">;

export interface SkillParts {
  readonly home: HomePaths;
  readonly policy: PolicyState;
  readonly isOwnUser: boolean;
  fetchSkill(order: SkillOrder): Promise<FetchedSkill>;
}

const TEXT_CHARS_MAX = 200_000;

export function skillOperations(parts: SkillParts): readonly Operation[] {
  return [
    { name: "skill.list", needsOwner: false, run: async () => list(parts) },
    { name: "skill.add", needsOwner: true, run: (input, { emit }) => add(parts, input, emit) },
    { name: "skill.show", needsOwner: true, run: async (input) => show(parts, text(input, "name")) },
    { name: "skill.reviewed", needsOwner: true, run: async (input) => reviewed(parts, input) },
    { name: "skill.remove", needsOwner: true, run: async (input) => remove(parts, text(input, "name")) },
  ];
}

interface Files {
  readonly stackText: string;
  readonly stack: Stack;
  readonly lock: StackLock;
}

function filesOf({ home }: SkillParts): Files {
  const files = readPolicyFiles(home.dir);
  const stackText = files[STACK_FILE] ?? "";
  const lock = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
  return { stackText, stack: parseStack(stackText, STACK_FILE), lock };
}

/** As accepted; what only lies in the home as a proposal is not in use. */
function list({ home, policy }: SkillParts): JsonObject {
  const { stack, lock } = policy.current();
  const states = skillStates(home, { stack, lock });
  return { skills: states.map((state) => ({ ...state })) };
}

async function add(parts: SkillParts, input: JsonObject, emit: (event: JsonObject) => void): Promise<JsonObject> {
  const [name, source, folder] = [text(input, "name"), text(input, "source"), maybeText(input, "folder")];
  const { stackText, stack, lock } = filesOf(parts);
  const wrong = source.startsWith("git+") ? gitSource(source) : null;
  if (wrong !== null) throw new Fault("skill.source", { message: wrong, next: "write git+https://host/path#commit." });
  const known = stack.skills?.[name];
  const before: StackEdit[] = known === undefined ? [] : [{ kind: "remove-skill", name }];
  const within = folder === null ? {} : { folder };
  const edited = (exact: string, read: string | null): string => {
    const skill = { source: exact, ...within, ...(read === null ? {} : { reviewed: read }) };
    return editStack(stackText, [...before, { kind: "add-skill", name, skill }]);
  };
  // A name, folder or source that stack.yaml would refuse is refused before anything is fetched.
  edited(trialSource(source), null);
  const progress = (step: string): void => emit({ progress: step });
  const { locked, scan } = await parts.fetchSkill({ name, source, folder, progress });
  const isRead = known?.reviewed === locked.tree;
  writeHomeFile(parts, LOCK_FILE, formatLock({ ...lock, skills: { ...lock.skills, [name]: locked } }));
  writeHomeFile(parts, STACK_FILE, edited(locked.source, isRead ? locked.tree : null));
  return {
    name,
    title: scan.name,
    description: scan.description,
    tree: locked.tree,
    commit: locked.commit,
    version: locked.version,
    texts: scan.texts,
    binaries: scan.binaries,
    isRead,
    ...planned(parts.policy.proposal()),
  };
}

/** All that the owner would read: the texts as they lie there, once they were found to be the locked ones. */
function show(parts: SkillParts, name: string): JsonObject {
  const locked = filesOf(parts).lock.skills?.[name];
  if (locked === undefined) throw unknown(name);
  verifySkill({ name, locked, home: parts.home });
  const folder = skillFolder(parts.home, name);
  const scan = scanSkill(folder);
  let left = TEXT_CHARS_MAX;
  const texts = scan.texts.map((path) => {
    const whole = readFileSync(join(folder, path), "utf8");
    const shown = whole.slice(0, left);
    left -= shown.length;
    return { path, text: shown, isCut: shown.length < whole.length };
  });
  const findings = scan.findings.map(plainFinding);
  return { name, tree: locked.tree, texts, binaries: scan.binaries, unread: scan.unread, findings };
}

/** The very tree that was shown: another one in the lock by now is not what was read. */
function reviewed(parts: SkillParts, input: JsonObject): JsonObject {
  const [name, tree] = [text(input, "name"), text(input, "tree")];
  const { stackText, stack, lock } = filesOf(parts);
  const [skill, locked] = [stack.skills?.[name], lock.skills?.[name]];
  if (skill === undefined || locked === undefined) throw unknown(name);
  if (locked.tree !== tree) {
    const message = `skill ${name} is another one than was shown.`;
    throw new Fault("skill.moved", { message, next: `freehold skill read ${name}` });
  }
  const { source, folder } = skill;
  const draft = { source, ...(folder === null ? {} : { folder }), reviewed: tree };
  const edits: readonly StackEdit[] = [
    { kind: "remove-skill", name },
    { kind: "add-skill", name, skill: draft },
  ];
  writeHomeFile(parts, STACK_FILE, editStack(stackText, edits));
  return planned(parts.policy.proposal());
}

function remove(parts: SkillParts, name: string): JsonObject {
  const { stackText, stack, lock } = filesOf(parts);
  if (stack.skills?.[name] === undefined) throw unknown(name);
  const skills = Object.fromEntries(Object.entries(lock.skills ?? {}).filter(([one]) => one !== name));
  const { skills: _all, ...rest } = lock;
  const left = Object.keys(skills).length > 0 ? { ...rest, skills } : rest;
  writeHomeFile(parts, LOCK_FILE, formatLock(left));
  writeHomeFile(parts, STACK_FILE, editStack(stackText, [{ kind: "remove-skill", name }]));
  removeSkill(parts.home, name);
  return planned(parts.policy.proposal());
}

function unknown(name: string): Fault {
  return new Fault("skill.unknown", { message: `there is no skill '${name}'.`, next: "freehold skill list" });
}
