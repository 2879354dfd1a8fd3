import assert from "node:assert/strict";
import { test } from "node:test";
import {
  surfaceRoot,
  type Door,
  type DoorRequest,
  type JsonObject,
  type OwnersDoor,
  type Surface,
} from "../kernel/index.ts";
import { formatCardFile, formatLock, loadPolicy, pinsOf } from "../manifest/index.ts";
import type { RpcReply, Served } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { openEndpoint, type EndpointParts } from "./endpoint.ts";
import { activate, type ActivePolicy } from "./policy.ts";

const PSEUDO = ["completion", "prompts", "resources"];

/** One server with so many tools, two prompts, a resource and a template. */
function policyOf(tools: number, pseudo: readonly string[] = PSEUDO): ActivePolicy {
  const surface: Surface = {
    protocol: "2025-11-25",
    instructions: null,
    serverInfo: {},
    capabilities: { resources: { subscribe: true }, prompts: {}, completions: {} },
    tools: Array.from({ length: tools }, (_, at): JsonObject => ({ name: `t${at}`, inputSchema: { type: "object" } })),
    prompts: [{ name: "greet" }, { name: "part" }],
    resources: [{ uri: "note://a", name: "a" }],
    templates: [{ uriTemplate: "note://by/{id}", name: "by" }],
  };
  const result = { trust: "third-party", compartments: ["family"], secret: false, mode: "inline" } as const;
  const cards = Object.fromEntries(
    [...pinsOf("s", surface)]
      .filter(([tool]) => !tool.includes("@") || pseudo.some((name) => tool === `s.@${name}`))
      .map(([tool, pin]) => [tool, { tool, effect: "read" as const, result, roles: {}, ids: [], pin }]),
  );
  const place = { source: "https://s.example/mcp", kind: "remote", version: null, integrity: null } as const;
  const locked = { ...place, tree: null, command: [], surface, surfaceRoot: surfaceRoot(surface) };
  return activate(
    loadPolicy({
      "stack.yaml": `version: 1
owner: { name: Ada }
compartments: { family: {} }
servers:
  s: { source: "https://s.example/mcp", compartment: family }
clients: { c: { compartments: [family] } }
`,
      "stack.lock": formatLock({ version: 1, servers: { s: locked } }),
      "cards/s.yaml": formatCardFile({ server: "s", cards }),
    }),
  );
}

interface Gateway {
  readonly requests: DoorRequest[];
  policy: ActivePolicy;
  ask(method: string, params?: JsonObject): Promise<RpcReply>;
}

function gatewayOf(first: ActivePolicy): Gateway {
  const requests: DoorRequest[] = [];
  const label = { compartments: ["family"], integrity: "third-party", secret: false } as const;
  const door: Pick<Door, "call"> = {
    async call(request) {
      requests.push(request);
      return { kind: "result", request: "r", result: { completion: { values: ["x"] } }, label };
    },
  };
  const respond = openEndpoint({
    door: door as OwnersDoor,
    store: {} as EndpointParts["store"],
    clock: { nowMs: () => 0 },
    policy: () => gateway.policy,
  });
  const identity: ClientIdentity = { principal: { kind: "client", name: "c" }, key: "k" };
  const wire = { id: "w", era: "legacy", protocol: "2025-11-25", clientInfo: {}, capabilities: {} } as const;
  const gateway: Gateway = {
    requests,
    policy: first,
    ask(method, params = {}) {
      const call: Served<ClientIdentity> = {
        identity,
        wire,
        method,
        params,
        signal: new AbortController().signal,
        logLevel: null,
        tell: () => undefined,
        ask: async () => ({ kind: "error", code: -32_601, message: "no" }),
      };
      return respond(call);
    },
  };
  return gateway;
}

function result(reply: RpcReply): JsonObject {
  assert.equal(reply.kind, "result", JSON.stringify(reply));
  return reply.kind === "result" ? reply.result : {};
}

test("a long list comes in pages that hold each tool once", async () => {
  const gateway = gatewayOf(policyOf(1_100));
  const names: unknown[] = [];
  let cursor: JsonObject = {};
  for (let page = 0; page < 3; page += 1) {
    const { tools, nextCursor } = result(await gateway.ask("tools/list", cursor));
    if (Array.isArray(tools)) names.push(...tools.map((tool) => JSON.stringify(tool)));
    assert.equal(nextCursor === undefined, page === 2);
    cursor = nextCursor === undefined ? {} : { cursor: nextCursor };
  }
  assert.equal(new Set(names).size, 1_101);
});

test("a cursor of another list's version, and one that is made up, is refused", async () => {
  const gateway = gatewayOf(policyOf(600));
  const { nextCursor = null } = result(await gateway.ask("tools/list"));
  gateway.policy = policyOf(601);
  for (const cursor of [nextCursor, "x", 5, "../../etc", `${gateway.policy.digest.slice(0, 16)}-99999999`]) {
    const reply = await gateway.ask("tools/list", { cursor });
    assert.equal(reply.kind === "error" ? reply.code : null, -32_602, JSON.stringify(cursor));
  }
});

test("completion goes to the server of the prompt or the template, under its own name", async () => {
  const gateway = gatewayOf(policyOf(0));
  const argument = { name: "id", value: "1" };
  await gateway.ask("completion/complete", { ref: { type: "ref/prompt", name: "s__greet" }, argument });
  const template = { type: "ref/resource", uri: "note://by/{id}" };
  await gateway.ask("completion/complete", { ref: template, argument, context: { arguments: {} } });
  assert.deepEqual(
    gateway.requests.map(({ tool, args }) => [tool, args]),
    [
      ["s.@completion", { ref: { type: "ref/prompt", name: "greet" }, argument }],
      ["s.@completion", { ref: template, argument, context: { arguments: {} } }],
    ],
  );
});

test("without an accepted card nothing is completed, and no server hears of it", async () => {
  const gateway = gatewayOf(policyOf(0, ["prompts", "resources"]));
  const ref = { type: "ref/prompt", name: "s__greet" };
  const reply = await gateway.ask("completion/complete", { ref, argument: { name: "a", value: "b" } });
  assert.deepEqual(result(reply), { completion: { values: [], hasMore: false } });
  assert.deepEqual(gateway.requests, []);
});

test("what is not in the view is refused, and a resource is named in the refusal", async () => {
  const gateway = gatewayOf(policyOf(0));
  const cases: readonly (readonly [string, JsonObject])[] = [
    ["prompts/get", { name: "s__nothing" }],
    ["resources/read", { uri: "other://x" }],
    ["resources/subscribe", { uri: "other://x" }],
    ["completion/complete", { ref: { type: "ref/prompt", name: "nothing" }, argument: {} }],
    ["completion/complete", { ref: 1 }],
  ];
  for (const [method, params] of cases) {
    const reply = await gateway.ask(method, params);
    assert.equal(reply.kind === "error" ? reply.code : null, -32_602, method);
    if (params["uri"] !== undefined) assert.deepEqual(reply.kind === "error" ? reply.data : null, { uri: "other://x" });
  }
  assert.deepEqual(gateway.requests, []);
  assert.equal((await gateway.ask("tasks/list")).kind, "error");
});

test("watching a resource is a call of the resources' card; what cannot be watched is not asked for", async () => {
  const gateway = gatewayOf(policyOf(0));
  assert.deepEqual(result(await gateway.ask("resources/subscribe", { uri: "note://a" })), {});
  assert.deepEqual(gateway.requests[0]?.args, { uri: "note://a", watch: true });
  const { s } = gateway.policy.lock.servers;
  assert.ok(s !== undefined);
  const surface = { ...s.surface, capabilities: { resources: {} } };
  gateway.policy = { ...gateway.policy, lock: { version: 1, servers: { s: { ...s, surface } } } };
  assert.equal((await gateway.ask("resources/subscribe", { uri: "note://a" })).kind, "error");
  assert.equal(gateway.requests.length, 1);
});
