// Cards written by hand for common servers: a file for each package in shipped/, in the format of a card file but for
// pins and compartments, which come from what is served and from the stack. They are drafts: the owner accepts them.

import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EFFECTS, Fault, type ArgumentRole, type Effect, type Integrity } from "../kernel/index.ts";
import { PACKAGE_NAME, PLAIN_TEXT, TOOL_NAME } from "./names.ts";
import { fields, flagOf, mapOf, maybe, oneOf, report, setOf, textOf, type Fields, type SourceNode } from "./reading.ts";
import { splitNpm } from "./server.ts";
import { readYaml } from "./yaml.ts";

export interface ShippedTool {
  readonly effect: Effect;
  /** Every argument that the tool was seen to take. */
  readonly roles: Readonly<Record<string, ArgumentRole>>;
  readonly ids: readonly string[];
  readonly trust: Integrity;
  readonly secret: boolean;
  readonly mode: "inline" | "handle";
  /** The server's own annotations call this read a change; whoever wrote the draft saw that. */
  readonly claimsChange: boolean;
}

export interface ShippedDraft {
  readonly package: string;
  /** Of remote servers that serve the same tools. */
  readonly hosts: readonly string[];
  readonly tools: Readonly<Record<string, ShippedTool>>;
}

const BYTES_MAX = 64 * 1024;
const ROLES = ["critical", "content", "egress"] as const satisfies readonly ArgumentRole[];
const SHIPPED = new URL("./shipped/", import.meta.url);
/** A test holds this against what the files say of themselves. */
const PACKAGE_BY_HOST: ReadonlyMap<string, string> = new Map([
  ["mcp.context7.com", "@upstash/context7-mcp"],
  ["mcp.exa.ai", "exa-mcp-server"],
  ["mcp.firecrawl.dev", "firecrawl-mcp"],
  ["mcp.sentry.dev", "@sentry/mcp-server"],
  ["mcp.tavily.com", "tavily-mcp"],
]);

/** For a source as stack.yaml writes it; null when nothing is shipped for it. */
export function shippedFor(source: string | null): ShippedDraft | null {
  const name = source === null ? null : packageOf(source);
  if (name === null || !PACKAGE_NAME.test(name)) return null;
  const file = shippedFile(name);
  const path = fileURLToPath(new URL(file, SHIPPED));
  if (!existsSync(path)) return null;
  if (statSync(path).size > BYTES_MAX) {
    throw new Fault("manifest.too-large", { at: file, message: `a shipped draft is larger than ${BYTES_MAX} bytes.` });
  }
  const draft = parseShipped(readFileSync(path, "utf8"), file);
  return draft.package === name ? draft : null;
}

/** `@scope/name` is in `scope__name.yaml`; the name inside the file decides, should two share one. */
export function shippedFile(packageName: string): string {
  return `${packageName.replace(/^@/, "").replace("/", "__")}.yaml`;
}

function packageOf(source: string): string | null {
  if (source.startsWith("npm:")) return splitNpm(source).name;
  if (!source.startsWith("https://") || !URL.canParse(source)) return null;
  const { hostname, port } = new URL(source);
  return port === "" ? (PACKAGE_BY_HOST.get(hostname) ?? null) : null;
}

/** Throws one Fault with `file:line`. */
export function parseShipped(text: string, file: string): ShippedDraft {
  return readYaml({ text, file }, (root) => {
    const top = fields(root, { required: ["package", "tools"], optional: ["hosts"] });
    return {
      package: textOf(top.need("package"), { pattern: PACKAGE_NAME, expected: "the name of an npm package" }),
      hosts: maybe(top.get("hosts"), [], (hosts) => setOf(hosts, PLAIN_TEXT)),
      tools: mapOf(top.need("tools"), TOOL_NAME, toolOf),
    };
  });
}

function toolOf(node: SourceNode): ShippedTool {
  const tool = fields(node, { required: ["effect", "result"], optional: [...ROLES, "ids", "claimsChange"] });
  const result = fields(tool.need("result"), { required: ["trust"], optional: ["secret", "mode"] });
  return {
    effect: oneOf(tool.need("effect"), EFFECTS),
    roles: rolesOf(tool),
    ids: maybe(tool.get("ids"), [], (ids) => setOf(ids, PLAIN_TEXT)),
    trust: oneOf(result.need("trust"), ["owner", "system", "third-party"]),
    secret: maybe(result.get("secret"), false, flagOf),
    mode: maybe(result.get("mode"), "inline", (mode) => oneOf(mode, ["inline", "handle"])),
    claimsChange: maybe(tool.get("claimsChange"), false, flagOf),
  };
}

function rolesOf(tool: Fields): Readonly<Record<string, ArgumentRole>> {
  const roles = new Map<string, ArgumentRole>();
  for (const role of ROLES) {
    const list = tool.get(role);
    if (list === undefined) continue;
    for (const name of setOf(list, PLAIN_TEXT)) {
      if (roles.has(name)) report(list, { code: "duplicate", message: `the argument '${name}' has two roles.` });
      roles.set(name, role);
    }
  }
  return Object.fromEntries(roles);
}
