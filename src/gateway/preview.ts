// What the door would answer to a call whose arguments are strangers' words, after untrusted text was read.

import {
  decide,
  isObject,
  NO_CAPS,
  noProvenance,
  pinState,
  underServer,
  type Decision,
  type JsonObject,
  type Principal,
} from "../kernel/index.ts";
import { hasNetwork } from "./case.ts";
import { receiverClearance, type ActivePolicy } from "./policy.ts";

export interface PreviewCall {
  /** A stranger's value for each argument of the tool where they are left out. */
  readonly args?: JsonObject | undefined;
  readonly nowMs: number;
  readonly usesToday: (ruleId: string) => number;
}

/** Who asks, for which tool; when, how often so far and with what, where that matters. */
export function previewOf(
  policy: ActivePolicy,
  { principal, tool }: { readonly principal: Principal; readonly tool: string },
  { args, nowMs, usesToday }: PreviewCall,
): Decision {
  const server = tool.slice(0, tool.indexOf("."));
  const declared = policy.stack.servers[server];
  const written = policy.cards.get(tool);
  const card = written === undefined || declared === undefined ? null : underServer(written, declared.compartment);
  return decide({
    nowMs,
    stopped: false,
    principal,
    tool,
    args: args ?? strangersArguments(policy, tool),
    card,
    pin: pinState({ card: card?.pin ?? null, locked: policy.pins.get(tool) ?? null, running: null }),
    schemaFault: args === undefined ? null : (policy.tools.get(tool)?.check(args) ?? null),
    overBudget: null,
    caps: NO_CAPS,
    usedOf: () => 0,
    session: {
      label: { compartments: [], integrity: "third-party", secret: false },
      ...noProvenance(),
    },
    handles: { compartments: [], integrity: "owner", secret: false },
    sink: {
      compartments: declared === undefined ? [] : [declared.compartment],
      network: declared !== undefined && hasNetwork(declared),
    },
    receiver: receiverClearance(policy.stack, principal.kind, principal.name),
    rules: policy.rules,
    usesToday,
  });
}

function strangersArguments(policy: ActivePolicy, tool: string): JsonObject {
  const schema = policy.tools.get(tool)?.definition["inputSchema"];
  const properties = isObject(schema) ? schema["properties"] : undefined;
  return Object.fromEntries(
    Object.keys(isObject(properties) ? properties : {}).map((name) => [name, "a stranger's value"]),
  );
}
