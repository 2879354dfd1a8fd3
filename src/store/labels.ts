// Labels as the database keeps them.

import { canonical, isObject, parseStrict, type JsonValue, type Label } from "../kernel/index.ts";
import { damaged, textOf, wordOf, type Row } from "./rows.ts";

export function labelText(label: Label): string {
  return canonical({ ...label });
}

export function labelFrom(row: Row, column: string): Label {
  const parsed = parseStrict(textOf(row, column));
  if (parsed.kind === "refused" || !isObject(parsed.value)) throw damaged(column);
  return labelOf(parsed.value);
}

export function labelOf(from: Row): Label {
  const compartments = from["compartments"];
  const secret = from["secret"];
  if (!Array.isArray(compartments) || typeof secret !== "boolean") throw damaged("label");
  return {
    compartments: compartments.map((name: JsonValue) => textOf({ name }, "name")),
    integrity: wordOf(from, "integrity", ["owner", "system", "third-party"]),
    secret,
  };
}
