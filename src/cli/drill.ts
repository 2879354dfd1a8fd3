// freehold drill: watch the door hold against a client that an attacker controls, on a stack made for it.

import type { Drill, DrillStep } from "../daemon/index.ts";
import type { Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";

export async function run(shell: Shell, _given: Given): Promise<Outcome> {
  const { runDrill } = await import("../daemon/index.ts");
  shell.say("A program under an attacker's control meets the real filesystem server. The stack is the drill's own.");
  const drill = await runDrill((text) => shell.say(shell.paint("dim", `  ${text}`)));
  try {
    for (const [index, step] of drill.steps.entries()) shell.say(stepLines(shell, index + 1, step).join("\n"));
    shell.say(harmLine(shell, drill));
    const answered = await askHarmless(shell, drill);
    const entries = await drill.ledger();
    return {
      json: { steps: drill.steps.map((step) => ({ ...step })), harm: drill.harm, answered, entries },
      text: [
        "",
        `The drill's ledger had ${entries.length} entries; its folder is gone now.`,
        "Your own programs: freehold adopt, or freehold connect claude-code.",
      ],
      exit: drill.harm.length === 0 ? 0 : 1,
    };
  } finally {
    await drill.end();
  }
}

function stepLines(shell: Shell, number: number, step: DrillStep): readonly string[] {
  const paint = { allowed: "green", held: "yellow", denied: "red", waits: "cyan" } as const;
  const title = `${number} ${step.title}`.padEnd(54);
  const head = `${title} ${shell.paint(paint[step.verdict], step.verdict)} ${step.because}`;
  const why = step.verdict === "allowed" ? [] : step.reasons.filter((reason) => !reason.includes(" allow: "));
  return [
    "",
    head,
    ...indent(
      why.flatMap((reason) => wrap(reason, shell.width - 4)),
      4,
    ),
  ];
}

function harmLine(shell: Shell, drill: Drill): string {
  const text =
    drill.harm.length === 0
      ? "On disk: savings.txt is as it was, and the shared folder is empty. No effect ran without you."
      : `On disk: ${drill.harm.join("; ")}. This must not be; please report it.`;
  return `\n${shell.paint(drill.harm.length === 0 ? "green" : "red", text)}`;
}

/** The drill owns its stack, and so its owner: a key here is enough, as it never is on a real one. */
async function askHarmless(shell: Shell, drill: Drill): Promise<string | null> {
  const waiting = `\nQuestion ${drill.question} waits: the last step is harmless.`;
  const terminal = shell.json || !shell.isTty ? null : await shell.terminal();
  if (terminal === null) {
    shell.say(`${waiting} On a terminal you could answer it now.`);
    return null;
  }
  shell.say(waiting);
  const outcome = await drill.answer((await terminal.confirm("Say yes to it?")) ? "yes" : "no");
  shell.say(outcome === "result" ? "It ran, once: shopping.txt is written." : "It did not run.");
  return outcome;
}
