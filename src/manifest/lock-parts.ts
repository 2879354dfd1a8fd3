// The lock of what is no npm package: git, PyPI and container images among the servers; skills; models.

import { DIGEST, INTEGRITY, PLAIN_TEXT, VERSION } from "./names.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import type { LockedModel, LockedServer, LockedSkill, LockedWheel } from "./types.ts";

const COMMIT = { pattern: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, expected: "a whole commit id" } as const;
const IMAGE = { pattern: /^sha256:[0-9a-f]{64}$/, expected: "a manifest's digest such as sha256:…" } as const;
const WHEEL_NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/, expected: "the name of a Python package" } as const;
const WHEEL_VERSION = { pattern: /^[0-9A-Za-z][0-9A-Za-z.!+_-]{0,100}$/, expected: "an exact version" } as const;
const WHEELS_MAX = 5_000;
/** 1 TB: beyond it a number is a mistake. */
const MODEL_BYTES_MAX = 1_000_000_000_000;

type Origin = Pick<LockedServer, "commit" | "wheels" | "image">;

export function originOf(server: Fields): Origin {
  const [commit, wheels, image] = [server.get("commit"), server.get("wheels"), server.get("image")];
  return {
    ...(commit === undefined ? {} : { commit: read.textOf(commit, COMMIT) }),
    ...(wheels === undefined ? {} : { wheels: wheelsOf(wheels) }),
    ...(image === undefined ? {} : { image: read.textOf(image, IMAGE) }),
  };
}

function wheelsOf(node: SourceNode): readonly LockedWheel[] {
  let last = "";
  const wheels = read.listOf(node, (item): LockedWheel => {
    const wheel = read.fields(item, { required: ["name", "version", "sha256"], optional: [] });
    const name = read.textOf(wheel.need("name"), WHEEL_NAME);
    const version = read.textOf(wheel.need("version"), WHEEL_VERSION);
    const sha256 = read.textOf(wheel.need("sha256"), DIGEST);
    const key = `${name} ${sha256}`;
    if (key <= last) read.report(item, { code: "bad-value", message: "wheels must be sorted by name, each once." });
    last = key;
    return { name, version, sha256 };
  });
  if (wheels.length > WHEELS_MAX) {
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} names more than ${WHEELS_MAX} wheels.` });
  }
  return wheels;
}

/** What each kind must have, and no other may. */
export function reportOrigin(locked: LockedServer, bad: (what: string) => void): void {
  const { kind, commit, wheels, image, tree } = locked;
  if ((kind === "git") !== (commit !== undefined)) {
    bad(kind === "git" ? "comes from git and must have a commit." : "is not from git and can have no commit.");
  }
  if ((kind === "pypi") !== (wheels !== undefined)) {
    bad(kind === "pypi" ? "comes from PyPI and must name its wheels." : "is not from PyPI and can name no wheels.");
  }
  if ((kind === "oci") !== (image !== undefined)) {
    bad(
      kind === "oci" ? "is a container image and must have its digest." : "is no image and can have no digest of one.",
    );
  }
  if (kind === "git" && tree === null) bad("comes from git and must have a tree.");
  if ((kind === "pypi" || kind === "oci") && tree !== null) bad("can have no tree: another program unpacks it.");
}

export function lockedSkillOf(node: SourceNode): LockedSkill {
  const skill = read.fields(node, {
    required: ["source", "kind", "version", "integrity", "commit", "tree"],
    optional: [],
  });
  const orNull = (field: string, limits: read.TextLimits): string | null =>
    skill.need(field).content === null ? null : read.textOf(skill.need(field), limits);
  const locked: LockedSkill = {
    source: read.textOf(skill.need("source"), { ...PLAIN_TEXT, lengthMax: 2048 }),
    kind: read.oneOf(skill.need("kind"), ["npm", "git", "path"]),
    version: orNull("version", VERSION),
    integrity: orNull("integrity", INTEGRITY),
    commit: orNull("commit", COMMIT),
    tree: read.textOf(skill.need("tree"), DIGEST),
  };
  const { kind, commit, integrity, version } = locked;
  if ((kind === "git") !== (commit !== null) || (kind === "npm") !== (integrity !== null && version !== null)) {
    const message =
      "a skill from git has a commit, one from npm a version and an integrity, one from a folder neither.";
    read.report(node, { code: "bad-lock", message, next: "freehold skill add" });
  }
  return read.remember(node, locked);
}

export function lockedModelOf(node: SourceNode): LockedModel {
  const model = read.fields(node, { required: ["source", "sha256", "bytes"], optional: [] });
  return read.remember(node, {
    source: read.textOf(model.need("source"), { ...PLAIN_TEXT, lengthMax: 2048 }),
    sha256: read.textOf(model.need("sha256"), DIGEST),
    bytes: read.numberOf(model.need("bytes"), { min: 1, max: MODEL_BYTES_MAX, whole: true }),
  });
}
