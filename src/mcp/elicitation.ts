// What a person did not fill in of a server's form, filled in from its defaults (SEP-1034).

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";

/** `result` answers an elicitation with `params`. Only an accepted form gains fields; given ones stay as they are. */
export function withDefaults(params: JsonObject, result: JsonObject): JsonObject {
  const { requestedSchema } = params;
  const properties = isObject(requestedSchema) ? requestedSchema["properties"] : undefined;
  if (result["action"] !== "accept" || !isObject(properties)) return result;
  const { content } = result;
  const given = isObject(content) ? content : {};
  const added: Record<string, JsonValue> = {};
  for (const [name, schema] of Object.entries(properties)) {
    const isOpen = !Object.hasOwn(given, name) && isObject(schema) && schema["default"] !== undefined;
    if (isOpen && schema["default"] !== undefined) added[name] = schema["default"];
  }
  return Object.keys(added).length === 0 ? result : { ...result, content: { ...added, ...given } };
}
