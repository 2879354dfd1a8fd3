// node scripts/complete-lock.mjs: after a change of dependencies. A registry that lacks the programs of other platforms
// makes npm leave them out of the lockfile, and `npm ci` then refuses it. This adds them by name, version and platform.
// They carry no hash, so tests/tidy allows them for development tools only, and never for Linux with glibc.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./bootstrap.mjs";
import { main, Trouble } from "./process.mjs";

/** The lock entry of a platform's program, read from its name: …/binding-linux-arm64-musl, …/darwin-x64. */
export function entryFor(name, { version, owner }) {
  const [os, cpu, libc] = (name.split("/")[1] ?? "").replace("binding-", "").split("-");
  if (cpu === undefined || !/^\d/.test(version)) throw new Trouble(`${name}@${version} does not name a platform.`);
  return {
    version,
    cpu: [cpu],
    ...(owner.dev === true ? { dev: true } : {}),
    ...(os === "linux" ? { libc: [libc?.startsWith("musl") ? "musl" : "glibc"] } : {}),
    optional: true,
    os: [os],
    ...(owner.engines === undefined ? {} : { engines: owner.engines }),
  };
}

await main(async () => {
  const path = join(ROOT, "package-lock.json");
  const lock = JSON.parse(readFileSync(path, "utf8"));
  const { "": root, ...packages } = lock.packages;
  let added = 0;
  for (const owner of Object.values(packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      if (packages[`node_modules/${name}`] !== undefined) continue;
      packages[`node_modules/${name}`] = entryFor(name, { version, owner });
      added += 1;
    }
  }
  const sorted = Object.keys(packages).sort((one, other) => one.localeCompare(other, "en"));
  lock.packages = { "": root, ...Object.fromEntries(sorted.map((name) => [name, packages[name]])) };
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${added} added\n`);
  return 0;
});
