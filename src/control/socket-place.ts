// Where the control socket may stand: a folder that others cannot enter, and no second daemon behind it.

import { chmodSync, lstatSync, mkdirSync, statSync, unlinkSync } from "node:fs";
import { createConnection, type Server } from "node:net";
import { dirname } from "node:path";
import { Fault } from "../kernel/index.ts";

/** sun_path is 104 bytes on macOS and 108 on Linux, with its end. */
const PATH_BYTES_MAX = 103;

/** Makes the folder when it is missing and clears a socket that nobody answers. Faults: `control.*`. */
export async function preparePlace(socketPath: string, mode: number): Promise<void> {
  if (Buffer.byteLength(socketPath) > PATH_BYTES_MAX) {
    const message = `the path of the control socket is longer than ${PATH_BYTES_MAX} bytes.`;
    throw new Fault("control.path", { at: socketPath, message, next: "choose a home with a shorter path" });
  }
  const folder = dirname(socketPath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Who may not use the socket may not enter its folder either: some systems ignore a socket's own mode.
  const isOpen = (mode & 0o070) === 0 ? 0o077 : 0o007;
  if ((statSync(folder).mode & isOpen) !== 0) {
    const next = `chmod ${isOpen === 0o077 ? "700" : "750"} '${folder}'`;
    throw new Fault("control.folder", { at: folder, message: "other users can enter the socket's folder.", next });
  }
  const found = lstatSync(socketPath, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Fault("control.path", { at: socketPath, message: "something else stands there.", next: "move it away" });
  }
  if (await answers(socketPath)) {
    throw new Fault("control.running", { at: socketPath, message: "Freehold is running already.", next: "npm stop" });
  }
  unlinkSync(socketPath);
}

export function listen(server: Server, socketPath: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      server.off("error", reject);
      chmodSync(socketPath, mode);
      resolve();
    });
  });
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: a daemon that ended without clearing up left it behind.
    socket.once("error", () => resolve(false));
  });
}
