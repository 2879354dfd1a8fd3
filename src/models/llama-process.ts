// The child that runs one model file: started by the first order, one order at a time, ended when nobody asks.
// A model that brings its child down brings nothing else down; after each time in a row it rests for longer.

import { Fault, reasonOf } from "../kernel/index.ts";
import type { SandboxedProcess } from "../sandbox/index.ts";
import type { Command, LastLine, Line, Order, Said } from "./llama-lines.ts";
import { lastWords, memoryFor, startLlama, type LlamaChild, type LlamaFile, type LlamaSandbox } from "./llama-start.ts";
import { openTurns, type Turns } from "./llama-turns.ts";

export interface LlamaParts extends LlamaSandbox {
  /** Rejects with a Fault where the file is not the locked one. */
  verify(): Promise<void>;
  /** The installed tree of node-llama-cpp. Rejects with a Fault that names the command where there is none. */
  library(): Promise<string>;
  readonly nowMs: () => number;
  readonly limits?: Partial<LlamaLimits>;
}

export interface LlamaLimits {
  readonly idleMs: number;
  readonly loadMs: number;
  readonly answerMs: number;
  readonly waitingMax: number;
  readonly memoryMb: number;
}

export type LlamaResult =
  | { readonly kind: "ended"; readonly line: LastLine }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly retryAfterMs: number | null;
      /** The order never reached the model. */
      readonly isUnsent: boolean;
    };

export interface Ordering {
  readonly order: Order;
  readonly signal: AbortSignal;
  readonly onSaid: (line: Said) => void;
}

const LIMITS = { idleMs: 600_000, loadMs: 300_000, answerMs: 900_000, waitingMax: 8 };
const CANCEL_GRACE_MS = 5_000;
/** After the first failure, the second, and each further one in a row. */
const RESTS_MS = [2_000, 15_000, 600_000];

interface Running {
  readonly process: SandboxedProcess;
  readonly pending: Map<number, Pending>;
  isEnding: boolean;
}

interface Pending {
  readonly onSaid: (line: Said) => void;
  readonly end: (result: LlamaResult) => void;
}

class Rested extends Error {
  readonly retryAfterMs: number | null;
  constructor(message: string, retryAfterMs: number | null) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export class LlamaProcess {
  readonly #model: LlamaFile;
  readonly #parts: LlamaParts;
  readonly #limits: LlamaLimits;
  readonly #turns: Turns;
  #running: Promise<Running> | null = null;
  #contextTokens: number;
  #pid: number | null = null;
  #failures = 0;
  #failedAtMs = 0;
  #lastReason = "";
  #lastId = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(model: LlamaFile, parts: LlamaParts) {
    this.#model = model;
    this.#parts = parts;
    this.#limits = { ...LIMITS, memoryMb: memoryFor(model), ...parts.limits };
    this.#turns = openTurns(this.#limits.waitingMax);
    this.#contextTokens = model.contextTokens;
  }

  /** Of the model as it was loaded last. */
  get contextTokens(): number {
    return this.#contextTokens;
  }

  /** Null while none runs. */
  get pid(): number | null {
    return this.#pid;
  }

  /** Waits its turn, except for counting, which disturbs nobody. Never rejects. */
  async ask(ordering: Ordering): Promise<LlamaResult> {
    if (ordering.order.do === "count") return this.#inChild(ordering);
    if (!(await this.#turns.take(ordering.signal))) {
      const reason = ordering.signal.aborted ? "whoever asked is gone" : `${this.#model.name} has enough to do`;
      return { kind: "failed", reason, retryAfterMs: CANCEL_GRACE_MS, isUnsent: true };
    }
    try {
      return await this.#inChild(ordering);
    } finally {
      this.#turns.end();
    }
  }

  /** Resolves once no child runs. */
  async idle(): Promise<void> {
    const last = await this.#running?.catch(() => null); // Whoever started it hears of its fault.
    await last?.process.exited;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const last = await this.#running?.catch(() => null);
    if (last === null || last === undefined) return;
    last.isEnding = true;
    await last.process.stop();
  }

  async #inChild({ order, signal, onSaid }: Ordering): Promise<LlamaResult> {
    clearTimeout(this.#idle);
    const running = (this.#running ??= this.#start());
    try {
      const one = await running;
      if (!signal.aborted) return await this.#ordered(one, { order, signal, onSaid });
      return { kind: "failed", reason: "whoever asked is gone", retryAfterMs: null, isUnsent: true };
    } catch (error) {
      if (this.#running === running) this.#running = null;
      return resultOf(error, true);
    } finally {
      clearTimeout(this.#idle);
      if (this.#turns.isFree() || order.do !== "count") {
        this.#idle = setTimeout(() => void this.#rest(), this.#limits.idleMs).unref();
      }
    }
  }

  /** Nobody asked for a while; who asks right now is waited for. */
  async #rest(): Promise<void> {
    if (this.#turns.isFree()) await this.close();
  }

  async #ordered(one: Running, { order, signal, onSaid }: Ordering): Promise<LlamaResult> {
    const id = (this.#lastId += 1);
    const { promise, resolve } = Promise.withResolvers<LlamaResult>();
    const write = (command: Command): void => void one.process.stdin.write(`${JSON.stringify(command)}\n`);
    let grace: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      write({ id, do: "cancel" });
      grace = setTimeout(() => void one.process.kill(), CANCEL_GRACE_MS);
    };
    const late = setTimeout(cancel, this.#limits.answerMs);
    signal.addEventListener("abort", cancel, { once: true });
    one.pending.set(id, { onSaid: (line) => (signal.aborted ? undefined : onSaid(line)), end: resolve });
    write({ ...order, id });
    const result = await promise;
    one.pending.delete(id);
    signal.removeEventListener("abort", cancel);
    clearTimeout(late);
    clearTimeout(grace);
    if (result.kind === "ended" && result.line.kind === "done") this.#failures = 0;
    return result;
  }

  async #start(): Promise<Running> {
    const [model, parts] = [this.#model, this.#parts];
    const rest = this.#restMs();
    if (rest > 0) {
      const often = this.#failures === 1 ? "" : `, ${this.#failures} times in a row`;
      throw new Rested(`${model.name} rests, for it failed${often}: ${this.#lastReason}`, rest);
    }
    await parts.verify();
    const library = await parts.library();
    const ready = Promise.withResolvers<number>();
    // Whoever waits has it from the race below.
    ready.promise.catch(() => undefined);
    const pending = new Map<number, Pending>();
    const onLine = (line: Line): void => {
      if (line.kind === "ready") ready.resolve(line.contextTokens);
      else if (line.kind === "unready") ready.reject(new Error(`it cannot be loaded: ${line.reason}`));
      else take(pending, line);
    };
    const { memoryMb, loadMs } = this.#limits;
    const child = await startLlama({ model, sandbox: parts, memoryMb, library, onLine });
    const fresh: Running = { process: child.process, pending, isEnding: false };
    const ended = this.#follow(fresh, child);
    const late = setTimeout(() => ready.reject(new Error(`it was not loaded in ${loadMs / 1_000} s`)), loadMs);
    try {
      this.#contextTokens = await Promise.race([ready.promise, ended.then((reason) => Promise.reject(reason))]);
      this.#pid = child.process.pid;
      return fresh;
    } catch (error) {
      const fault = fresh.isEnding ? error : this.#failed(reasonOf(error));
      fresh.isEnding = true;
      await child.process.kill();
      throw fault;
    } finally {
      clearTimeout(late);
    }
  }

  /** Resolves with the reason for which a child ended, once all that waited for it knows. */
  async #follow(one: Running, { process, said }: LlamaChild): Promise<Error> {
    const { reason, signal, code } = await process.exited;
    const isCurrent = this.#pid === process.pid;
    if (isCurrent) [this.#pid, this.#running] = [null, null];
    const why = reason ?? (signal === null ? `its process ended with ${code}` : `its process was ended by ${signal}`);
    const text = `${why}${lastWords(said.errors)}`;
    const fault = one.isEnding || !isCurrent ? new Error(text) : this.#failed(text);
    for (const { end } of one.pending.values()) end(resultOf(fault, false));
    return fault;
  }

  #failed(reason: string): Rested {
    this.#failures += 1;
    this.#failedAtMs = this.#parts.nowMs();
    this.#lastReason = reason;
    return new Rested(`${this.#model.name}: ${reason}`, this.#restMs());
  }

  #restMs(): number {
    const rest = RESTS_MS[Math.min(this.#failures, RESTS_MS.length) - 1] ?? 0;
    return Math.max(0, this.#failedAtMs + rest - this.#parts.nowMs());
  }
}

function take(pending: ReadonlyMap<number, Pending>, line: Said | LastLine): void {
  const one = pending.get(line.id);
  if (one === undefined) return;
  if (line.kind === "done" || line.kind === "counted" || line.kind === "failed") one.end({ kind: "ended", line });
  else one.onSaid(line);
}

function resultOf(error: unknown, isUnsent: boolean): LlamaResult {
  const reason = error instanceof Fault ? error.line() : reasonOf(error);
  return { kind: "failed", reason, retryAfterMs: error instanceof Rested ? error.retryAfterMs : null, isUnsent };
}
