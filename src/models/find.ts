// Engines on this machine, at the ports that they use when nobody says otherwise. Nothing is configured by finding.

import type { PermitConnection } from "../kernel/index.ts";
import { resolverFor } from "./addresses.ts";
import { withRunner } from "./ask-runner.ts";
import { runnerBehind, type RunnerSaid } from "./runners.ts";

export interface FoundRunner extends RunnerSaid {
  readonly url: string;
}

/** Ollama, LM Studio, llama.cpp's server. */
const USUAL_PORTS = [11_434, 1_234, 8_080];

/** `url` for one place that is known; only loopback addresses are asked. */
export async function findRunners(permit: PermitConnection, url: string | null): Promise<readonly FoundRunner[]> {
  const urls = url === null ? USUAL_PORTS.map((port) => `http://127.0.0.1:${port}/v1`) : [url];
  const found = await Promise.all(urls.map((one) => runnerAt(permit, one)));
  return found.filter((one) => one !== null);
}

/** Null also where nothing answers: looking around is no fault. */
async function runnerAt(permit: PermitConnection, url: string): Promise<FoundRunner | null> {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null;
  const address = { url: parsed, permit, resolve: resolverFor("this-machine"), key: null };
  const said = await withRunner(address, (line) => runnerBehind(line, null)).catch(() => null);
  // All of them answer programs below this path.
  const at = parsed.pathname === "/" ? new URL("/v1", parsed).href : url;
  return said === null ? null : { ...said, url: at };
}
