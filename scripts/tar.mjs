// Reads chosen files out of a gzipped tar archive, as a stream. Anything but a plain file is refused for a chosen name.
// No dependencies; any Node >= 18.

import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { Trouble } from "./process.mjs";

const BLOCK = 512;
const FILE_BYTES_MAX = 512 * 1024 * 1024;

/**
 * Calls `take(name)` for each file; where it answers a function, that function gets the file's bytes in order.
 * Long names of pax and GNU archives are not followed: a chosen file has a name of at most 255 bytes.
 */
export async function readTarball(path, take) {
  const source = createReadStream(path);
  const gunzip = createGunzip();
  source.once("error", (error) => gunzip.destroy(error));
  let rest = Buffer.alloc(0);
  let file = null;
  for await (const chunk of source.pipe(gunzip)) {
    let at = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (file !== null) {
        const end = Math.min(bytes.length, at + file.left);
        if (end > at && file.write !== null && file.wanted > 0) {
          const part = bytes.subarray(at, Math.min(end, at + file.wanted));
          file.wanted -= part.length;
          file.write(part);
        }
        file.left -= end - at;
        at = end;
        if (file.left > 0) break;
        file = null;
      }
      if (bytes.length - at < BLOCK) break;
      file = header(bytes.subarray(at, at + BLOCK), take);
      at += BLOCK;
    }
    rest = Buffer.from(bytes.subarray(at));
  }
  if (file !== null || rest.length !== 0) throw new Trouble(`${path} is cut short: not a whole archive.`);
}

function header(block, take) {
  const name = text(block, 0, 100);
  if (name === "") return null;
  const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, 155) : "";
  const digits = text(block, 124, 12).trim();
  if (!/^[0-7]+$/.test(digits)) throw new Trouble(`archive entry '${name}' has no readable size.`);
  const size = Number.parseInt(digits, 8);
  if (size > FILE_BYTES_MAX) throw new Trouble(`archive entry '${name}' is larger than ${FILE_BYTES_MAX} bytes.`);
  const kind = String.fromCharCode(block[156] ?? 0);
  const isFile = kind === "0" || kind === "\0";
  const write = take(prefix === "" ? name : `${prefix}/${name}`) ?? null;
  if (write !== null && !isFile) throw new Trouble(`archive entry '${name}' is not a plain file.`);
  return { write, wanted: size, left: Math.ceil(size / BLOCK) * BLOCK };
}

function text(block, start, length) {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString("utf8");
}
