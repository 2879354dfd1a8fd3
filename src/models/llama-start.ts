// Starts the child that runs a model file: no network, nothing to write to, and nothing to read but programs, the
// library and this one file.

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { oneLine } from "../kernel/index.ts";
import { startSandboxed, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";
import { LINE_CHARS_MAX, readLine, type Line } from "./llama-lines.ts";

export interface LlamaFile {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  /** Of its context; never more than the model was trained with. */
  readonly contextTokens: number;
}

export interface LlamaSandbox {
  probe(): Promise<SandboxProbe>;
  /** Folders that nothing may be mounted from, and those within them that may be: the trees and the models. */
  readonly protect: readonly string[];
  readonly installed: readonly string[];
}

export interface Starting {
  readonly model: LlamaFile;
  readonly sandbox: LlamaSandbox;
  readonly memoryMb: number;
  /** The installed tree of node-llama-cpp. */
  readonly library: string;
  readonly onLine: (line: Line) => void;
}

/** Threads count where the kernel keeps the limit. */
const PIDS_MAX = 256;
const KV_MB_PER_TOKEN = 0.15;
const ERROR_CHARS_MAX = 4_096;

export interface LlamaChild {
  readonly process: SandboxedProcess;
  /** The end of what it printed. */
  readonly said: { errors: string };
}

/** Faults: those of a start in the sandbox. */
export async function startLlama(starting: Starting): Promise<LlamaChild> {
  const { model, sandbox, memoryMb, library } = starting;
  const program = fileURLToPath(new URL(`./llama-child${extname(import.meta.url)}`, import.meta.url));
  const ours = [dirname(program), join(dirname(program), "..", "kernel")];
  // Says that our files are modules.
  const manifest = join(dirname(program), "..", "..", "package.json");
  const entry = join(library, "node_modules", "node-llama-cpp", "dist", "index.js");
  // Its threads wait for each other without sleeping: with one for each processor, any other program stalls them all.
  const threads = Math.max(1, Math.floor(availableParallelism() / 2));
  const started = await startSandboxed({
    name: `the model ${model.name}`,
    spec: {
      read: [...ours, ...(existsSync(manifest) ? [manifest] : []), library, model.file],
      write: [],
      network: "none",
      memoryMb,
      pidsMax: PIDS_MAX,
      off: false,
    },
    command: [process.execPath, program, entry, model.file, String(model.contextTokens), String(threads)],
    cwd: "/tmp",
    // A stack trace by a debugger would take seconds, and is of use to nobody here.
    env: { NODE_NO_WARNINGS: "1", GGML_NO_BACKTRACE: "1" },
    probe: await sandbox.probe(),
    permitConnection: async () => false,
    protect: sandbox.protect,
    installed: sandbox.installed,
  });
  const said = { errors: "" };
  started.stderr.on("data", (text) => (said.errors = (said.errors + String(text)).slice(-ERROR_CHARS_MAX)));
  readLines(started, starting.onLine);
  return { process: started, said };
}

/** The weights are mapped from the file; some processors get a second, rearranged copy of them. */
export function memoryFor({ bytes, contextTokens }: LlamaFile): number {
  return Math.ceil((bytes / 1e6) * 1.3 + contextTokens * KV_MB_PER_TOKEN + 1_024);
}

/** Why it gave up, as far as it said: a failed assertion stands before the trace of the stack. */
export function lastWords(errors: string): string {
  const lines = errors.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.find((line) => /GGML_ASSERT|error:/i.test(line)) ?? lines.at(-1);
  return telling === undefined ? "" : ` (${oneLine(telling, 200)})`;
}

function readLines({ stdout }: SandboxedProcess, onLine: (line: Line) => void): void {
  let rest = "";
  stdout.setEncoding("utf8");
  stdout.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    // What is longer is no line of ours.
    if (rest.length > LINE_CHARS_MAX) rest = "";
    for (const one of lines) {
      const line = one.length > LINE_CHARS_MAX ? null : readLine(one);
      if (line !== null) onLine(line);
    }
  });
}
