// How the owner reaches the console from where they sit: this machine, over SSH, over Tailscale.

import { accessSync, constants } from "node:fs";
import { hostname, userInfo } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import type { Shell } from "./shell.ts";

export interface WayIn {
  readonly url: string;
  /** Null when this is no SSH session. */
  readonly tunnel: string | null;
  readonly tailscale: string | null;
}

export function wayIn(shell: Shell, url: string): WayIn {
  const { port } = new URL(url);
  const isRemote = (shell.env["SSH_CONNECTION"] ?? "") !== "";
  return {
    url,
    tunnel: isRemote ? `ssh -L ${port}:127.0.0.1:${port} ${userInfo().username}@${serverName(shell)}` : null,
    tailscale: onPath("tailscale", shell.env["PATH"] ?? "") === null ? null : `tailscale serve --bg ${port}`,
  };
}

/** The address at which the owner reached this machine; its own name where that is a loopback address. */
function serverName(shell: Shell): string {
  const address = (shell.env["SSH_CONNECTION"] ?? "").split(" ")[2] ?? "";
  return address === "" || address === "127.0.0.1" || address === "::1" ? hostname() : address;
}

export function wayInLines(shell: Shell, way: WayIn): readonly string[] {
  const lines = ["Console, with a link that works once:", `  ${shell.paint("cyan", way.url)}`];
  if (way.tunnel !== null)
    lines.push("You are here over SSH. On your own computer run this, then open the link there:", `  ${way.tunnel}`);
  if (way.tailscale !== null) lines.push("For your other devices over Tailscale:", `  ${way.tailscale}`);
  return lines;
}

/** The program's full path, or null. */
export function onPath(program: string, path: string): string | null {
  for (const folder of path.split(delimiter).filter((each) => isAbsolute(each))) {
    const full = join(folder, program);
    try {
      accessSync(full, constants.X_OK);
      return full;
    } catch {
      // Not in this folder, or not for us.
    }
  }
  return null;
}
