// The configuration files of other programs that are on this machine.

import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { parse, printParseErrorCode, type ParseError } from "jsonc-parser";
import { Fault, isObject, reasonOf, type JsonObject } from "../kernel/index.ts";
import { FORMATS, type ClientId, type Format, type Places } from "./formats.ts";

const FILE_BYTES_MAX = 32 * 1024 * 1024;

export interface ClientConfig {
  readonly client: ClientId;
  readonly title: string;
  readonly scope: "user" | "project";
  readonly file: string;
  readonly exists: boolean;
  /** Freehold can change it; otherwise it only says what to write. */
  readonly isWritten: boolean;
  readonly syntax: Format["syntax"];
  readonly root: string;
}

/** The four that Freehold writes are always listed for the user; everything else where its file exists. */
export function findClients(places: Places): readonly ClientConfig[] {
  return FORMATS.flatMap((format) => [
    ...format.userFiles(places).map((file) => configOf(format, "user", file)),
    ...format.projectFiles(places).map((file) => configOf(format, "project", file)),
  ]).filter((config) => config.exists || (config.isWritten && config.scope === "user"));
}

function configOf(format: Format, scope: ClientConfig["scope"], file: string): ClientConfig {
  const { id, title, isWritten, syntax, root } = format;
  return { client: id, title, scope, file, exists: readText(file) !== null, isWritten, syntax, root };
}

/** Null when there is no such file. Follows symbolic links, as the program itself does. */
export function readText(file: string): string | null {
  let handle: number;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return null;
    throw unreadable(file, reasonOf(error), error);
  }
  try {
    const info = fstatSync(handle);
    if (!info.isFile()) throw unreadable(file, "it is no plain file", null);
    if (info.size > FILE_BYTES_MAX) throw unreadable(file, "it is larger than 32 MB", null);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(handle));
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw unreadable(file, reasonOf(error), error);
  } finally {
    closeSync(handle);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function unreadable(file: string, reason: string, cause: unknown): Fault {
  return new Fault("clients.unreadable", { at: file, message: `it cannot be read: ${reason}.`, cause });
}

/** What a link leads to; a file that is not there yet stands for itself. */
export function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (isMissing(error)) return file;
    throw unreadable(file, reasonOf(error), error);
  }
}

/** JSON with comments and trailing commas, as these programs accept it. */
export function parseConfig(file: string, text: string): JsonObject {
  const bare = text.replace(/^\ufeff/, "");
  if (bare.trim() === "") return {};
  const errors: ParseError[] = [];
  let value: unknown;
  try {
    value = parse(bare, errors, { allowTrailingComma: true, allowEmptyContent: true });
  } catch (error) {
    // Nested so deep that the parser's stack ends.
    throw unreadable(file, reasonOf(error), error);
  }
  const first = errors[0];
  if (first === undefined && isObject(value)) return value;
  const line = first === undefined ? 1 : bare.slice(0, first.offset).split("\n").length;
  const reason = first === undefined ? "it is no JSON object" : `not valid JSON (${printParseErrorCode(first.error)})`;
  throw new Fault("clients.unreadable", {
    at: `${file}:${line}`,
    message: `${reason}. Nothing was changed.`,
    next: "Repair the file, then try again.",
  });
}
