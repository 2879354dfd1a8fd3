// The machine's own npm, as a child in the sandbox: it resolves versions and fetches archives, and installs nothing.
// Its only way out is the registry that the owner's configuration names.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import type { Readable } from "node:stream";
import { ensureDir } from "../home/index.ts";
import { Fault, isObject, oneLine, type JsonObject, type PermitConnection } from "../kernel/index.ts";
import { startSandboxed, type SandboxProbe } from "../sandbox/index.ts";
import { npmCacheFolder, type SupplyHome } from "./places.ts";

const RUN_TIMEOUT_MS = 300_000;
const CONFIG_TIMEOUT_MS = 30_000;
const OUTPUT_MAX = 16_384;
const SPECS_PER_RUN = 100;
const FLAGS =
  "--ignore-scripts --omit=dev --no-audit --no-fund --no-update-notifier --loglevel=error --logs-max=0 " +
  "--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=60000";

export interface NpmContext {
  readonly homePaths: SupplyHome;
  readonly probe: SandboxProbe;
  readonly permitConnection: PermitConnection;
  readonly progress: (text: string) => void;
}

export interface Npm {
  /** The lock (package-lock.json, version 3) of the package with all it needs. */
  resolve(spec: string): Promise<JsonObject>;
  /** Archives of exact versions into npm's cache below .state. */
  fetch(specs: readonly string[]): Promise<void>;
}

interface Settings {
  readonly cli: string;
  /** `host:port` of each registry. */
  readonly hosts: readonly string[];
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Throws Fault `supply.no-npm` where none is installed. */
export async function openNpm(context: NpmContext): Promise<Npm> {
  ensureDir(npmCacheFolder(context.homePaths), 0o700);
  const settings = await readSettings(context);
  return {
    async resolve(spec) {
      const work = mkdtempSync(join(context.homePaths.store, "resolve-"));
      try {
        writeFileSync(join(work, "package.json"), '{"private":true}');
        await runNpm(["install", "--package-lock-only", spec], { ...context, settings, work });
        const lock: unknown = JSON.parse(readFileSync(join(work, "package-lock.json"), "utf8"));
        return isObject(lock) ? lock : {};
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },
    async fetch(specs) {
      for (let at = 0; at < specs.length; at += SPECS_PER_RUN) {
        context.progress(`fetching ${specs.length - at} packages`);
        const some = specs.slice(at, at + SPECS_PER_RUN);
        await runNpm(["cache", "add", ...some], { ...context, settings, work: npmCacheFolder(context.homePaths) });
      }
    },
  };
}

function findNpm(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const found = [dirname(process.execPath), ...folders]
    .map((folder) => join(folder, "npm"))
    .filter((file) => existsSync(file));
  for (const file of found.map((path) => realpathSync(path))) {
    const beside = join(dirname(file), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");
    if (basename(file) === "npm-cli.js") return file;
    if (existsSync(beside)) return realpathSync(beside);
  }
  throw new Fault("supply.no-npm", {
    message: "npm is needed to fetch packages, and there is none on the PATH.",
    next: "install Node.js with npm, for example: sudo apt-get install -y npm",
  });
}

/** Asked outside the sandbox: it only reads the owner's configuration, and runs before anything is fetched. */
async function readSettings({ homePaths }: NpmContext): Promise<Settings> {
  const cli = findNpm();
  const env = Object.fromEntries(
    Object.entries({ HOME: homedir(), ...process.env }).filter(
      ([name]) =>
        /^(?:HOME|PATH|XDG_CONFIG_HOME)$/.test(name) ||
        /^npm_config_(?:registry|userconfig|globalconfig|cafile)$/i.test(name),
    ),
  );
  const text = await new Promise<string>((done, fail) => {
    const options = { cwd: homePaths.store, env, timeout: CONFIG_TIMEOUT_MS };
    execFile(process.execPath, [cli, "config", "list", "--json"], options, (cause, stdout) => {
      if (cause === null) done(stdout);
      else
        fail(
          new Fault("supply.no-npm", {
            message: "npm's configuration cannot be read.",
            cause,
            next: "npm config list",
          }),
        );
    });
  });
  const config: unknown = JSON.parse(text);
  return settingsOf(cli, isObject(config) ? config : {});
}

function settingsOf(cli: string, config: JsonObject): Settings {
  const text = (name: string): string => (typeof config[name] === "string" ? config[name] : "");
  const scopes = Object.keys(config).filter((name) => /^@[^/:]+:registry$/.test(name));
  const hosts = ["registry", ...scopes].map((name) => URL.parse(text(name))).filter((url) => url !== null);
  const authority = (process.env["NODE_EXTRA_CA_CERTS"] ?? "") || text("cafile");
  const [userconfig, globalconfig] = [text("userconfig"), text("globalconfig")];
  return {
    cli,
    hosts: [...new Set(hosts.map((url) => `${url.hostname}:${url.port || (url.protocol === "http:" ? 80 : 443)}`))],
    files: [userconfig, globalconfig, text("cafile"), authority].filter((file) => isAbsolute(file) && existsSync(file)),
    env: {
      npm_config_registry: text("registry"),
      npm_config_userconfig: userconfig,
      npm_config_globalconfig: globalconfig,
      ...(authority === "" ? {} : { NODE_EXTRA_CA_CERTS: authority }),
    },
  };
}

interface NpmRun extends NpmContext {
  readonly settings: Settings;
  /** A folder that npm may write to, beside its cache. */
  readonly work: string;
}

async function runNpm(args: readonly string[], run: NpmRun): Promise<void> {
  const { settings, probe, work } = run;
  const cache = npmCacheFolder(run.homePaths);
  if (probe.kind === "absent") await permitAll(run);
  const refusals: string[] = [];
  const child = await startSandboxed({
    name: "npm",
    spec: {
      read: [join(dirname(settings.cli), ".."), ...settings.files],
      write: [cache, work],
      network: settings.hosts,
      memoryMb: 2_048,
      pidsMax: 64,
      // The owner's own npm may run as it is where nothing else can; what it fetches is checked all the same.
      off: probe.kind === "absent",
    },
    command: [process.execPath, settings.cli, ...args, ...FLAGS.split(" "), "--cache", cache],
    cwd: work,
    env: settings.env,
    probe,
    permitConnection: run.permitConnection,
    protect: [],
    onNote: (text) => refusals.push(text),
  });
  const timer = setTimeout(() => void child.stop(), RUN_TIMEOUT_MS);
  const [said, errors, { code, reason }] = await Promise.all([
    tailOf(child.stdout),
    tailOf(child.stderr),
    child.exited,
  ]);
  clearTimeout(timer);
  if (code !== 0) throw npmFault({ args, said: `${errors}\n${said}`, reason: reason ?? refusals[0] ?? null });
}

async function permitAll({ settings, permitConnection }: NpmRun): Promise<void> {
  for (const host of settings.hosts) {
    const colon = host.lastIndexOf(":");
    const target = { host: host.slice(0, colon), port: Number(host.slice(colon + 1)) };
    if (await permitConnection(target)) continue;
    throw new Fault("supply.npm", { message: `a connection to ${host} was not permitted.` });
  }
}

async function tailOf(stream: Readable): Promise<string> {
  let tail = "";
  for await (const chunk of stream) tail = (tail + String(chunk)).slice(-OUTPUT_MAX);
  return tail;
}

function npmFault({ args, said, reason }: { args: readonly string[]; said: string; reason: string | null }): Fault {
  const spec = oneLine(args.find((arg, index) => index > 0 && !arg.startsWith("-")) ?? "", 200);
  if (/\bE404\b|\bETARGET\b|\bENOVERSIONS\b/.test(said)) {
    const next = "check its name and version on the registry.";
    return new Fault("supply.unknown-package", { message: `the registry has no ${spec}.`, next });
  }
  const lines = said.split("\n").filter((line) => /error/i.test(line) && !/A complete log/.test(line));
  const why = oneLine(reason ?? (lines.slice(0, 4).join("; ") || said.trim()), 600);
  const next = "check the network and the registry in npm's configuration, then try again.";
  return new Fault("supply.npm", { message: `npm could not fetch ${spec}: ${why}`, next });
}
