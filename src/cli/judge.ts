// freehold judge PATH: whether code that somebody, or a model, wrote can be used as it is, and what to read in it.
// Exit code: 0 ship, 2 skim, 3 audit, 4 block.

import { resolve } from "node:path";
import { judgeCode, type JudgedCode } from "../doctor/index.ts";
import { needArgument, type Given } from "./given.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, indent, wrap } from "./table.ts";

const EXITS = { ship: 0, skim: 2, audit: 3, block: 4 } as const;
const MEANS = {
  ship: "use it",
  skim: "look it over, then use it",
  audit: "read it with care before it runs",
  block: "do not run it before each marked line is dealt with",
} as const;
const COLOURS = { ship: "green", skim: "yellow", audit: "yellow", block: "red" } as const;
const REASONS_SHOWN_MAX = 60;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const named = needArgument(given);
  const judged = await judgeCode(resolve(named));
  const json = { ...judged, findings: judged.findings.map((finding) => ({ ...finding })) };
  return {
    json: {
      ...json,
      reasons: judged.reasons.map((reason) => ({ ...reason })),
      dependencies: { ...judged.dependencies },
      path: named,
    },
    text: textOf(shell, named, judged),
    exit: EXITS[judged.verdict],
  };
}

function textOf(shell: Shell, named: string, judged: JudgedCode): readonly string[] {
  const { verdict, reasons, files, lines, readingMinutes } = judged;
  const size = `${count(files, "file")}, ${count(lines, "line")} of code, about ${readingMinutes} min to read`;
  const more = reasons.length - REASONS_SHOWN_MAX;
  return [
    ...wrap(`${safeLine(named, 200)}: ${size}.`, shell.width),
    shell.paint(COLOURS[verdict], `${verdict.toUpperCase()}: ${MEANS[verdict]}`),
    ...reasons.slice(0, REASONS_SHOWN_MAX).flatMap((reason) => {
      const [first = "", ...rest] = wrap(`${reason.verdict.padEnd(5)}  ${safeLine(reason.says, 600)}`, shell.width - 2);
      return [...indent([shell.paint(COLOURS[reason.verdict], first)]), ...indent(rest, 9)];
    }),
    ...(more > 0 ? [`  and ${more} more (--json shows all)`] : []),
    ...(reasons.length === 0 ? ["  nothing that needs a look"] : []),
  ];
}
