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
/** A package with thousands of versions is described at length. */
const OUTPUT_MAX = 16_777_216;
const SAID_MAX = 16_384;
const SPECS_PER_RUN = 100;
const FLAGS =
  "--ignore-scripts --omit=dev --no-fund --no-update-notifier --loglevel=error --logs-max=0 " +
  "--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=60000";

export interface NpmContext {
  readonly homePaths: SupplyHome;
  readonly probe: SandboxProbe;
  readonly permitConnection: PermitConnection;
  readonly progress: (text: string) => void;
}

export interface Npm {
  /** The lock (package-lock.json, version 3) of the package with all it needs, none younger than `beforeMs`. */
  resolve(spec: string, beforeMs?: number): Promise<JsonObject>;
  /** What the registry says of a package and one version of it. */
  view(spec: string, timeoutMs: number): Promise<JsonObject>;
  /** npm's audit report on a lock that `resolve` gave. */
  audit(lock: JsonObject, timeoutMs: number): Promise<JsonObject>;
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
  const inWork = async <T>(files: Readonly<Record<string, string>>, run: (work: string) => Promise<T>): Promise<T> => {
    const work = mkdtempSync(join(context.homePaths.store, "resolve-"));
    try {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
      return await run(work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  };
  return {
    resolve(spec, beforeMs) {
      const before = beforeMs === undefined ? [] : [`--before=${new Date(beforeMs).toISOString()}`];
      return inWork({ "package.json": '{"private":true}' }, async (work) => {
        await runNpm(["install", "--package-lock-only", "--no-audit", ...before, spec], { ...context, settings, work });
        return objectIn(readFileSync(join(work, "package-lock.json"), "utf8"));
      });
    },
    view(spec, timeoutMs) {
      const run = { ...context, settings, work: npmCacheFolder(context.homePaths), timeoutMs };
      return runNpm(["view", spec, "--json"], run).then(objectIn);
    },
    audit(lock, timeoutMs) {
      const { packages } = lock;
      const top = isObject(packages) && isObject(packages[""]) ? packages[""] : {};
      const files = {
        "package.json": JSON.stringify({ ...top, private: true }),
        "package-lock.json": JSON.stringify(lock),
      };
      // npm ends with 1 when it found something.
      const more = { isReport: true, timeoutMs };
      return inWork(files, (work) =>
        runNpm(["audit", "--json", "--package-lock-only"], { ...context, settings, work, ...more }).then(objectIn),
      );
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

function objectIn(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

interface NpmRun extends NpmContext {
  readonly settings: Settings;
  readonly timeoutMs?: number;
  /** Its output counts whatever its exit code. */
  readonly isReport?: boolean;
  /** A folder that npm may write to, beside its cache. */
  readonly work: string;
}

/** What it printed. */
async function runNpm(args: readonly string[], run: NpmRun): Promise<string> {
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
  const { timeoutMs = RUN_TIMEOUT_MS, isReport = false } = run;
  const timer = setTimeout(() => void (run.timeoutMs === undefined ? child.stop() : child.kill()), timeoutMs);
  const [said, errors, { code, reason }] = await Promise.all([
    tailOf(child.stdout),
    tailOf(child.stderr),
    child.exited,
  ]);
  clearTimeout(timer);
  if (code !== 0 && !(isReport && code === 1)) {
    const text = `${errors}\n${said}`.slice(-SAID_MAX);
    throw npmFault({ args, said: text, reason: reason ?? refusals[0] ?? null });
  }
  return said;
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
