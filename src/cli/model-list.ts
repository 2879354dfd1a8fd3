// freehold model list: the locked model files, and whether they are as locked. Exit code 2 when one is not.

import { hasFlag, type Given } from "./given.ts";
import { flagIn, lineIn, maybeTextIn, numberIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const reply = await (await shell.control()).call("model.list", { check: hasFlag(given, "check") });
  const models = objectsIn(reply, "models");
  const rows = models.map((model) => {
    const fine = flagIn(model, "isChecked") ? "every byte as locked" : "here; --check hashes it";
    return [
      lineIn(model, "name", 40),
      `${(numberIn(model, "bytes") / 1e6).toFixed(1)} MB`,
      textIn(model, "sha256").slice(0, 12),
      maybeTextIn(model, "drift") === null ? fine : lineIn(model, "drift", 300),
    ];
  });
  const text = rows.length === 0 ? "No model files. Next: freehold model pull SOURCE" : table(rows, shell.width);
  return { json: reply, text, exit: models.some((model) => maybeTextIn(model, "drift") !== null) ? 2 : 0 };
}
