// What a command line really starts: a package from a registry, an image, a remote, or a program of the owner's.

import { basename } from "node:path";

export type Launch =
  /** `version` is null unless it is exact; `tag` is what stood in its place. */
  | { readonly kind: "npm"; readonly name: string; readonly version: string | null; readonly args: readonly string[] }
  | { readonly kind: "pypi"; readonly name: string; readonly version: string | null }
  | { readonly kind: "image"; readonly name: string; readonly version: string | null }
  | { readonly kind: "remote"; readonly url: string }
  | { readonly kind: "program"; readonly command: string };

const EXACT = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

export function launchOf(line: { command: string | null; args: readonly string[]; url: string | null }): Launch {
  if (line.command === null) return { kind: "remote", url: line.url ?? "" };
  const [program, args] = unwrapped(line.command, line.args);
  const name = basename(program.replaceAll("\\", "/")).replace(/\.(?:cmd|exe|ps1)$/i, "");
  if (name === "npx" || name === "bunx" || name === "pnpx") return npm(args, program);
  if ((name === "npm" && args[0] === "exec") || (name === "pnpm" && args[0] === "dlx"))
    return npm(args.slice(1), program);
  if (name === "uvx" || name === "pipx") return pypi(name === "pipx" ? args.slice(1) : args, program);
  if (name === "uv" && args[0] === "tool" && args[1] === "run") return pypi(args.slice(2), program);
  if (name === "docker" || name === "podman") return image(args, program);
  return { kind: "program", command: program };
}

/** `cmd /c npx …` and `env A=b npx …` start what comes after. */
function unwrapped(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  const name = basename(command.replaceAll("\\", "/")).toLowerCase();
  if ((name === "cmd" || name === "cmd.exe") && args[0]?.toLowerCase() === "/c" && args[1] !== undefined) {
    return [args[1], args.slice(2)];
  }
  return [command, args];
}

function npm(args: readonly string[], program: string): Launch {
  let spec: string | null = null;
  let rest: readonly string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    const named = /^(?:-p|--package)(?:=(.+))?$/.exec(arg);
    if (named !== null) {
      spec = named[1] ?? args[index + 1] ?? null;
      if (named[1] === undefined) index += 1;
    } else if (!arg.startsWith("-")) {
      rest = args.slice(index + 1);
      spec ??= arg;
      break;
    }
  }
  if (spec === null || /^(?:[./~]|https?:|git|file:|github:)/.test(spec)) return { kind: "program", command: program };
  const at = spec.indexOf("@", 1);
  const name = at === -1 ? spec : spec.slice(0, at);
  const version = at === -1 ? "" : spec.slice(at + 1);
  const remote = rest.find((arg) => /^https?:\/\//.test(arg));
  if (name === "mcp-remote" && remote !== undefined) return { kind: "remote", url: remote };
  return { kind: "npm", name, version: EXACT.test(version) ? version : null, args: rest };
}

function pypi(args: readonly string[], program: string): Launch {
  const from = args.indexOf("--from");
  const spec = from === -1 ? args.find((arg) => !arg.startsWith("-")) : args[from + 1];
  if (spec === undefined) return { kind: "program", command: program };
  const [, name = spec, version = ""] = /^([^=@]+)(?:==|@)(.+)$/.exec(spec) ?? [];
  return { kind: "pypi", name, version: /^\d+(?:\.\d+)*(?:[a-z0-9.+-]*)$/.test(version) ? version : null };
}

/** Only a digest says which image; a tag can be moved. */
function image(args: readonly string[], program: string): Launch {
  const digest = args.find((arg) => /@sha256:[0-9a-f]{64}$/.test(arg));
  if (digest !== undefined) {
    const [name = "", version = ""] = digest.split("@");
    return { kind: "image", name, version };
  }
  const last = args.findLast((arg) => /^[a-z0-9][a-z0-9._/-]*(?::[\w.-]+)?$/.test(arg) && arg.includes("/"));
  return last === undefined ? { kind: "program", command: program } : { kind: "image", name: last, version: null };
}
