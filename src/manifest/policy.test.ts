import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { lockedFiles, policyFiles, RULES_TEXT, STACK_TEXT } from "./fixture.test.ts";
import { surfaceWith, WRITE_FILE, WRITE_PIN } from "./fixture.test.ts";
import {
  diffPolicy,
  expandPaths,
  formatLock,
  loadPolicy,
  parseLock,
  parseStack,
  policyDigest,
  textDiff,
  unified,
  type PolicyFiles,
  type StackLock,
} from "./index.ts";

const refused = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return `${error.code} ${error.line()}`;
  }
  return "accepted";
};
const lockWith = (change: object): string =>
  formatLock({ version: 1, servers: { files: { ...lockedFiles(), ...change } } });
const cardsText = policyFiles()["cards/files.yaml"] ?? "";
const cardWith = (line: string): string => cardsText.replace("  write_file:", `  write_file:\n    ${line}`);

test("a whole policy is read, and its digest moves with every byte", () => {
  const files = policyFiles();
  const policy = loadPolicy(files);
  assert.deepEqual([...policy.cards.keys()].toSorted(), ["files.@resources", "files.read_file", "files.write_file"]);
  assert.equal(policy.cards.get("files.write_file")?.pin, WRITE_PIN);
  assert.equal(policy.rules[0]?.expiresAtMs, Date.UTC(2027, 1, 21));
  assert.equal(policy.digest, policyDigest(files));
  assert.notEqual(policy.digest, policyDigest(policyFiles({ "stack.yaml": `${STACK_TEXT}#\n` })));
  assert.equal(loadPolicy({ "stack.yaml": STACK_TEXT }).cards.size, 0);
});

test("names that lead nowhere between the files are refused with file and line", () => {
  const cases: readonly (readonly [PolicyFiles, RegExp])[] = [
    [
      { "rules.yaml": RULES_TEXT.replace("files.write", "fiels.write") },
      /^manifest.unknown-server rules.yaml:2: rule 'notes' names server 'fiels'.*Did you mean 'files'/,
    ],
    [
      { "rules.yaml": RULES_TEXT.replace("write_file", "wirte_file") },
      /rules.yaml:2: .*does not offer.*Did you mean 'files.write_file'/,
    ],
    [
      { "rules.yaml": RULES_TEXT.replace("path:", "pth:") },
      /rules.yaml:2: .*has no argument 'pth'.*Did you mean 'path'/,
    ],
    [
      { "rules.yaml": RULES_TEXT.replace("client:claude-code", "client:claude-cod") },
      /rules.yaml:2: .*client 'claude-cod'.*Did you mean 'claude-code'/,
    ],
    [
      { "cards/files.yaml": cardsText.replaceAll("- family", "- famly") },
      /cards\/files.yaml:\d+: .*compartment 'famly'.*Did you mean 'family'/,
    ],
    [
      { "cards/files.yaml": cardsText.replace("  write_file:", "  write_fil:") },
      /cards\/files.yaml:\d+: .*files.write_fil, which.*Did you mean 'files.write_file'/,
    ],
    [
      { "cards/files.yaml": cardsText.replace("- content", "- contents") },
      /cards\/files.yaml:\d+: files.write_file has no argument 'contents'.*Did you mean 'content'/,
    ],
    [
      { "cards/files.yaml": cardWith("undo: { tool: delete_file, args: {} }") },
      /cards\/files.yaml:\d+: the undo of files.write_file is files.delete_file, which server 'files' does not offer/,
    ],
    [
      { "cards/files.yaml": cardWith("undo: { tool: write_file, args: { pth: args.path } }") },
      /cards\/files.yaml:\d+: files.write_file has no argument 'pth'.*Did you mean 'path'/,
    ],
    [
      { "cards/mail.yaml": "server: mail\n" },
      /cards\/mail.yaml:1: .*server 'mail', which is not declared.*freehold remove mail/,
    ],
    [{ "cards/mail.yaml": "server: files\n" }, /cards\/mail.yaml:1: .*must be named cards\/files.yaml/],
    [{ "cards/x.yml": "" }, /manifest.stray-file cards\/x.yml:1/],
    [
      { "stack.yaml": STACK_TEXT.replace("files@1.0.0", "files@1.0.1") },
      /manifest.lock-differs stack.yaml:10: .*npm:files@1.0.1, but npm:files@1.0.0.*freehold update files/,
    ],
    [
      { "stack.lock": formatLock({ version: 1, servers: { files: lockedFiles(), fles: lockedFiles() } }) },
      /stack.lock:\d+: server 'fles' is locked but not declared.*Did you mean 'files'/,
    ],
  ];
  for (const [change, wanted] of cases)
    assert.match(
      refused(() => loadPolicy(policyFiles(change))),
      wanted,
    );
  assert.match(
    refused(() => loadPolicy({})),
    /^manifest.file-missing stack.yaml: .*freehold init/,
  );
});

test("a card for another definition is void, not wrong: the door sees the pin", () => {
  const other = lockWith({
    ...surfaceChange({ ...WRITE_FILE, inputSchema: { type: "object", properties: { file: {} } } }),
  });
  const rules = "rules: []\n";
  assert.equal(loadPolicy(policyFiles({ "stack.lock": other, "rules.yaml": rules })).cards.size, 3);
});

function surfaceChange(tool: JsonObject): object {
  const { surface, surfaceRoot } = lockedFiles(surfaceWith([{ name: "read_file" }, tool]));
  return { surface, surfaceRoot };
}

test("the lock has one line for each package and each definition, and comes back as it was", () => {
  const lock: StackLock = { version: 1, servers: { files: lockedFiles(), a: lockedFiles(surfaceWith([])) } };
  const text = formatLock(lock);
  assert.deepEqual(parseLock(text, "stack.lock"), lock);
  const lines = text.split("\n");
  assert.equal(lines.filter((line) => line.includes('"write_file"')).length, 1);
  assert.equal(lines.filter((line) => line.trim().startsWith('{"integrity"')).length, 4);
  assert.ok(text.indexOf('"a":') < text.indexOf('"files":'));
  assert.deepEqual(parseLock(formatLock({ version: 1, servers: {} }), "stack.lock"), { version: 1, servers: {} });
});

test("any surface survives the lock with its unknown fields", () => {
  const json = fc
    .jsonValue()
    .map((value) => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "x")) as JsonObject);
  const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
  const tools = fc.uniqueArray(fc.tuple(name, json), { selector: ([key]) => key, maxLength: 4 });
  fc.assert(
    fc.property(tools, (list) => {
      const surface = surfaceWith(list.map(([key, extra]) => ({ extra: wellFormed(extra), name: key })));
      const lock: StackLock = { version: 1, servers: { files: lockedFiles(surface) } };
      assert.deepEqual(parseLock(formatLock(lock), "stack.lock"), lock);
    }),
    { numRuns: 100 },
  );
});

function wellFormed(value: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(value)
      .toWellFormed()
      .replaceAll(/\\ud[89a-f]../gi, "?")
      .replaceAll("-0,", "0,"),
  ) as JsonObject;
}

test("a lock with a part missing, changed or added is refused with its line", () => {
  const whole = lockWith({});
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /manifest.syntax stack.lock:1/],
    [whole.replace('"version": 1\n', '"version": 2\n'), /bad-value stack.lock:\d+: 'version' must be 1/],
    [
      whole.replace('"kind": "npm"', '"kind": "npn"'),
      /stack.lock:6: .*one of npm, path, remote, git, pypi, oci. Did you mean 'npm'/,
    ],
    [whole.replace('"kind"', '"kinds"'), /unknown-key stack.lock:6: unknown key 'kinds'.*Did you mean 'kind'/],
    [whole.replace('"kind": "npm",\n', ""), /missing-key stack.lock:3: 'kind' is missing in 'servers.files'/],
    [whole.replace('"command"', '"command": [], "command"'), /syntax stack.lock:4: .*stands twice/],
    [whole.replace(/sha512-A+==/, "sha1-abc"), /bad-value stack.lock:\d+: .*sha512/],
    [whole.replace("node_modules/a", "../a"), /must stay within the tree/],
    [whole.replace("node_modules/a", "node_modules/z"), /sorted by path/],
    [
      whole.replace("overwrite one", "overwrite ten"),
      /bad-lock stack.lock:3: the surfaceRoot of server 'files' is not that of its surface/,
    ],
    [whole.replace('"name":"write_file"', '"name":"read_file"'), /the tool 'read_file' stands twice/],
    [
      whole.replace('"name":"write_file"', '"name":"write file"'),
      /bad-name stack.lock:\d+: 'write file' is not a tool's name/,
    ],
    [lockWith({ tree: null }), /must have integrity and tree/],
    [lockWith({ integrity: null }), /must have integrity and tree/],
    [lockWith({ version: "^1" }), /must have an exact version/],
    [lockWith({ command: [] }), /has no command/],
    [lockWith({ kind: "remote" }), /neither tree nor command/],
    [lockWith({ kind: "path", tree: null }), /must have a tree/],
  ];
  for (const [text, wanted] of cases)
    assert.match(
      refused(() => parseLock(text, "stack.lock")),
      wanted,
    );
});

const sentences = (change: PolicyFiles, before: PolicyFiles | null = policyFiles()): readonly string[] =>
  diffPolicy(before, policyFiles(change)).map(({ what, wider }) => `${wider ? "+" : "-"} ${what}`);
const stack = (from: string | RegExp, to: string): PolicyFiles => ({ "stack.yaml": STACK_TEXT.replace(from, to) });

test("a change is told in plain sentences, and what grants more is marked", () => {
  assert.deepEqual(sentences({}), []);
  assert.deepEqual(
    sentences(stack('read: ["${home}/notes"]', 'read: [], write: ["${home}/notes"], network: ["a.example:443"]')),
    [
      "- server files may no longer read ${home}/notes",
      "+ server files may now write ${home}/notes",
      "+ server files may now connect to a.example:443",
    ],
  );
  assert.deepEqual(sentences(stack(/sandbox: \{.*\} \}/, "sandbox: none }")), [
    "+ server files runs without a sandbox: it can do whatever you can",
  ]);
  assert.deepEqual(sentences(stack("family: {}", "family: { models: [cloud] }")), [
    "+ model cloud may now read family data",
    "- model local may no longer read family data",
  ]);
  assert.deepEqual(sentences(stack("compartments: [family]", "compartments: [family, work]")), [
    "+ client claude-code may now be shown work data",
  ]);
  assert.deepEqual(sentences(stack("sandbox: {", "asks: [sampling, elicitation], sandbox: {")), [
    "+ server files may ask for input by a form of its own",
    "+ server files may ask for texts from the program's model",
  ]);
  assert.deepEqual(sentences(stack("compartments: [family]", "compartments: [family], names: short")), [
    "- client claude-code sees every tool listed, by their own names where no two are alike",
  ]);
  assert.throws(() => sentences(stack("sandbox: {", "asks: [everything], sandbox: {")), /asks/);
  assert.deepEqual(sentences(stack("clients:", "budgets: { day: 1 }\nclients:")), [
    "- the budget of a day: 1 instead of no limit",
  ]);
  assert.deepEqual(sentences({ "rules.yaml": RULES_TEXT.replace("/home/ada/notes", "/home/ada") }), [
    "+ rule notes is now: client:claude-code may call files.write_file " +
      "where path is under /home/ada and content is anything, until 2027-02-20",
  ]);
  assert.deepEqual(
    sentences({ "rules.yaml": "rules: []" }).map((text) => text.slice(0, 21)),
    ["- rule notes is gone:"],
  );
  assert.deepEqual(sentences({ "rules.yaml": `# hello\n${RULES_TEXT}` }), [
    "- rules.yaml says the same in another layout or with other comments",
  ]);
  assert.match(
    sentences({ "cards/files.yaml": cardsText.replace("effect: write", "effect: read") })[0] ?? "",
    /^\+ files.write_file is now: effect read/,
  );
  assert.match(
    sentences({ "cards/files.yaml": cardsText.replace("effect: write", "effect: exec") })[0] ?? "",
    /^- files.write_file is now: effect exec/,
  );
  assert.match(sentences({ "cards/files.yaml": cardsText.replace("secret: false", "secret: true") })[0] ?? "", /^- /);
  assert.match(
    sentences({ "stack.lock": lockWith(surfaceChange({ ...WRITE_FILE, description: "New" })) }).join(),
    /\+ files.write_file is described otherwise/,
  );
});

test("a removed ban grants more; a first policy grants all it says", () => {
  const ban = "rules:\n  - { id: no, answer: deny, tool: files.*, reason: x }\n";
  assert.match(
    diffPolicy(policyFiles({ "rules.yaml": ban }), policyFiles({ "rules.yaml": "rules: []" }))[0]?.what ?? "",
    /^rule no is gone: everybody may never call/,
  );
  assert.equal(
    diffPolicy(policyFiles({ "rules.yaml": ban }), policyFiles({ "rules.yaml": "rules: []" }))[0]?.wider,
    true,
  );
  const first = sentences({}, null);
  for (const wanted of [
    /server files is new/,
    /client claude-code may connect/,
    /files.write_file may be called/,
    /rule notes is new/,
  ]) {
    assert.ok(
      first.some((text) => text.startsWith("+") && wanted.test(text)),
      String(wanted),
    );
  }
});

test("a policy that an older Freehold accepted and this one does not is told file by file, as wider", () => {
  assert.deepEqual(sentences({}, policyFiles({ "stack.yaml": "version: 0" })), ["+ stack.yaml is different"]);
});

test("every change of a policy's meaning is told", () => {
  const variants = [
    STACK_TEXT,
    ...Object.values(stack("family: {}", "family: { models: [local] }")),
    ...Object.values(stack("name: Ada", "name: Bob")),
  ];
  const cards = [
    cardsText,
    cardsText.replace("- content", "[]").replace("content:\n      []", "content: []"),
    cardsText.replace("mode: inline", "mode: handle"),
  ];
  const rules = [RULES_TEXT, "rules: []\n", RULES_TEXT.replace("my notes", "mine")];
  const any = fc.record({
    "stack.yaml": fc.constantFrom(...variants),
    "rules.yaml": fc.constantFrom(...rules),
    "cards/files.yaml": fc.constantFrom(...cards),
  });
  fc.assert(
    fc.property(any, any, (a, b) => {
      const changes = diffPolicy(policyFiles(a), policyFiles(b));
      assert.equal(changes.length === 0, policyDigest(policyFiles(a)) === policyDigest(policyFiles(b)));
    }),
    { numRuns: 60 },
  );
});

test("the text diff is one that patch applies", () => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-diff-"));
  const line = fc.constantFrom("a", "b", "c", "", "dd");
  const text = fc.array(line, { maxLength: 30 }).map((lines) => lines.map((one) => `${one}\n`).join(""));
  try {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unified({ path: "f", before, after });
        if (before === after) return assert.equal(diff, "");
        writeFileSync(join(dir, "f"), before);
        writeFileSync(join(dir, "p"), diff);
        execFileSync("git", ["apply", "--unidiff-zero", "--whitespace=nowarn", "p"], {
          cwd: dir,
          env: { PATH: process.env["PATH"], GIT_CEILING_DIRECTORIES: tmpdir() },
        });
        return assert.equal(execFileSync("cat", ["f"], { cwd: dir, encoding: "utf8" }), after);
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  assert.equal(textDiff(null, { "a.yaml": "x\n" }), "--- /dev/null\n+++ b/a.yaml\n@@ -0,0 +1,1 @@\n+x\n");
  const long = Array.from({ length: 5000 }, (_, index) => `${index}\n`).join("");
  assert.equal(
    unified({ path: "f", before: long, after: long.split("\n").toReversed().join("\n") }).split("\n").length > 9000,
    true,
  );
});

test("paths are expanded, and a folder that holds the stack home is refused", () => {
  const server = (sandbox: string) => {
    const args = 'args: ["${home}/n", "--d=${stack}/skills"]';
    const head = "version: 1\nowner: { name: A }\ncompartments: { a: {} }\nservers:\n";
    const text = `${head}  s: { source: npm:x@1.0.0, compartment: a, ${args}, sandbox: { ${sandbox} } }`;
    const found = parseStack(text, "stack.yaml").servers["s"];
    assert.ok(found);
    return found;
  };
  const values = { home: "/home/ada", stack: "/home/ada/freehold-home" };
  const expanded = expandPaths(server('read: ["${home}/notes/"], write: ["${stack}/skills"]'), values);
  assert.deepEqual(expanded.args, ["/home/ada/n", "--d=/home/ada/freehold-home/skills"]);
  assert.deepEqual(expanded.sandbox === "none" ? null : expanded.sandbox.read, ["/home/ada/notes"]);
  for (const folder of [
    "${home}",
    "/",
    "${stack}",
    "${stack}/.state",
    "${stack}/.state/trees",
    "${stack}/.git",
    "/home//ada/./freehold-home",
  ]) {
    assert.match(
      refused(() => expandPaths(server(`read: ["${folder}"]`), values)),
      /^manifest.own-state stack.yaml:5: /,
    );
  }
  assert.equal(
    refused(() => expandPaths(server('write: ["/home/ada/freehold-home2"]'), values)),
    "accepted",
  );
});
