// The configuration files of other programs that are on this machine.

import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { Fault, reasonOf } from "../kernel/index.ts";
import { FORMATS, type ClientId, type Format, type Places } from "./formats.ts";

const FILE_BYTES_MAX = 32 * 1024 * 1024;

export interface ClientConfig {
  readonly client: ClientId;
  readonly title: string;
  readonly scope: "user" | "project";
  readonly file: string;
  readonly exists: boolean;
  readonly syntax: Format["syntax"];
}

/** Every program with its file, or with the place where its file would be; a project's files where they are. */
export function findClients(places: Places): readonly ClientConfig[] {
  return FORMATS.flatMap((format) => {
    const own = format.userFiles(places).map((file) => configOf(format, "user", file));
    const present = own.filter((config) => config.exists);
    // Started in the home folder, a program's own file would be its project's as well.
    const projectFiles = format.projectFiles(places).filter((file) => own.every((config) => config.file !== file));
    const inProject = projectFiles.map((file) => configOf(format, "project", file));
    return [...(present.length > 0 ? present : own.slice(0, 1)), ...inProject.filter((config) => config.exists)];
  });
}

function configOf({ id, title, syntax }: Format, scope: ClientConfig["scope"], file: string): ClientConfig {
  return { client: id, title, scope, file, exists: readText(file) !== null, syntax };
}

/** Null when there is no such file. Follows symbolic links, as the program itself does. */
export function readText(file: string): string | null {
  const bytes = readBytes(file);
  if (bytes === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw unreadable(file, reasonOf(error), error);
  }
}

export function readBytes(file: string): Buffer | null {
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
    return readFileSync(handle);
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
