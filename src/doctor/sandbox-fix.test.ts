import assert from "node:assert/strict";
import { test } from "node:test";
import { probeSandbox } from "../sandbox/index.ts";
import { explainBwrap, explainSandbox } from "./sandbox-fix.ts";

test("a machine without bubblewrap is told how to install it", async () => {
  const probe = await probeSandbox(explainSandbox, import.meta.dirname);
  assert.equal(probe.kind, "absent");
  assert.match(probe.kind === "absent" ? probe.fix : "", /^sudo (apt-get install|dnf install|pacman)/);
});

test("each setting that stands in the way is named with its exact fix", () => {
  const explain = (said: string, files: Record<string, string>): string => {
    const { reason, fix } = explainBwrap(said, (path) => files[path] ?? "");
    return `${reason} | ${fix}`;
  };
  const denied = "bwrap: setting up uid map: Permission denied";
  assert.match(
    explain(denied, { "/proc/sys/user/max_user_namespaces": "0" }),
    /turned off.*user\.max_user_namespaces=15000/,
  );
  assert.match(explain(denied, { "/proc/sys/kernel/unprivileged_userns_clone": "0" }), /root only.*userns_clone=1/);
  const ubuntu = explain(denied, { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1" });
  assert.match(ubuntu, /AppArmor.*userns,.*apparmor_parser -r \/etc\/apparmor\.d\/bwrap/);
  assert.match(explain("bwrap: Unknown option --size", { "/etc/os-release": "ID=fedora" }), /older than 0\.8.*dnf/);
  assert.match(explain("bwrap: Can't mount proc", {}), /Can't mount proc.*container/);
});
