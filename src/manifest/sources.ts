// The written forms of sources, judged: what is wrong with one as a sentence, or null.

import { PACKAGE_NAME, VERSION } from "./names.ts";
import { short } from "./reading.ts";

const GIT = /^git\+((?:https|file):\/\/[^#]*)(?:#(.+))?$/;
/** Never a first '-': git would take it for an option, `--upload-pack` among them. */
const REF = /^(?!.*(?:\.\.|@\{|\/\/))[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/;

export interface GitPlace {
  readonly url: string;
  /** A branch, tag or commit; null for the default branch. */
  readonly ref: string | null;
}

/** Null where it is not one that may be fetched; `gitSource` says why. */
export function splitGit(source: string): GitPlace | null {
  const [, url = "", ref] = GIT.exec(source) ?? [];
  return gitSource(source) === null ? { url, ref: ref ?? null } : null;
}

export function gitSource(source: string): string | null {
  const [, written, ref] = GIT.exec(source) ?? [];
  if (written === undefined)
    return "a git source is git+https://host/path#commit (file:// too; no ssh, no plain http).";
  const url = URL.parse(written);
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  const isPlain = !/[\0-\u0020\u007f\\"'`$;|&<>]/.test(written) && !/\/-|:\/\/-/.test(written);
  if (url === null || !isPlain) return "the address of a git source has parts that no address needs.";
  if (url.username !== "" || url.password !== "") return "the address holds a password.";
  if (url.search !== "") return "the address of a git source has no '?' part.";
  if (ref !== undefined && !REF.test(ref)) return `'${short(ref)}' is no branch, tag or commit.`;
  return null;
}

export function packageSource(source: string): string | null {
  const text = source.replace(/^npm:/, "");
  const at = text.indexOf("@", 1);
  const [name, version] = at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (!PACKAGE_NAME.test(name)) return `'${short(name)}' is not the name of an npm package.`;
  if (version !== null && VERSION.pattern.test(version)) return null;
  return `'${short(source)}' names no exact version such as npm:${short(name)}@1.2.3.`;
}
