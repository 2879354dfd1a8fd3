// Loaded with --import: writes the packages that the process has loaded by its end to $FREEHOLD_PACKAGES_OUT, as JSON
// lines of "name@version". The hook sees every resolved module, imported or required.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folders = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (found.url.startsWith("file:")) {
      const path = fileURLToPath(found.url);
      const match = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path);
      if (match !== null) folders.add(match[0]);
    }
    return found;
  },
});

process.on("exit", () => {
  const out = process.env.FREEHOLD_PACKAGES_OUT;
  if (out === undefined) return;
  const names = [...folders].map((folder) => {
    const manifest = join(folder, "package.json");
    const { name, version } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")) : {};
    return `${name ?? dirname(folder)}@${version ?? "?"}`;
  });
  writeFileSync(out, `${JSON.stringify([...new Set(names)].sort())}\n`);
});
