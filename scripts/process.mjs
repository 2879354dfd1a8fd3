// Starting programs from the scripts: one place for output, signals, exit codes and the 2-second progress line.
// No dependencies; any Node >= 18.

import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const PROGRESS_AFTER_MS = 2000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const TAIL_LINES = 30;

/** A failure that the person at the keyboard can act on: printed as it stands, without a stack. */
export class Trouble extends Error {}

/** Runs `work`; one line on stderr when it takes longer than two seconds. */
export async function step(label, work) {
  const timer = setTimeout(() => process.stderr.write(`freehold: ${label} …\n`), PROGRESS_AFTER_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a program to its end and keeps its output. A program that cannot be started has code 127. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    const stdout = gather(child.stdout);
    const stderr = gather(child.stderr);
    child.once("error", (error) => resolve({ code: 127, stdout: "", stderr: error.message }));
    child.once("close", (code, signal) =>
      resolve({ code: code ?? 1, stdout: stdout(), stderr: stderr() + (signal ? `\nended by ${signal}` : "") }),
    );
  });
}

function gather(stream) {
  const chunks = [];
  let bytes = 0;
  stream.on("data", (chunk) => {
    bytes += chunk.length;
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

export function tail(text) {
  return text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

/**
 * Runs a program in our place: its terminal, our signals, its exit code. Answers 0 to 255; a program ended by a
 * signal ends us by the same signal.
 */
export function inPlace(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    // Control-C on a terminal reaches the whole process group already; a second one would mean "now".
    const pass = (signal) => {
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
    for (const signal of signals) process.on(signal, pass);
    const end = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.once("error", (error) => {
      end();
      process.stderr.write(`freehold: ${command} could not be started: ${error.message}\n`);
      resolve(127);
    });
    child.once("exit", (code, signal) => {
      end();
      if (signal === null) return resolve(code ?? 1);
      process.kill(process.pid, signal);
      // Reached only where the signal does not end us.
      setTimeout(() => resolve(1), 1000);
    });
  });
}

/** The program's full path on PATH, or null. */
export function onPath(program, path = process.env.PATH ?? "") {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const full = join(folder, program);
    try {
      accessSync(full, constants.X_OK);
      return full;
    } catch (error) {
      if (!["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes(error.code)) throw error;
    }
  }
  return null;
}

/** How npm is started: the one that runs us, else the one on PATH. The user's own registry configuration applies. */
export function npmCommand(env = process.env) {
  const own = env.npm_execpath;
  if (own !== undefined && /npm-cli\.[cm]?js$/.test(own)) return { command: process.execPath, args: [own] };
  const found = onPath("npm", env.PATH);
  if (found === null)
    throw new Trouble("npm is not on PATH. Install Node with npm (any version >= 18), then run this again.");
  return { command: found, args: [] };
}

/** Runs main and turns its outcome into an exit code. */
export async function main(work) {
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    process.stderr.write(`freehold: ${error.message}\n`);
    process.exitCode = 1;
  }
}
