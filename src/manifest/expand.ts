// ${home} and ${stack} in a server's paths, replaced for the machine it runs on.

import { Fault } from "../kernel/index.ts";
import { placeOf } from "./reading.ts";
import type { StackServer } from "./types.ts";

export interface PathValues {
  /** The owner's home folder, absolute. */
  readonly home: string;
  /** The stack home, absolute; without it, ${stack} is refused. */
  readonly stack?: string;
}

/**
 * Throws a Fault for a folder that holds the stack home or its state: a server that writes there could change what
 * binds it. Symbolic links are not followed here; the sandbox resolves them.
 */
export function expandPaths(server: StackServer, values: PathValues): StackServer {
  const at = placeOf(server, "stack.yaml");
  const expand = (text: string): string =>
    text.replaceAll(/\$\{(home|stack)\}/g, (_, name: string) => {
      const value = name === "home" ? values.home : values.stack;
      if (value !== undefined) return value;
      throw new Fault("manifest.unknown-name", { at, message: "'${stack}' stands for nothing here." });
    });
  const folder = (text: string): string => refuseOwn(tidy(expand(text)), values, at);
  const { sandbox } = server;
  return {
    ...server,
    args: server.args.map(expand),
    env: Object.fromEntries(Object.entries(server.env).map(([name, value]) => [name, expand(value)])),
    sandbox:
      sandbox === "none" ? sandbox : { ...sandbox, read: sandbox.read.map(folder), write: sandbox.write.map(folder) },
  };
}

function tidy(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}

function refuseOwn(folder: string, { stack }: PathValues, at: string): string {
  if (stack === undefined) return folder;
  const own = tidy(stack);
  const holds = (outer: string, inner: string): boolean =>
    inner === outer || inner.startsWith(outer === "/" ? "/" : `${outer}/`);
  if (!holds(folder, own) && !holds(`${own}/.state`, folder) && !holds(`${own}/.git`, folder)) return folder;
  throw new Fault("manifest.own-state", {
    at,
    message: `the sandbox would give the server ${folder}, which holds Freehold's own files.`,
    next: "Name a folder beside the stack home, or one of its folders such as ${stack}/skills.",
  });
}
