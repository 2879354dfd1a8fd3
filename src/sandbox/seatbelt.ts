// The macOS sandbox: a profile for sandbox-exec. Its text is tested, its effect is not: no CI machine runs macOS.
// Invariants: everything is denied first; network is loopback to the relay's port and the egress socket, or nothing.

import { randomInt } from "node:crypto";
import { DEFAULT_PATH, egressSocket, relayCommand, relayFile, type Launch, type Plan } from "./launch.ts";

const SYSTEM = "/usr/lib /usr/share /usr/bin /bin /System /Library/Apple /private/var/db/timezone /private/etc/ssl";

export function seatbeltLaunch(program: string, plan: Plan): Launch {
  const port = randomInt(20_000, 60_000);
  const first = relayCommand(plan.network, { relay: relayFile(), socket: egressSocket(plan.folder), port });
  return {
    args: [program, "-p", seatbeltProfile(plan, port), ...first, ...plan.command],
    cwd: plan.cwd,
    env: { PATH: DEFAULT_PATH, HOME: plan.folder, TMPDIR: plan.folder, ...plan.env },
    feed: [],
  };
}

export function seatbeltProfile(plan: Plan, port: number): string {
  const subpaths = (paths: readonly string[]): string => paths.map((path) => `(subpath ${quoted(path)})`).join(" ");
  const read = [...SYSTEM.split(" "), process.execPath, relayFile(), ...plan.read.map((mount) => mount.source)];
  const write = [plan.folder, ...plan.write.map((mount) => mount.source)];
  const relay = `ip ${quoted(`localhost:${port}`)}`;
  const network = [
    `(allow network-bind network-inbound (local ${relay}))`,
    `(allow network-outbound (remote ${relay}) (literal ${quoted(egressSocket(plan.folder))}))`,
  ];
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-fork process-exec)",
    "(allow signal (target same-sandbox))",
    "(allow sysctl-read file-read-metadata)",
    '(allow file-read* file-write-data (literal "/dev/null") (literal "/dev/zero"))',
    '(allow file-read* (literal "/") (literal "/dev/random") (literal "/dev/urandom"))',
    `(allow file-read* ${subpaths(read)})`,
    `(allow file-read* file-write* ${subpaths(write)})`,
    ...(plan.network === "none" ? [] : network),
  ].join("\n");
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
