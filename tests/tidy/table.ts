// The architecture as data. Change it only with a decision record in docs/decisions/.

/** Which room may import which. A room may always import itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  home: ["kernel"],
  manifest: ["kernel"],
  store: ["kernel"],
  secrets: ["kernel"],
  sandbox: ["kernel"],
  mcp: ["kernel"],
  clients: ["kernel", "manifest"],
  models: ["kernel", "sandbox"],
  memory: ["kernel", "store", "home"],
  connectors: ["kernel", "mcp"],
  supply: ["kernel", "manifest", "store", "home", "sandbox", "mcp"],
  gateway: ["kernel", "manifest", "store", "secrets", "sandbox", "mcp", "models", "memory"],
  agent: ["kernel"],
  automations: ["kernel", "store", "sandbox"],
  doctor: ["kernel", "manifest", "store", "home", "sandbox", "supply", "clients"],
  control: ["kernel", "manifest", "store", "home", "secrets", "clients", "supply", "memory", "doctor", "automations"],
  console: ["kernel", "control"],
  daemon: [
    "kernel",
    "manifest",
    "home",
    "store",
    "secrets",
    "sandbox",
    "mcp",
    "supply",
    "models",
    "memory",
    "connectors",
    "gateway",
    "agent",
    "automations",
    "doctor",
    "clients",
    "control",
    "console",
  ],
  cli: ["kernel", "manifest", "doctor", "control", "daemon"],
};

export const ROOMS = Object.keys(MAY_IMPORT);

/** Imported beside a room's index: for programs that start often, or without the daemon, and must load little. */
export const LIGHT_DOORS = [
  "src/control/reach.ts",
  "src/control/local.ts",
  "src/doctor/sandbox-fix.ts",
  "src/daemon/shim.ts",
  "src/daemon/jail.ts",
  "src/daemon/service-units.ts",
  "src/daemon/follow-build.ts",
  "src/daemon/node-flags.ts",
  "src/supply/build-to-run.ts",
  "src/supply/generations.ts",
  "src/gateway/stdio-shim.ts",
];

/** Rooms that the command line loads per command: `cli/main.ts` may not import them statically. */
export const LOADED_PER_COMMAND = ["doctor", "control", "daemon"];

/** Trusted by authority: a path, or a folder with a slash at its end. */
export const TRUSTED = [
  "src/kernel/",
  "src/gateway/door.ts",
  "src/gateway/case.ts",
  "src/gateway/answers.ts",
  "src/gateway/handles.ts",
  "src/gateway/tasks.ts",
  "src/gateway/asks.ts",
  "src/gateway/model-door.ts",
  "src/gateway/model-accounts.ts",
  "src/gateway/auth.ts",
  "src/gateway/send.ts",
  "src/store/ledger.ts",
  "src/store/permits.ts",
  "src/store/questions.ts",
  "src/store/budgets.ts",
  "src/secrets/",
  "src/sandbox/",
  "src/control/owner-auth.ts",
  "src/manifest/cards.ts",
  "src/manifest/rules.ts",
];

/** Files that may do what only authority may do; everywhere else in src/ the words are an offence. */
export interface Authority {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly allowed: readonly string[];
  readonly message: string;
}

export const AUTHORITIES: readonly Authority[] = [
  {
    rule: "permit-issued",
    pattern: /\bissuePermit\b/g,
    allowed: ["src/kernel/", "src/gateway/door.ts", "src/gateway/model-door.ts"],
    message: "only gateway/{door,model-door}.ts issues a permit",
  },
  {
    rule: "permit-spent",
    pattern: /(?<!\bpermits)\s*(?:\?\.|\.)\s*spend\b/g,
    allowed: ["src/kernel/", "src/gateway/send.ts"],
    message: "only gateway/send.ts spends a permit",
  },
  {
    rule: "permit-recorded",
    pattern: /\bpermits\s*(?:\?\.|\.)\s*spend\b/g,
    allowed: ["src/store/", "src/gateway/door.ts"],
    message: "only gateway/door.ts records a permit as spent",
  },
  {
    rule: "upstream-written",
    pattern: /(?<!\bhttps?)\s*(?:\?\.|\.)\s*request\s*\(/g,
    // A rehearsal calls a copy that it started itself, with no way out (docs/decisions/0012).
    allowed: ["src/mcp/", "src/gateway/send.ts", "src/supply/practice.ts"],
    message: "only gateway/send.ts writes to an upstream",
  },
  {
    rule: "model-asked",
    pattern: /\.\s*post\s*\(/g,
    // The console's routes are posts of another kind, and it can import neither room.
    allowed: ["src/models/", "src/gateway/send.ts", "src/console/"],
    message: "only gateway/send.ts asks a model",
  },
  {
    rule: "ledger-appended",
    pattern: /\bledger\s*(?:\?\.|\.)\s*append\b/g,
    allowed: [
      "src/store/ledger.ts",
      "src/gateway/door.ts",
      "src/gateway/answers.ts",
      "src/gateway/asks.ts",
      "src/gateway/tasks.ts",
      "src/gateway/handles.ts",
      "src/gateway/model-door.ts",
      "src/control/",
    ],
    message: "only the door, control and store/ledger.ts append to the ledger",
  },
];

/** The last word of a name of ours never is one of these: such names say nothing. */
export const EMPTY_NAMES = ["manager", "helper", "util", "engine", "service", "handler"];

/** File names that are the name of a command, and so not ours to choose freely. */
export const COMMAND_FILES = ["src/cli/service.ts", "src/cli/model-engine.ts"];

export const LIMITS = {
  fileLines: 400,
  lineChars: 120,
  trustedCodeLines: 4_500,
  daemonPackages: 20,
  architectureLines: 200,
  agentsLines: 60,
};

/** Words that belong to the making of the product and not into it. This folder, which names them, is left out. */
export const FOREIGN_WORDS: readonly { readonly rule: string; readonly pattern: RegExp; readonly message: string }[] = [
  {
    rule: "registry-host",
    pattern:
      /\b(?:registry\.npmjs\.(?:org|com)|registry\.yarnpkg\.com|registry\.npmmirror\.com|pypi\.org|ghcr\.io)\b/gi,
    message: "no registry host: the user's own configuration says where packages come from",
  },
  {
    rule: "machine-path",
    pattern: /(?<![\w.~$}/-])\/(?:work|root|workspace|mnt)\/[\w.-]/g,
    message: "no path of somebody's machine",
  },
  {
    rule: "process-word",
    pattern: /\bissue #\d|\bissues? show\b|\bsession with (?:an? )?(?:assistant|model|claude)\b|\bco-authored-by\b/gi,
    message: "the product alone is spoken of, not how it was made",
  },
];
