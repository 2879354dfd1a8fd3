// Runs the scanner over labelled texts and counts what it finds and where it cries wolf:
// npm run -s bench -- scanner --cases DIR --json
// DIR holds mcp_tools.json and skills.json, each a list of rows with a label. Any finding counts, fact or opinion.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { scanSurface, scanText, type Finding } from "../src/supply/index.ts";
import { round, type Bench } from "./lib.ts";

const toolRow = z.object({
  id: z.string(),
  label: z.string(),
  text_carries_attack: z.string().optional(),
  name: z.string(),
  description: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});
const skillRow = z.object({ id: z.string(), label: z.string(), skill_md: z.string() });

interface Case {
  readonly id: string;
  /** Null: neither counted as an attack in the text nor as harmless. */
  readonly isAttack: boolean | null;
  scan(): readonly Finding[];
}

function toolCases(dir: string): readonly Case[] {
  return rows(join(dir, "mcp_tools.json"), toolRow).map((row) => ({
    id: row.id,
    isAttack: row.label === "benign" ? false : row.text_carries_attack === "yes" ? true : null,
    scan() {
      const properties = Object.fromEntries(Object.keys(row.params ?? {}).map((name) => [name, {}]));
      const tool = { name: row.name, description: row.description, inputSchema: { type: "object", properties } };
      const none = { protocol: "", instructions: null, serverInfo: {}, capabilities: {} };
      return scanSurface({ ...none, tools: [tool], prompts: [], resources: [], templates: [] });
    },
  }));
}

function skillCases(dir: string): readonly Case[] {
  return rows(join(dir, "skills.json"), skillRow).map((row) => ({
    id: row.id,
    isAttack: row.label !== "benign",
    scan: () => scanText({ where: "SKILL.md", text: row.skill_md, role: "skill" }),
  }));
}

function rows<Row>(file: string, row: z.ZodType<Row>): readonly Row[] {
  return existsSync(file) ? z.array(row).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}

interface Rates {
  readonly found: number | null;
  readonly falseAlarms: number | null;
  readonly attacks: number;
  readonly harmless: number;
}

function rates(cases: readonly (Case & { readonly alarm: boolean })[]): Rates {
  const attacks = cases.filter(({ isAttack }) => isAttack === true);
  const harmless = cases.filter(({ isAttack }) => isAttack === false);
  return { found: share(attacks), falseAlarms: share(harmless), attacks: attacks.length, harmless: harmless.length };
}

function share(cases: readonly { readonly alarm: boolean }[]): number | null {
  return cases.length === 0 ? null : round(cases.filter(({ alarm }) => alarm).length / cases.length, 4);
}

/** The first half is what the rules were tuned on; the second was never looked at while they were written. */
function isFirstHalf(id: string): boolean {
  return ((createHash("sha256").update(id).digest()[0] ?? 0) & 1) === 0;
}

export const run: Bench = async ({ paths, note }) => {
  const dir = paths["cases"];
  if (dir === undefined) throw new Error("name a folder: --cases DIR");
  const startMs = performance.now();
  const judge = (cases: readonly Case[]) => cases.map((its) => ({ ...its, alarm: its.scan().length > 0 }));
  const tools = judge(toolCases(dir));
  const skills = judge(skillCases(dir));
  const scanMs = round(performance.now() - startMs, 0);
  for (const { id, isAttack, alarm } of [...tools, ...skills]) {
    if (isAttack !== null && alarm !== isAttack) note(`${isAttack ? "missed" : "false alarm"}: ${id}`);
  }
  const halves = [true, false].map((first) => ({
    tools: rates(tools.filter(({ id }) => isFirstHalf(id) === first)),
    skills: rates(skills.filter(({ id }) => isFirstHalf(id) === first)),
  }));
  const [allTools, allSkills] = [rates(tools), rates(skills)];
  return {
    toolsFound: allTools.found,
    toolsFalse: allTools.falseAlarms,
    skillsFound: allSkills.found,
    skillsFalse: allSkills.falseAlarms,
    tools: { attacks: allTools.attacks, harmless: allTools.harmless },
    skills: { attacks: allSkills.attacks, harmless: allSkills.harmless },
    tunedHalf: halves[0],
    unseenHalf: halves[1],
    scanMs,
  };
};
