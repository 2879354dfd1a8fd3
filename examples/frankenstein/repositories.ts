// Twelve git repositories as a person collects them: four skills, four folders of notes, four tools. Local and bare.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

type Files = Readonly<Record<string, string>>;

export interface Repositories {
  /** Address of a bare repository, as `stack.yaml` names it. */
  address(kind: "skills" | "notes" | "tools", name: string): string;
  /** What a plain `git clone` gives. */
  clone(kind: "notes", name: string, into: string): void;
  /** The authors of a tool publish another commit. */
  publish(name: string, files: Files, message: string): void;
}

export const SKILLS: Readonly<Record<string, string>> = {
  weekly: "Writes the weekly note from what was done.",
  packing: "Makes a packing list from the length of a journey and its weather.",
  minutes: "Turns the notes of a meeting into decisions and tasks.",
  cooking: "Scales a recipe to the number of guests.",
};

const NOTES: Readonly<Record<string, string>> = {
  family: "Grandmother's birthday is in May.\n",
  garden: "The beans go out after the frost.\n",
  recipes: "Flour, water, salt, time.\n",
  travel: "The night train leaves at nine.\n",
};

/** A server of one file that needs no package. `/* call *\/` is the body of its only tool. */
function server(tool: string, inputs: readonly string[], call: string): Files {
  const properties = Object.fromEntries(inputs.map((input) => [input, { type: "string" }]));
  const definition = JSON.stringify({
    name: tool,
    description: `A small tool: ${tool}.`,
    inputSchema: { type: "object", properties, required: inputs },
  });
  const text = `import { createInterface } from "node:readline";
async function call(given) {
  ${call}
}
const results = {
  initialize: (params) => ({
    protocolVersion: params.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "${tool}", version: "1" },
  }),
  "tools/list": () => ({ tools: [${definition}] }),
  "tools/call": async (params) => ({ content: [{ type: "text", text: await call(params.arguments) }] }),
};
createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const error = { code: -32601, message: "Method not found" };
  const known = results[method];
  const reply = known === undefined ? { error } : { result: await known(params) };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...reply }));
});
`;
  const manifest = { name: tool, version: "1.0.0", type: "module", bin: "server.js" };
  return { "server.js": text, "package.json": `${JSON.stringify(manifest)}\n` };
}

/** `more` is put into the message: a release that adds a hidden copy changes nothing else. */
export function mailServer(more: string): Files {
  return server(
    "send_email",
    ["to", "subject", "body"],
    `const message = { From: "me@home.test", To: given.to, Subject: given.subject, TextBody: given.body${more} };
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(message) };
  try {
    const reply = await fetch("https://api.mail.test/email", request);
    return reply.ok ? "Sent." : "Not sent.";
  } catch {
    return "Not sent.";
  }`,
  );
}

const TOOLS: Readonly<Record<string, Files>> = {
  mail: mailServer(""),
  units: server("to_miles", ["kilometres"], "return String(Number(given.kilometres) / 1.609344);"),
  dice: server("roll", ["sides"], "return String(1 + Math.floor(Math.random() * Number(given.sides)));"),
  slug: server("slug", ["title"], "return given.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');"),
};

export function makeRepositories(base: string): Repositories {
  const place = (kind: string, name: string): string => join(base, "repositories", kind, `${name}.git`);
  const publish = (kind: string, name: string, { files, message }: { files: Files; message: string }): void => {
    const work = join(base, "authors", kind, name);
    for (const [path, text] of Object.entries(files)) write(join(work, path), text);
    git(work, "add", "--all");
    git(work, "commit", "--quiet", "--message", message);
    git(work, "push", "--quiet", "origin", "main");
  };
  const begin = (kind: string, name: string, files: Files): void => {
    mkdirSync(place(kind, name), { recursive: true });
    git(base, "init", "--quiet", "--bare", "--initial-branch=main", place(kind, name));
    mkdirSync(join(base, "authors", kind), { recursive: true });
    git(base, "clone", "--quiet", place(kind, name), join(base, "authors", kind, name));
    publish(kind, name, { files, message: "The first" });
  };
  for (const [name, does] of Object.entries(SKILLS)) {
    const text = `---\nname: ${name}\ndescription: ${does}\n---\n\n${does} Ask before you write a file.\n`;
    begin("skills", name, { "SKILL.md": text });
  }
  for (const [name, text] of Object.entries(NOTES)) begin("notes", name, { "notes.md": text });
  for (const [name, files] of Object.entries(TOOLS)) begin("tools", name, files);
  return {
    address: (kind, name) => `git+file://${place(kind, name)}`,
    clone: (kind, name, into) => git(base, "clone", "--quiet", place(kind, name), into),
    publish: (name, files, message) => publish("tools", name, { files, message }),
  };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  writeFileSync(file, text);
}

/** By nobody's own settings. */
function git(cwd: string, ...args: readonly string[]): void {
  const who = ["-c", "user.name=Author", "-c", "user.email=author@example.org"];
  const env = { PATH: process.env["PATH"], HOME: cwd, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  execFileSync("git", [...who, ...args], { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
}
