// What another version offers differently, each change graded by who it hurts: those that call, or those that trust.

import {
  canonical,
  isObject,
  oneLine,
  textAt,
  type JsonObject,
  type JsonValue,
  type Surface,
} from "../kernel/index.ts";
import { GRADES, worstGrade, type Grade, type GradedChange } from "./grades.ts";
import { diffSchemas, isEmptied } from "./schema-diff.ts";

export interface SurfaceChange extends GradedChange {
  /** `tool NAME`, `prompt NAME`, `resource URI`, `template URI`, `instructions`, `protocol`. */
  readonly where: string;
}

export interface SurfaceDiff {
  /** Null when nothing differs. */
  readonly grade: Grade | null;
  readonly changes: readonly SurfaceChange[];
  /** Tools that took arguments and now serve a schema that says nothing: their names. */
  readonly emptied: readonly string[];
  readonly removedTools: readonly string[];
  readonly addedTools: readonly string[];
}

/** Two of one name is impossible for tools and prompts; of resources the last counts. */
const LISTS = [
  { field: "tools", word: "tool", key: "name" },
  { field: "prompts", word: "prompt", key: "name" },
  { field: "resources", word: "resource", key: "uri" },
  { field: "templates", word: "template", key: "uriTemplate" },
] as const;
const CHANGES_MAX = 2_000;
const SHOWN_MAX = 80;

export function diffSurfaces(before: Surface, after: Surface): SurfaceDiff {
  const changes: SurfaceChange[] = [];
  if (before.protocol !== after.protocol) {
    const says = `it speaks protocol ${oneLine(after.protocol, 40)} instead of ${oneLine(before.protocol, 40)}`;
    changes.push({ grade: "notation", where: "protocol", says });
  }
  if (before.instructions !== after.instructions) {
    changes.push({ grade: "text", where: "instructions", says: "the server's instructions for the model are other" });
  }
  for (const { field, word, key } of LISTS) {
    changes.push(...diffLists({ before: before[field], after: after[field], word, key }));
  }
  const kept = changes.slice(0, CHANGES_MAX);
  const names = (surface: Surface): readonly string[] => surface.tools.map((tool) => textAt(tool, "name") ?? "");
  return {
    grade: worstGrade(changes),
    changes: kept.toSorted((a, b) => GRADES.indexOf(b.grade) - GRADES.indexOf(a.grade)),
    emptied: after.tools.flatMap((tool) => (emptied(before, tool) ? [textAt(tool, "name") ?? ""] : [])),
    removedTools: names(before).filter((name) => !names(after).includes(name)),
    addedTools: names(after).filter((name) => !names(before).includes(name)),
  };
}

function emptied(before: Surface, tool: JsonObject): boolean {
  const former = before.tools.find((one) => textAt(one, "name") === textAt(tool, "name"));
  return former !== undefined && isEmptied(former["inputSchema"], tool["inputSchema"]);
}

interface Lists {
  readonly before: readonly JsonObject[];
  readonly after: readonly JsonObject[];
  readonly word: string;
  readonly key: string;
}

function diffLists({ before, after, word, key }: Lists): readonly SurfaceChange[] {
  const former = new Map(before.map((item) => [textAt(item, key) ?? "", item]));
  const present = new Map(after.map((item) => [textAt(item, key) ?? "", item]));
  const changes: SurfaceChange[] = [];
  for (const name of new Set([...former.keys(), ...present.keys()])) {
    const [was, is] = [former.get(name), present.get(name)];
    const where = `${word} ${oneLine(name, SHOWN_MAX)}`;
    if (was === undefined) changes.push({ grade: "expanded", where, says: "is new" });
    else if (is === undefined) changes.push({ grade: "breaking", where, says: "is gone" });
    else if (canonical(was) !== canonical(is)) {
      const found = word === "tool" ? diffTools(was, is) : word === "prompt" ? diffPrompts(was, is) : [];
      const named = [
        ...found,
        ...diffFields(was, is, [key, "inputSchema", "outputSchema", "annotations", "arguments"]),
      ];
      const changed = named.length > 0 ? named : [{ grade: "notation" as const, says: "is written otherwise" }];
      changes.push(...changed.map((change) => ({ ...change, where })));
    }
  }
  return changes;
}

function diffTools(was: JsonObject, is: JsonObject): readonly GradedChange[] {
  return [
    ...diffSchemas(was["inputSchema"], is["inputSchema"]),
    ...diffOutput(was["outputSchema"], is["outputSchema"]),
    ...diffAnnotations(was["annotations"], is["annotations"]),
  ];
}

/** What comes out: a field that is gone breaks whoever read it. */
function diffOutput(was: JsonValue | undefined, is: JsonValue | undefined): readonly GradedChange[] {
  if (canonical(was ?? null) === canonical(is ?? null)) return [];
  if (was === undefined) return [{ grade: "notation", says: "says now what its results look like" }];
  if (is === undefined) return [{ grade: "loosened", says: "no longer says what its results look like" }];
  const gone = propertiesOf(was).filter((name) => !propertiesOf(is).includes(name));
  if (gone.length === 0) return [{ grade: "text", says: "describes its results otherwise" }];
  return [{ grade: "breaking", says: `its results no longer hold ${gone.map(shown).join(", ")}` }];
}

function propertiesOf(schema: JsonValue): readonly string[] {
  const properties = isObject(schema) ? schema["properties"] : undefined;
  return isObject(properties) ? Object.keys(properties) : [];
}

/** MCP, tools: what each hint is taken for where it is not said. */
const HINTS: Readonly<Record<string, { readonly when: boolean; readonly worse: boolean; readonly says: string }>> = {
  readOnlyHint: { when: false, worse: false, says: "no longer claims that it only reads" },
  destructiveHint: { when: true, worse: true, says: "says now that it may destroy" },
  idempotentHint: { when: false, worse: false, says: "no longer claims that a second call changes nothing" },
  openWorldHint: { when: true, worse: true, says: "says now that it deals with the outside world" },
};

function diffAnnotations(was: JsonValue | undefined, is: JsonValue | undefined): readonly GradedChange[] {
  const [before, after] = [isObject(was) ? was : {}, isObject(is) ? is : {}];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name): readonly GradedChange[] => {
    if (canonical(before[name] ?? null) === canonical(after[name] ?? null)) return [];
    const hint = Object.hasOwn(HINTS, name) ? HINTS[name] : undefined;
    const [former, present] = [before[name] ?? hint?.when, after[name] ?? hint?.when];
    if (hint !== undefined && former !== present && present === hint.worse) {
      return [{ grade: "loosened", says: hint.says }];
    }
    const said = after[name] === undefined ? "nothing" : oneLine(JSON.stringify(after[name]), SHOWN_MAX);
    return [{ grade: "text", says: `its annotation ${shown(name)} says ${said}` }];
  });
}

function diffPrompts(was: JsonObject, is: JsonObject): readonly GradedChange[] {
  const byName = (prompt: JsonObject): ReadonlyMap<string, JsonObject> => {
    const given = Array.isArray(prompt["arguments"]) ? prompt["arguments"].filter(isObject) : [];
    return new Map(given.map((one) => [textAt(one, "name") ?? "", one]));
  };
  const [before, after] = [byName(was), byName(is)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name): readonly GradedChange[] => {
    const [former, present] = [before.get(name), after.get(name)];
    if (present === undefined) return [{ grade: "breaking", says: `no longer takes ${shown(name)}` }];
    const mustNow = present["required"] === true && former?.["required"] !== true;
    if (mustNow) return [{ grade: "breaking", says: `demands ${shown(name)}` }];
    if (former === undefined) return [{ grade: "expanded", says: `may be given ${shown(name)}` }];
    if (canonical(former) === canonical(present)) return [];
    return [{ grade: "text", says: `describes ${shown(name)} otherwise` }];
  });
}

const TEXTS = ["description", "title"];

function diffFields(was: JsonObject, is: JsonObject, told: readonly string[]): readonly GradedChange[] {
  const fields = new Set([...Object.keys(was), ...Object.keys(is)].filter((field) => !told.includes(field)));
  return [...fields].flatMap((field): readonly GradedChange[] => {
    if (canonical(was[field] ?? null) === canonical(is[field] ?? null)) return [];
    if (TEXTS.includes(field)) return [{ grade: "text", says: `its ${field} is other` }];
    return [{ grade: "notation", says: `its field ${shown(field)} is other` }];
  });
}

function shown(name: string): string {
  return `'${oneLine(name, SHOWN_MAX)}'`;
}
