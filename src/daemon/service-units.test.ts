// The texts of the service units: what keeps the owner's own programs out, and what the sandboxes need.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DAEMON_FLAGS } from "./node-flags.ts";
import { launchdPlist, servicePlan, systemdUnit, type ServiceOptions } from "./service-units.ts";

const OPTIONS: ServiceOptions = {
  user: "freehold",
  owner: "ada",
  home: "/var/lib/freehold",
  ownerHome: "/home/ada",
  node: "/usr/bin/node",
  main: "/opt/free hold/dist/daemon/main.js",
};

test("the daemon runs under its own user, without new privileges, and writes only where the owner let it", () => {
  const unit = systemdUnit(OPTIONS);
  for (const line of [
    "User=freehold",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ReadWritePaths=/var/lib/freehold -/home",
    "UMask=0007",
  ]) {
    assert.ok(unit.split("\n").includes(line), line);
  }
  assert.match(unit, /^Environment=FREEHOLD_SERVICE=1 /m);
});

test("the servers' sandboxes can be made: user namespaces stay allowed and the cgroup is handed over", () => {
  const settings = systemdUnit(OPTIONS)
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  assert.ok(settings.includes("Delegate=yes"));
  assert.ok(
    !settings.some((line) => /^(?:RestrictNamespaces|PrivateUsers|ProtectKernelTunables|ProtectProc)=/.test(line)),
  );
});

test("paths with spaces and signs stay one argument", () => {
  const start = `ExecStart=/usr/bin/node ${DAEMON_FLAGS.join(" ")} "/opt/free hold/dist/daemon/main.js" --home /var/`;
  assert.ok(systemdUnit(OPTIONS).includes(`\n${start}`));
  assert.match(systemdUnit({ ...OPTIONS, node: "/a b/100%/n$de" }), /^ExecStart="\/a b\/100%%\/n\$\$de" /m);
  assert.ok(launchdPlist({ ...OPTIONS, node: "/a&b<c" }).includes("<string>/a&amp;b&lt;c</string>"));
});

test("the owner joins the group that may open the socket, and nobody else is touched", () => {
  const plan = servicePlan("linux", OPTIONS);
  assert.deepEqual(plan.before[1], ["usermod", "--append", "--groups", "freehold", "ada"]);
  assert.ok([...plan.before, ...plan.after].every((step) => !step.includes("rm")));
  assert.equal(servicePlan("darwin", OPTIONS).file, "/Library/LaunchDaemons/org.freehold.daemon.plist");
});

test("systemd itself accepts the unit", (t) => {
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return t.skip("systemd-analyze is not installed");
  const folder = mkdtempSync(join(tmpdir(), "freehold-unit-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "freehold.service");
  writeFileSync(file, systemdUnit({ ...OPTIONS, node: process.execPath, user: "root", main: "/opt/main.js" }));
  const { stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  assert.ok(!/freehold\.service:\d+: (?:Unknown|Failed|Invalid)/.test(stderr), stderr);
});
