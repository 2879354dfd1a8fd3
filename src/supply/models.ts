// Model files by the SHA-256 of their bytes, below .state/models. Where a file came from does not matter: the hash in
// the lock says what it is, so any copy will do. Nothing of a model is parsed here.

import { createHash, type Hash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fsyncSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { chmodSync, readFileSync, realpathSync, statfsSync, writeSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { ensureDir } from "../home/index.ts";
import { Fault, oneLine, sha256, type PermitConnection } from "../kernel/index.ts";
import { LOCK_FILE, parseLock, type LockedModel } from "../manifest/index.ts";
import { openDownload } from "./download.ts";
import type { SupplyHome } from "./places.ts";

/** No file for one machine is larger. */
const BYTES_MAX = 1_000_000_000_000;
const CHUNK_BYTES = 1_048_576;
const SPARE_BYTES = 268_435_456;
const PROGRESS_EVERY_BYTES = 268_435_456;
const HASH = /^[0-9a-f]{64}$/;

type Home = Pick<SupplyHome, "dir" | "stateDir">;

export interface PullRequest {
  readonly homePaths: Home;
  /** An address, a file, or `FOLDER#NAME` for a model of another stack home. */
  readonly source: string;
  /** What the bytes must hash to; without it they are taken as they come and pinned. */
  readonly sha256: string | null;
  readonly permitConnection: PermitConnection;
  readonly progress: (text: string) => void;
  readonly bytesMax?: number;
}

export function modelsFolder(home: Home): string {
  return join(home.stateDir, "models");
}

export function modelFile(home: Home, hash: string): string {
  return join(modelsFolder(home), hash);
}

/**
 * Brings the bytes here and answers their lock. A download that was cut goes on where it stopped. Faults:
 * `supply.model-source`, `.model-hash` (other bytes than named), `.model-large`, `.model-fetch`.
 */
export async function pullModel(request: PullRequest): Promise<LockedModel> {
  const { source, homePaths: home, bytesMax = BYTES_MAX } = request;
  const wanted = request.sha256?.toLowerCase() ?? null;
  if (wanted !== null && !HASH.test(wanted)) throw badSource("--sha256 takes 64 hexadecimal digits");
  ensureDir(home.stateDir, 0o700);
  ensureDir(modelsFolder(home), 0o700);
  const isAddress = /^https?:/i.test(source);
  const known = isAddress ? null : localModel(source, wanted);
  const expected = known?.sha256 ?? wanted;
  if (expected !== null && existsSync(modelFile(home, expected))) {
    const locked = { source, sha256: expected, bytes: lstatSync(modelFile(home, expected)).size };
    await verifyModel({ name: "the model", locked, home });
    return locked;
  }
  if (isAddress && expected === null && !/^https:/i.test(source)) {
    throw badSource("what comes without https can be changed on its way: name its hash with --sha256");
  }
  // By its source and hash, so that the same command finds it again.
  const part = join(modelsFolder(home), `.part-${sha256(JSON.stringify([source, expected]))}`);
  const taken = isAddress
    ? await download({ ...request, part, bytesMax })
    : await copyTo(part, { from: known?.file ?? "", progress: request.progress, bytesMax });
  if (taken.bytes === 0 || (expected !== null && taken.sha256 !== expected)) {
    rmSync(part, { force: true });
    const gave = `${taken.bytes} bytes with sha256 ${taken.sha256}`;
    throw new Fault("supply.model-hash", {
      message: `${oneLine(source, 200)} gave ${gave}, not ${expected ?? "a model"}.`,
      next: "check the hash with who published it; nothing was kept.",
    });
  }
  chmodSync(part, 0o400);
  renameSync(part, modelFile(home, taken.sha256));
  return { source, ...taken };
}

interface Taken {
  readonly sha256: string;
  readonly bytes: number;
}

interface LocalModel {
  readonly file: string;
  readonly sha256: string | null;
}

function localModel(source: string, wanted: string | null): LocalModel {
  const [, folder = "", name] = /^(.+)#([a-z0-9][a-z0-9-]{0,30})$/.exec(source) ?? [];
  if (name !== undefined && existsSync(join(folder, LOCK_FILE))) {
    const lock = parseLock(readFileSync(join(folder, LOCK_FILE), "utf8"), join(folder, LOCK_FILE));
    const model = lock.models !== undefined && Object.hasOwn(lock.models, name) ? lock.models[name] : undefined;
    if (model === undefined) throw badSource(`the stack home ${oneLine(folder, 200)} has no model '${name}'`);
    if (wanted !== null && wanted !== model.sha256) {
      throw badSource(`the stack home ${oneLine(folder, 200)} locks '${name}' as ${model.sha256}, not ${wanted}`);
    }
    return { file: join(folder, ".state", "models", model.sha256), sha256: model.sha256 };
  }
  const file = resolve(source.replace(/^path:/, ""));
  if (!isAbsolute(source.replace(/^path:/, "")) || !existsSync(file) || !lstatSync(realpathSync(file)).isFile()) {
    throw badSource(`${oneLine(source, 200)} is neither an address nor a file`);
  }
  return { file: realpathSync(file), sha256: wanted };
}

interface Copy {
  readonly from: string;
  readonly progress: (text: string) => void;
  readonly bytesMax: number;
}

async function copyTo(part: string, { from, progress, bytesMax }: Copy): Promise<Taken> {
  if (!existsSync(from)) throw badSource(`${oneLine(from, 200)} is not there`);
  const { size } = lstatSync(from);
  checkRoom(part, { size, bytesMax });
  rmSync(part, { force: true });
  const stream = createReadStream(from, { highWaterMark: CHUNK_BYTES });
  return writeTo(part, { stream, hash: createHash("sha256"), at: 0, bytesMax, progress });
}

async function download(request: PullRequest & { readonly part: string; readonly bytesMax: number }): Promise<Taken> {
  const { part, source, permitConnection, progress, bytesMax } = request;
  const had = existsSync(part) ? lstatSync(part).size : 0;
  const opened = await openDownload({ url: source, from: had, permitConnection });
  try {
    checkRoom(part, { size: opened.size ?? 0, bytesMax });
    const hash = createHash("sha256");
    // A server that does not resume begins anew.
    if (opened.from === 0) rmSync(part, { force: true });
    else await hashFile(part, hash);
    if (opened.from > 0) progress(`going on at ${opened.from} bytes`);
    const taken = await writeTo(part, { stream: opened.stream, hash, at: opened.from, bytesMax, progress });
    if (opened.size === null || taken.bytes === opened.size) return taken;
    const message = `${oneLine(source, 200)} broke off at ${taken.bytes} of ${opened.size} bytes.`;
    throw new Fault("supply.model-fetch", { message, next: "the same command goes on where it stopped." });
  } finally {
    opened.close();
  }
}

interface Writing {
  readonly stream: Readable;
  readonly hash: Hash;
  readonly at: number;
  readonly bytesMax: number;
  readonly progress: (text: string) => void;
}

async function writeTo(part: string, { stream, hash, at, bytesMax, progress }: Writing): Promise<Taken> {
  const handle = openSync(part, at === 0 ? "wx" : "a", 0o600);
  let bytes = at;
  try {
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) continue;
      if (Math.floor((bytes + chunk.length) / PROGRESS_EVERY_BYTES) > Math.floor(bytes / PROGRESS_EVERY_BYTES)) {
        progress(`${Math.round((bytes + chunk.length) / 1e6)} MB`);
      }
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      hash.update(chunk);
      for (let done = 0; done < chunk.length;) done += writeSync(handle, chunk, done);
    }
    fsyncSync(handle);
  } catch (error) {
    if (error instanceof Fault) {
      rmSync(part, { force: true });
      throw error;
    }
    const next = "the same command goes on where it stopped.";
    throw new Fault("supply.model-fetch", { message: `it broke off at ${bytes} bytes.`, next, cause: error });
  } finally {
    closeSync(handle);
    stream.destroy();
  }
  return { sha256: hash.digest("hex"), bytes };
}

function checkRoom(part: string, { size, bytesMax }: { readonly size: number; readonly bytesMax: number }): void {
  if (size > bytesMax) throw tooLarge(bytesMax);
  const { bavail, bsize } = statfsSync(join(part, ".."));
  if (size + SPARE_BYTES <= bavail * bsize) return;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  const message = `the model has ${megabytes(size)} and the disk ${megabytes(bavail * bsize)} free.`;
  throw new Fault("home.disk-full", { message, next: "free some space and try again." });
}

async function hashFile(file: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
    if (Buffer.isBuffer(chunk)) hash.update(chunk);
  }
}

/**
 * To be called before a model is loaded, each time. Throws Fault `supply.model-missing`, or `supply.model-differs` when
 * size or hash are not those of the lock.
 */
export async function verifyModel(options: {
  readonly name: string;
  readonly locked: LockedModel;
  readonly home: Home;
}): Promise<void> {
  const { name, locked, home } = options;
  const at = modelFile(home, locked.sha256);
  const next = `freehold model pull ${locked.source} --as ${name} --sha256 ${locked.sha256}`;
  const info = lstatSync(at, { throwIfNoEntry: false });
  if (info === undefined) {
    throw new Fault("supply.model-missing", { at, message: `model ${name} is locked and not here.`, next });
  }
  const differs = (what: string): Fault =>
    new Fault("supply.model-differs", { at, message: `model ${name} is not what stack.lock says: ${what}.`, next });
  if (!info.isFile()) throw differs("it is no plain file");
  if (info.size !== locked.bytes) throw differs(`it has ${info.size} bytes, not ${locked.bytes}`);
  const hash = createHash("sha256");
  await hashFile(at, hash);
  if (hash.digest("hex") !== locked.sha256) throw differs("its bytes were changed");
}

export type CheckModel = (model: { readonly name: string; readonly locked: LockedModel }) => Promise<void>;

/** As `verifyModel`, and quick for a file that was hashed before and that nobody has touched since. */
export function openModelChecks(home: Home): CheckModel {
  const known = new Map<string, string>();
  return async ({ name, locked }) => {
    const seen = identityOf(modelFile(home, locked.sha256));
    if (seen !== null && known.get(locked.sha256) === seen) return;
    await verifyModel({ name, locked, home });
    // What was changed while it was hashed is hashed again the next time.
    if (seen !== null) known.set(locked.sha256, seen);
  };
}

function identityOf(file: string): string | null {
  const info = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return info === undefined ? null : [info.ino, info.size, info.mtimeNs, info.ctimeNs].join(":");
}

function tooLarge(bytesMax: number): Fault {
  const next = "choose a smaller model; nothing was kept.";
  return new Fault("supply.model-large", { message: `it is larger than ${bytesMax} bytes.`, next });
}

function badSource(reason: string): Fault {
  return new Fault("supply.model-source", {
    message: `${reason}.`,
    next: "freehold model pull https://… | /path/to/file | /other/home#NAME",
  });
}
