// freehold inbox: what waits for the owner; on a terminal each question in full, with keys to answer it.

import type { JsonObject } from "../kernel/index.ts";
import { answerAlike, groupsOf, type Group } from "./alike.ts";
import { answerKeys } from "./answer.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { lineIn, numberIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";
import { clockTime, count, distance, table } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const inbox = await control.call("inbox", {});
  const [questions, unknown] = [objectsIn(inbox, "questions"), objectsIn(inbox, "unknown")];
  const waiting = questions.length + unknown.length;
  const list = [...listText(shell, questions, unknown), ...heldText(shell, objectsIn(inbox, "held"))];
  const terminal = shell.json || !shell.isTty || waiting === 0 ? null : await shell.terminal();
  if (terminal === null) return { json: inbox, text: list, exit: waiting === 0 ? 0 : 2 };
  shell.say(list.join("\n"));
  if (!(await terminal.confirm("Open them?"))) return { json: inbox, text: "", exit: 2 };
  return open(shell, terminal);
}

function listText(shell: Shell, questions: readonly JsonObject[], unknown: readonly JsonObject[]): readonly string[] {
  if (questions.length + unknown.length === 0) return ["Nothing waits for you."];
  const asked = questions.map((question) => [
    lineIn(question, "id", 20),
    lineIn(question, "principal", 40),
    lineIn(question, "tool", 60),
    lineIn(question, "because", 8),
    `expires ${distance(numberIn(question, "expiresAtMs"))}`,
  ]);
  const lost = unknown.map((each) => [
    "?",
    lineIn(each, "principal", 40),
    lineIn(each, "tool", 60),
    clockTime(numberIn(each, "atMs")),
    `may or may not have happened: freehold show ${lineIn(each, "request", 60)}`,
  ]);
  const head = [
    count(questions.length, "question"),
    ...(lost.length === 0 ? [] : [`${count(lost.length, "effect")} in doubt`]),
  ];
  return [shell.paint("bold", head.join(", ")), ...table([...asked, ...lost], shell.width)];
}

/** What waits for nobody, and can be cancelled by whoever looks. */
function heldText(shell: Shell, held: readonly JsonObject[]): readonly string[] {
  if (held.length === 0) return [];
  const rows = held.map((each) => [
    lineIn(each, "id", 20),
    lineIn(each, "principal", 40),
    lineIn(each, "tool", 60),
    `acts ${distance(numberIn(each, "heldUntilMs"))}`,
  ]);
  const head = `${count(held.length, "held effect")}; freehold cancel ID stops one, freehold yes ID lets it go now`;
  return [shell.paint("bold", head), ...table(rows, shell.width)];
}

/** One proof, then one question after the other. */
async function open(shell: Shell, terminal: Terminal): Promise<Outcome> {
  await proveOwner(shell);
  const listed = objectsIn(await callAsOwner(shell, { op: "question.list" }), "questions");
  const answers: JsonObject[] = [];
  let left = 0;
  let isOver = false;
  for (const group of groupsOf(listed)) {
    const given: GroupAnswer = isOver
      ? { answers: [], left: group.questions.length, isOver }
      : await answerGroup(shell, terminal, group);
    answers.push(...given.answers);
    left += given.left;
    isOver = given.isOver;
  }
  const control = await shell.control();
  for (const each of objectsIn(await control.call("inbox", {}), "unknown")) {
    const when = clockTime(numberIn(each, "atMs"));
    const what = `${lineIn(each, "principal", 60)} called ${lineIn(each, "tool", 100)} at ${when}`;
    terminal.write(`\n${what}. It may or may not have happened, and is never run again by itself.\n`);
    terminal.write(`Look at the place itself; the exact call: freehold show --text ${lineIn(each, "request", 60)}\n`);
    if (!(await terminal.confirm("Seen?"))) left += 1;
    else await callAsOwner(shell, { op: "unknown.seen", input: { request: textIn(each, "request") } });
  }
  return { json: { answers }, text: "", exit: left === 0 ? 0 : 2 };
}

interface GroupAnswer {
  readonly answers: readonly JsonObject[];
  readonly left: number;
  readonly isOver: boolean;
}

async function answerGroup(shell: Shell, terminal: Terminal, group: Group): Promise<GroupAnswer> {
  const { questions } = group;
  if (questions.length > 1) {
    const together = await answerAlike(shell, terminal, group);
    switch (together.kind) {
      case "answered":
        return { answers: together.replies, left: 0, isOver: false };
      case "skipped":
      case "quit":
        return { answers: [], left: questions.length, isOver: together.kind === "quit" };
      case "one-by-one":
        break;
    }
  }
  const answers: JsonObject[] = [];
  let left = 0;
  for (const question of questions) {
    const answer = await answerKeys(shell, terminal, question);
    if (answer.kind === "quit") return { answers, left: left + 1, isOver: true };
    if (answer.kind === "skipped") left += 1;
    else answers.push(answer.reply);
  }
  return { answers, left, isOver: false };
}
