// The daemon as a service under an operating system user of its own: texts only, nothing is written or run here.
// Sources: systemd.exec(5), systemd.resource-control(5); launchd.plist(5).

import { DAEMON_FLAGS } from "./node-flags.ts";

export interface ServiceOptions {
  /** The daemon's own user, `freehold`. */
  readonly user: string;
  /** Who may talk to it over the control socket: the owner's login name. */
  readonly owner: string;
  /** The stack home under the daemon's user. */
  readonly home: string;
  /** For ${home} in a server's paths. */
  readonly ownerHome: string;
  /** Absolute. */
  readonly node: string;
  readonly main: string;
}

/** The daemon divides its own cgroup for its servers, hence Delegate; servers live in sandboxes of their own inside. */
export function systemdUnit({ user, home, ownerHome, node, main }: ServiceOptions): string {
  return `[Unit]
Description=Freehold, the owner's AI stack
Documentation=file://${home}/stack.yaml
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User=${user}
Group=${user}
ExecStart=${quoted(node)} ${DAEMON_FLAGS.join(" ")} ${quoted(main)} --home ${quoted(home)}
Environment=FREEHOLD_SERVICE=1 FREEHOLD_HOME=${quoted(home)} HOME=${quoted(home)}
Environment=${quoted(`FREEHOLD_OWNER_HOME=${ownerHome}`)}
WorkingDirectory=${home}
UMask=0007
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
KillMode=control-group

# Each server gets a cgroup of its own below this one.
Delegate=yes
MemoryAccounting=yes
TasksAccounting=yes

# Nothing of the machine but the home, a runtime folder and what the owner's own permissions give in /home is writable:
# servers may be given folders of the owner's. User namespaces stay allowed: the servers'
# sandboxes are made of them, so RestrictNamespaces and PrivateUsers must not be set.
RuntimeDirectory=freehold
RuntimeDirectoryMode=0750
StateDirectory=freehold
ReadWritePaths=${home} -/home
ProtectSystem=strict
ProtectHome=no
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=no
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RemoveIPC=yes

[Install]
WantedBy=multi-user.target
`;
}

export function launchdPlist({ user, home, node, main }: ServiceOptions): string {
  const strings = [node, ...DAEMON_FLAGS, main, "--home", home]
    .map((text) => `    <string>${xml(text)}</string>`)
    .join("\n");
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>org.freehold.daemon</string>
  <key>UserName</key>
  <string>${xml(user)}</string>
  <key>ProgramArguments</key>
  <array>
${strings}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>FREEHOLD_SERVICE</key>
    <string>1</string>
    <key>FREEHOLD_HOME</key>
    <string>${xml(home)}</string>
    <key>HOME</key>
    <string>${xml(home)}</string>
  </dict>
  <key>WorkingDirectory</key>
  <string>${xml(home)}</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>StandardErrorPath</key>
  <string>${xml(home)}/.state/daemon.log</string>
</dict>
</plist>
`;
}

export interface ServicePlan {
  /** What FREEHOLD_HOME must say for the owner's command line. */
  readonly home: string;
  /** Where the unit goes, and its text. */
  readonly file: string;
  readonly text: string;
  /** What root runs before and after the file is written; each a program with its arguments. */
  readonly before: readonly (readonly string[])[];
  readonly after: readonly (readonly string[])[];
}

export function servicePlan(platform: "linux" | "darwin", options: ServiceOptions): ServicePlan {
  const { user, owner, home } = options;
  if (platform === "darwin") {
    const file = "/Library/LaunchDaemons/org.freehold.daemon.plist";
    return {
      home,
      file,
      text: launchdPlist(options),
      before: [
        ["sysadminctl", "-addUser", user, "-home", home, "-shell", "/usr/bin/false", "-roleAccount"],
        ["install", "-d", "-o", user, "-m", "0700", home],
      ],
      after: [["launchctl", "bootstrap", "system", file]],
    };
  }
  return {
    home,
    file: "/etc/systemd/system/freehold.service",
    text: systemdUnit(options),
    before: [
      ["useradd", "--system", "--user-group", "--home-dir", home, "--shell", "/usr/sbin/nologin", user],
      // The owner's own programs reach the socket by this group, and nothing else of that user.
      ["usermod", "--append", "--groups", user, owner],
      // Sticky: the owner edits the files, but cannot put others in the place of .git and .state.
      ["install", "-d", "-o", user, "-g", user, "-m", "3770", home],
    ],
    after: [
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", "freehold.service"],
    ],
  };
}

/** systemd splits at spaces and expands % and $. */
function quoted(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(text) ? `"${escaped}"` : escaped;
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
