// A real terminal for tests: runs a program on a pseudo-terminal and types when the expected text has appeared.

import { spawn, spawnSync } from "node:child_process";

export interface Typing {
  /** Literal text that must appear after the last one. */
  readonly expect: string;
  readonly send: string;
}

export interface Session {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly steps: readonly Typing[];
  readonly columns?: number;
}

export interface Transcript {
  readonly output: string;
  readonly code: number | null;
  /** The text that never appeared, or null. */
  readonly missed: string | null;
}

const PYTHON = `
import fcntl, json, os, pty, select, struct, sys, termios, time
spec = json.load(sys.stdin)
pid, fd = pty.fork()
if pid == 0:
    os.chdir(spec["cwd"])
    os.execve(spec["argv"][0], spec["argv"], spec["env"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, spec["columns"], 0, 0))
out, at, missed, end = b"", 0, None, time.time() + spec["seconds"]
def read():
    global out
    ready, _, _ = select.select([fd], [], [], max(0, end - time.time()))
    if not ready: return False
    try: part = os.read(fd, 65536)
    except OSError: return False
    out += part
    return part != b""
for step in spec["steps"]:
    want = step["expect"].encode()
    while out.find(want, at) < 0:
        if not read(): missed = step["expect"]; break
    if missed is not None: break
    at = out.find(want, at) + len(want)
    os.write(fd, step["send"].encode())
while missed is None and read(): pass
if missed is not None:
    try: os.kill(pid, 9)
    except ProcessLookupError: pass
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"output": out.decode("utf8", "replace"), "missed": missed, "code": code}))
`;

const SECONDS_MAX = 60;

export function hasPty(): boolean {
  return spawnSync("python3", ["-c", "import pty"]).status === 0;
}

export function onTerminal({ argv, env, cwd = "/", steps, columns = 80 }: Session): Promise<Transcript> {
  const child = spawn("python3", ["-c", PYTHON], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ argv, env, cwd, steps, columns, seconds: SECONDS_MAX }));
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk) => (said += String(chunk)));
    child.once("error", reject);
    child.once("close", () => {
      // oxlint-disable-next-line no-unsafe-assignment -- the program above wrote it
      const result: Transcript = JSON.parse(said);
      resolve(result);
    });
  });
}
