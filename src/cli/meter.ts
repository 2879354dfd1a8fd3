// freehold meter: how often the owner is asked and how fast they answer, with a bar for each day.

import { maybeTextIn, numbersIn, safeLine, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { wrap } from "./table.ts";

const BARS = " ▁▂▃▄▅▆▇█";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("meter", {});
  const days = numbersIn(reply, "days");
  const advice = maybeTextIn(reply, "advice") ?? "";
  const text = [
    ...wrap(safeLine(textIn(reply, "sentence")), shell.width),
    [shell.paint("dim", "by day, today last"), bars(days), shell.paint("dim", `most: ${Math.max(0, ...days)}`)].join(
      "  ",
    ),
    ...(advice === "" ? [] : wrap(safeLine(advice), shell.width).map((line) => shell.paint("yellow", line))),
  ];
  return { json: reply, text };
}

function bars(days: readonly number[]): string {
  const most = Math.max(1, ...days);
  return days.map((count) => BARS[Math.ceil((count / most) * (BARS.length - 1))] ?? " ").join("");
}
