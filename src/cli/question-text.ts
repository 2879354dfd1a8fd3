// One question in full: the sentence, every argument with its role, why it is asked, from where, what cannot be undone.

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { lineIn, maybeNumberIn, maybeTextIn, numberIn, objectsIn, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import { clockTime, distance, indent, wrap } from "./table.ts";

const LABEL_WIDTH = 10;

const ROLES: Readonly<Record<string, string>> = {
  critical: "who, where, which, how much or when",
  content: "content",
  egress: "goes out",
};

/** Nothing is left out or cut: a yes is given to all of it. */
export function questionText(shell: Shell, question: JsonObject): readonly string[] {
  const expiresAtMs = numberIn(question, "expiresAtMs");
  const asked = `asked ${distance(numberIn(question, "askedAtMs"))}`;
  const heldUntilMs = maybeNumberIn(question, "heldUntilMs");
  const [ends, endsAtMs] = heldUntilMs === null ? ["expires", expiresAtMs] : ["acts", heldUntilMs];
  const expires = `${ends} ${distance(endsAtMs)} (${clockTime(endsAtMs)})`;
  const name = `${heldUntilMs === null ? "Question" : "Held effect"} ${lineIn(question, "id", 20)}`;
  return [
    `${shell.paint("bold", name)}  ${shell.paint("dim", `${asked}, ${expires}`)}`,
    ...wrap(lineIn(question, "sentence", 4_000), shell.width).map((line) => shell.paint("bold", line)),
    "",
    ...objectsIn(question, "pretty").flatMap((argument) => argumentText(shell, argument)),
    ...field(shell, "exactly", textIn(question, "shown")),
    ...field(shell, "from", lineIn(question, "origin", 1_000)),
    ...clausesText(shell, question),
    ...field(shell, "undo", lineIn(question, "undo", 400)),
    ...field(shell, "digest", lineIn(question, "digest", 100)),
  ];
}

/** `text` comes revealed from the daemon; revealing again changes nothing, and holds whatever the daemon says. */
function argumentText(shell: Shell, argument: JsonObject): readonly string[] {
  const role = textIn(argument, "role");
  const head = `${lineIn(argument, "name", 200)} ${shell.paint("dim", `(${ROLES[role] ?? role})`)}`;
  return [`  ${head}`, ...indent(wrap(revealJson(textIn(argument, "text")), shell.width - 4), 4), ""];
}

function clausesText(shell: Shell, question: JsonObject): readonly string[] {
  const because = maybeTextIn(question, "because");
  return objectsIn(question, "clauses")
    .filter((clause) => clause["answer"] !== null && clause["answer"] !== "nothing")
    .flatMap((clause) => {
      const name = lineIn(clause, "clause", 10);
      const label = name === because ? "because" : "also";
      return field(shell, label, `${name} ${lineIn(clause, "answer", 20)}: ${lineIn(clause, "reason", 1_000)}`);
    });
}

function field(shell: Shell, label: string, text: string): readonly string[] {
  if (text === "") return [];
  const [first = "", ...rest] = wrap(revealJson(text), shell.width - LABEL_WIDTH - 2);
  return [`  ${shell.paint("dim", label.padEnd(LABEL_WIDTH))}${first}`, ...indent(rest, LABEL_WIDTH + 2)];
}
