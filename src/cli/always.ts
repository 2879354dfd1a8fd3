// freehold always ID: the whole question, three rules with what each would have done before, one of them applied.

import { Fault, type JsonObject } from "../kernel/index.ts";
import { outcomeText } from "./outcome-text.ts";
import { needArgument, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { proposalIn, proposalText } from "./proposal.ts";
import { questionText } from "./question-text.ts";
import { lineIn, maybeTextIn, objectIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  await proveOwner(shell);
  const question = await callAsOwner(shell, { op: "question.show", input: { id: needArgument(given) } });
  terminal.write(`${questionText(shell, question).join("\n")}\n`);
  return always(shell, terminal, question);
}

/** From a question that stands on the screen in full to a rule, and to a yes where the owner gives it too. */
export async function always(shell: Shell, terminal: Terminal, question: JsonObject): Promise<Outcome> {
  const reply = await callAsOwner(shell, { op: "rule.ideas", input: { id: textIn(question, "id") } });
  const ideas = objectsIn(reply, "ideas");
  terminal.write(`${ideasText(shell, reply).join("\n")}\n`);
  if (ideas.length === 0) return { json: reply, text: "" };
  const idea = await chosen(terminal, ideas);
  if (idea === null) return { json: { applied: false }, text: "No rule was made.", exit: 2 };
  const reason = await terminal.ask(`Reason, for you alone [${lineIn(idea, "reason")}]: `);
  const input = { idea: textIn(idea, "key"), ...(reason.trim() === "" ? {} : { reason }) };
  const plan = proposalIn(await callAsOwner(shell, { op: "rule.add", input }));
  terminal.write(`\n${proposalText(shell, plan, { isFull: true }).join("\n")}\n`);
  const digest = plan.digest ?? "";
  if (!(await terminal.confirm("Apply exactly this?"))) {
    await callAsOwner(shell, { op: "rule.withdraw", input: { digest } });
    return { json: { applied: false }, text: "No rule was made.", exit: 2 };
  }
  // Before the rule: once the policy is another one, a yes to the question would only ask it anew.
  const answered = await alsoYes(shell, terminal, question);
  const applied = await callAsOwner(shell, { op: "apply", input: { digest } });
  const holds = `The rule ${lineIn(idea, "rule")} holds now; freehold rules list shows it.`;
  return { json: { applied: true, ...applied, answered }, text: holds };
}

function ideasText(shell: Shell, reply: JsonObject): readonly string[] {
  const notes = textsIn(reply, "notes").flatMap((note) => wrap(safeLine(note, 1_000), shell.width));
  const ideas = objectsIn(reply, "ideas").flatMap((idea, at) => ideaText(shell, idea, at + 1));
  return ["", shell.paint("bold", "Always?"), ...ideas, ...notes];
}

const ENDS: Readonly<Record<string, string>> = {
  no: "you said no to",
  denied: "it was denied:",
  unanswered: "not answered:",
  yes: "you said yes to",
  ran: "it ran:",
};

function ideaText(shell: Shell, idea: JsonObject, number: number): readonly string[] {
  const [first = "", ...rest] = wrap(lineIn(idea, "sentence", 2_000), shell.width - 3);
  const worst = objectsIn(objectIn(idea, "test"), "worst").flatMap((example) =>
    wrap(`${ENDS[textIn(example, "ended")] ?? ""} ${lineIn(example, "call", 400)}`, shell.width - 5),
  );
  return [
    `${shell.paint("bold", String(number))}  ${first}`,
    ...indent(rest, 3),
    ...indent(wrap(lineIn(idea, "said", 600), shell.width - 3), 3).map((line) => shell.paint("cyan", line)),
    ...indent(worst, 5).map((line) => shell.paint("dim", line)),
    "",
  ];
}

async function chosen(terminal: Terminal, ideas: readonly JsonObject[]): Promise<JsonObject | null> {
  const numbers = ideas.map((_, at) => String(at + 1));
  const key = await terminal.key(
    `${numbers.map((number) => `[${number}]`).join(" ")} or [n]one `,
    `${numbers.join("")}n`,
  );
  return ideas[Number(key) - 1] ?? null;
}

/** The question stood on the screen in full. */
async function alsoYes(shell: Shell, terminal: Terminal, question: JsonObject): Promise<JsonObject | null> {
  const id = textIn(question, "id");
  if (maybeTextIn(question, "state") !== "open") return null;
  if (!(await terminal.confirm(`And yes to question ${id} itself, once and now?`))) return null;
  try {
    const reply = await callAsOwner(shell, { op: "question.answer", input: { id, answer: "yes" } });
    terminal.write(`${outcomeText(reply)}\n`);
    return reply;
  } catch (error) {
    // Closed meanwhile, which takes nothing from the rule.
    if (!(error instanceof Fault) || error.code !== "question.closed") throw error;
    terminal.write(`${error.line()}\n`);
    return null;
  }
}
