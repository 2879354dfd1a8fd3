// A skill on a terminal: what it is, and all of its texts for reading.

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { findingsIn, findingsText } from "./findings.ts";
import { flagIn, lineIn, maybeTextIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import { count, indent, wrap } from "./table.ts";

export function material(shell: Shell, reply: JsonObject): readonly string[] {
  const at = maybeTextIn(reply, "version") ?? maybeTextIn(reply, "commit")?.slice(0, 12) ?? "";
  const binaries = textsIn(reply, "binaries");
  const name = `${lineIn(reply, "name", 60)}${at === "" ? "" : ` ${safeLine(at, 60)}`}`;
  const description = maybeTextIn(reply, "description");
  return [
    shell.paint("bold", `${name}: ${count(textsIn(reply, "texts").length, "text")}`),
    ...(description === null ? [] : indent(wrap(`it says of itself: ${safeLine(description, 400)}`, shell.width - 2))),
    ...(binaries.length === 0
      ? []
      : indent(wrap(`nobody can read: ${binaries.map((one) => safeLine(one, 120)).join(", ")}`, shell.width - 2))),
    "",
  ];
}

/** Every text, hidden characters spelled out. */
export function wholeSkill(shell: Shell, reply: JsonObject): readonly string[] {
  const texts = objectsIn(reply, "texts").flatMap((one) => [
    shell.paint("bold", `--- ${lineIn(one, "path", 200)}`),
    ...textIn(one, "text")
      .split("\n")
      .map((line) => revealJson(line)),
    ...(flagIn(one, "isCut") ? [shell.paint("yellow", "… cut here: read the rest in the home's folder skills/")] : []),
  ]);
  const unread = [...textsIn(reply, "binaries"), ...textsIn(reply, "unread")];
  const left =
    unread.length === 0 ? [] : wrap(`Not shown: ${unread.map((one) => safeLine(one, 120)).join(", ")}`, shell.width);
  return [...texts, "", ...left, ...findingsText(shell, findingsIn(reply))];
}
