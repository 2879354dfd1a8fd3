// The command line of bubblewrap: a new root with programs to read, nothing of the owner's but the named folders.
// Invariants: no network but the egress socket; environment values go over a pipe, never into an argument list.

import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { dirname, extname } from "node:path";
import { DEFAULT_PATH, egressSocket, relayCommand, relayFile, type Launch, type Plan } from "./launch.ts";

const HOME = "/tmp/home";
const SOCKET = "/tmp/egress.sock";
const SHARED_MEMORY_BYTES = 67_108_864;
const ETC =
  "ssl ca-certificates pki crypto-policies nsswitch.conf localtime alternatives ld.so.cache ld.so.conf ld.so.conf.d";

export function bwrapLaunch(program: string, plan: Plan): Launch {
  const relay = `/tmp/relay.m${extname(relayFile()).slice(1)}`;
  const first = relayCommand(plan.network, { relay, socket: SOCKET, port: 0 });
  return {
    args: [program, "--args", "3", "--", ...first, ...plan.command],
    cwd: "/",
    env: {},
    // Programs ask for their own user's name; the machine's other users and hosts are nobody's business.
    feed: [
      rootArgs(plan, relay).join("\0"),
      "127.0.0.1 localhost\n::1 localhost\n",
      `owner:x:${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}::${HOME}:/bin/sh\n`,
    ],
  };
}

function rootArgs(plan: Plan, relay: string): readonly string[] {
  const args = [
    "--unshare-all",
    ...plan.flags,
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    "--cap-drop",
    "ALL",
  ];
  const add = (...more: readonly string[]): void => void args.push(...more);
  add("--proc", "/proc", "--dev", "/dev", "--size", String(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm");
  add("--remount-ro", "/dev", "--size", String(plan.memoryMb * 524_288), "--tmpfs", "/tmp", "--dir", HOME);
  for (const path of ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"]) {
    // Merged systems have links here; copied as links, so that nothing is mounted twice.
    if (existsSync(path) && lstatSync(path).isSymbolicLink()) add("--symlink", readlinkSync(path), path);
    else add("--ro-bind-try", path, path);
  }
  for (const name of ETC.split(" ")) add("--ro-bind-try", `/etc/${name}`, `/etc/${name}`);
  add("--ro-bind-data", "4", "/etc/hosts", "--ro-bind-data", "5", "/etc/passwd");
  add("--ro-bind", process.execPath, process.execPath);
  for (const { source, target } of plan.read) add("--ro-bind", source, target);
  for (const { source, target } of plan.write) add("--bind", source, target);
  if (plan.network !== "none") add("--ro-bind", relayFile(), relay, "--ro-bind", egressSocket(plan.folder), SOCKET);
  const path = `${dirname(process.execPath)}:${DEFAULT_PATH}`;
  const env = { PATH: path, HOME, TMPDIR: "/tmp", LANG: "C.UTF-8", ...plan.env };
  for (const [name, value] of Object.entries(env)) add("--setenv", name, value);
  return [...args, "--remount-ro", "/", "--chdir", plan.cwd];
}
