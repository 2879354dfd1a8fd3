// Newline-delimited JSON over a stream, in both directions: splitting into lines with a limit.

export interface LineReader {
  push(chunk: Buffer): void;
}

/** Requests. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Answers may list much. */
export const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Calls `onLine` for each whole line that is not empty; `onOversize` once, after which everything is dropped. */
export function lineReader(options: {
  readonly bytesMax: number;
  readonly onLine: (line: string) => void;
  readonly onOversize: () => void;
}): LineReader {
  let parts: Buffer[] = [];
  let size = 0;
  let isOver = false;

  function add(part: Buffer): void {
    size += part.length;
    if (size > options.bytesMax) {
      isOver = true;
      parts = [];
      options.onOversize();
      return;
    }
    parts.push(part);
  }

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1 && !isOver; end = chunk.indexOf(NEWLINE, start)) {
        add(chunk.subarray(start, end));
        start = end + 1;
        if (isOver) return;
        const line = Buffer.concat(parts).toString("utf8");
        parts = [];
        size = 0;
        if (line.trim() !== "") options.onLine(line);
      }
      if (!isOver && start < chunk.length) add(chunk.subarray(start));
    },
  };
}
