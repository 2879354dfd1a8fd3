// How many of the scenarios that each revision requires the gateway passes: as a server, with the fixture behind it
// over stdio and over HTTP, and with its own client towards servers. A scenario counts when it passes over both.

import type { Bench } from "./lib.ts";
import { clientScenarios } from "./parts/conformance-client.ts";
import { openGateway, type Revision, type Upstream } from "./parts/conformance-server.ts";

const REVISIONS: readonly Revision[] = ["2025-11-25", "2026-07-28"];
const UPSTREAMS: readonly Upstream[] = ["stdio", "http"];

export const run: Bench = async ({ note }) => {
  const figures: Record<string, unknown> = {};
  for (const revision of REVISIONS) {
    const lost = new Set<string>();
    let required = 0;
    for (const upstream of UPSTREAMS) {
      const found = await through(upstream, revision);
      required = found.required;
      for (const line of found.failed) {
        note(`${revision} over ${upstream}: ${line}`);
        lost.add(line.slice(0, line.indexOf(":")));
      }
      note(`${revision} over ${upstream}: ${found.passed} of ${found.required}`);
    }
    const { failed, ...client } = await clientScenarios(revision);
    for (const line of failed) note(`${revision} as a client: ${line}`);
    figures[revision] = { passed: required - lost.size, required, ...client };
  }
  return figures;
};

async function through(upstream: Upstream, revision: Revision): ReturnType<typeof runOnce> {
  const endings: (() => unknown)[] = [];
  try {
    return await runOnce({ after: (fn) => void endings.push(fn) }, { upstream, revision });
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function runOnce(
  ending: Parameters<typeof openGateway>[0],
  { upstream, revision }: { readonly upstream: Upstream; readonly revision: Revision },
): ReturnType<Awaited<ReturnType<typeof openGateway>>["run"]> {
  const gateway = await openGateway(ending, upstream);
  return gateway.run(revision);
}
