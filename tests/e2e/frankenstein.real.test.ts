// The example of a stack of many parts, run as a person would run it. It checks its own claims and says so at its end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { probeSandbox } from "../../src/sandbox/index.ts";
import { missingPackages } from "../fixtures/npm-registry.ts";
import { hasPty } from "./pty.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples", "frankenstein", "run.ts");
const LONGEST_MS = 180_000;
const [missing] = missingPackages();
const hasSandbox = (await probeSandbox()).kind === "ready";
const absent = missing ?? (hasSandbox ? null : "the sandbox") ?? (hasPty() ? null : "python3 with its pty module");
const needs = { skip: absent === null || process.env["CI"] !== undefined ? false : `NOT TESTED: ${absent} is absent` };

test(
  "12 repositories, 4 npm servers and 3 models are planned, applied, updated in three ways, and rolled back",
  { ...needs, timeout: LONGEST_MS },
  async (t) => {
    const child = spawn(process.execPath, [EXAMPLE], { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => child.kill());
    const ended = once(child, "close");
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await ended;
    assert.equal(code, 0, `${out.slice(-4_000)}\n${errors}`);
    const [said = ""] = /Everything was as claimed, in \d+ s\./.exec(out) ?? [];
    assert.notEqual(said, "", out.slice(-2_000));
    t.diagnostic(said);
  },
);
