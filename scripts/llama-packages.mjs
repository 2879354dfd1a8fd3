// Writes src/supply/llama/packages.json anew: `node scripts/llama-packages.mjs 3.22.1` installs that release with npm,
// scripts off, watches which packages its library loads, and pins those with the sha512 that npm's lock gives.
// No dependencies; any Node >= 23.5.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, npmCommand, tail } from "./process.mjs";
import { ROOT } from "./bootstrap.mjs";

/**
 * Without those for graphics cards, which have hundreds of megabytes. The packages themselves name more processors.
 * Those for macOS are not on every registry.
 */
const LIBC = ["glibc"];
const BINARIES = {
  "node_modules/@node-llama-cpp/linux-arm64": { os: ["linux"], cpu: ["arm64"], libc: LIBC },
  "node_modules/@node-llama-cpp/linux-x64": { os: ["linux"], cpu: ["x64"], libc: LIBC },
};
const LOAD = `
import { registerHooks } from "node:module";
const loaded = new Set();
registerHooks({ load(url, context, next) {
  const inner = url.indexOf("/node_modules/");
  const path = /^(?:node_modules\\/(?:@[^/]+\\/)?[^/]+\\/)+/.exec(inner < 0 ? "" : url.slice(inner + 1))?.[0];
  if (path !== undefined) loaded.add(path.slice(0, -1));
  return next(url, context);
} });
const { getLlama } = await import("node-llama-cpp");
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true });
await llama.dispose();
console.log(JSON.stringify([...loaded]));
`;

const [version = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "freehold-llama-"));
try {
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, "load.js"), LOAD);
  const npm = npmCommand();
  const run = async (command, args) => {
    const { code, stdout, stderr } = await capture(command, args, { cwd: folder });
    if (code !== 0) throw new Error(tail(stderr));
    return stdout;
  };
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run(npm.command, [...npm.args, "install", ...flags, "--package-lock-only", `node-llama-cpp@${version}`]);
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  const own = `@node-llama-cpp/${process.platform === "darwin" ? "mac" : "linux"}-${process.arch}`;
  // All of its optional packages together have 640 MB more.
  for (const name of ["node-llama-cpp", own])
    await run(npm.command, [...npm.args, "install", ...flags, "--omit=optional", `${name}@${version}`]);
  const loaded = JSON.parse(await run(process.execPath, ["load.js"]));
  const pinned = Object.entries(packages)
    .filter(([path]) => loaded.includes(path) && !Object.hasOwn(BINARIES, path))
    .map(([path, { version: exact, integrity }]) => [path, { version: exact, integrity }]);
  // npm's lock may leave out what other machines need.
  for (const [path, machine] of Object.entries(BINARIES)) {
    const spec = `${path.replace("node_modules/", "")}@${version}`;
    const integrity = JSON.parse(await run(npm.command, [...npm.args, "view", spec, "dist.integrity", "--json"]));
    pinned.push([path, { version, integrity, optional: true, ...machine }]);
  }
  pinned.sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({ version, packages: Object.fromEntries(pinned) }, null, 2);
  writeFileSync(join(ROOT, "src", "supply", "llama", "packages.json"), `${text}\n`);
  process.stdout.write(`${pinned.length} packages\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
