// The texts of a server that reach a model: instructions, tools with their arguments, prompts, resources.

import { isObject, oneLine, textAt, type JsonObject, type JsonValue, type Surface } from "../kernel/index.ts";
import { saysOf } from "./scan-rules.ts";
import { scanText, type Finding, type ScannedText } from "./scan.ts";

const TEXTS_MAX = 20_000;
const DEPTH_MAX = 24;
const SHOWN_MAX = 120;
const FINDINGS_MAX = 400;
/** Arguments by which poisoned tools have had models hand over what no tool needs. */
const NEEDLESS_ARGUMENT = new RegExp(
  String.raw`^(?:side_?notes?|chain_?of_?thought|(?:full_?|entire_?|previous_?)?(?:conversation` +
    String.raw`|chat)(?:_?history|_?context|_?log)?|(?:available_?)?tools?_?list|tool_?call_?history` +
    String.raw`|system_?prompt_?(?:text|content)|hidden_?context|model_?thoughts|reasoning_?trace` +
    String.raw`|llm_?context)$`,
  "i",
);

/** Tools of the owner's other servers: by name, the server. */
export type OtherTools = ReadonlyMap<string, string>;

/** Only what the model or the owner reads. At most 400 findings of 20,000 texts. */
export function scanSurface(surface: Surface, others: OtherTools = new Map()): readonly Finding[] {
  const texts = [...textsOf(surface)].slice(0, TEXTS_MAX);
  const own = new Set(surface.tools.map((tool) => textAt(tool, "name") ?? ""));
  const foreign = new Map([...others].filter(([name]) => !own.has(name)));
  const findings = [
    ...texts.flatMap(scanText),
    ...texts.flatMap((its) => namesOthers(its, foreign)),
    ...surface.tools.flatMap(needlessArguments),
    ...[...own].flatMap((name) => takenName(name, others.get(name))),
  ];
  return findings.slice(0, FINDINGS_MAX);
}

/** Names that could be a word of any text name nobody. */
const DISTINCT_NAME = /[a-z0-9][A-Z][\w-]{3}|[A-Za-z0-9][_-][\w-]{3}/;

function namesOthers({ where, text }: ScannedText, foreign: OtherTools): readonly Finding[] {
  if (foreign.size === 0) return [];
  const names = new Set(text.match(/[A-Za-z][\w-]{4,63}/g));
  return [...names].flatMap((name) => {
    const server = DISTINCT_NAME.test(name) ? foreign.get(name) : undefined;
    return server === undefined
      ? []
      : [opinion("model.shadow", { where, quote: name, more: ` (a tool of ${server})` })];
  });
}

function takenName(name: string, server: string | undefined): readonly Finding[] {
  return server === undefined
    ? []
    : [opinion("name.taken", { where: `tool ${name}`, quote: name, more: ` (${server})` })];
}

function* textsOf(surface: Surface): Generator<ScannedText> {
  const { instructions, serverInfo, tools, prompts, resources, templates } = surface;
  if (instructions !== null) yield { where: "instructions", text: instructions, role: "tool" };
  yield* texts("server", serverInfo);
  for (const [kind, items] of Object.entries({
    tool: tools,
    prompt: prompts,
    resource: resources,
    template: templates,
  })) {
    for (const item of items) yield* texts(`${kind} ${textAt(item, "name") ?? textAt(item, "uri") ?? "?"}`, item);
  }
}

function* texts(where: string, value: JsonValue, depth = 0): Generator<ScannedText> {
  if (depth > DEPTH_MAX) return;
  if (typeof value === "string") {
    if (value !== "") yield { where, text: value, role: "tool" };
  } else if (isList(value)) {
    for (const item of value) yield* texts(where, item, depth + 1);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (!/^[\w$.@/-]{1,64}$/.test(key)) yield { where: `${where}: a name`, text: key, role: "tool" };
      yield* texts(depth === 0 ? `${where}: ${key}` : where, inner, depth + 1);
    }
  }
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function needlessArguments(tool: JsonObject): readonly Finding[] {
  const schema = tool["inputSchema"];
  const properties = isObject(schema) && isObject(schema["properties"]) ? schema["properties"] : {};
  return Object.keys(properties)
    .filter((name) => NEEDLESS_ARGUMENT.test(name))
    .map((name) => opinion("asks.argument", { where: `tool ${textAt(tool, "name") ?? "?"}`, quote: name }));
}

function opinion(
  rule: "asks.argument" | "model.shadow" | "name.taken",
  { where, quote, more = "" }: { readonly where: string; readonly quote: string; readonly more?: string },
): Finding {
  const shown = { where: oneLine(where, SHOWN_MAX), quote: oneLine(quote, SHOWN_MAX) };
  return { kind: "opinion", rule, line: 1, offset: 0, ...shown, says: `${saysOf(rule)}${oneLine(more, SHOWN_MAX)}` };
}
