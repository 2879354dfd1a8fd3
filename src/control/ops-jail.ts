// Connections of programs that the owner started jailed: their proxy runs in the owner's terminal and asks here first,
// so that each leaves a ledger entry and none is made while everything is stopped.

import { oneLine, type OwnersDoor } from "../kernel/index.ts";
import { maybeNumber, text } from "./input.ts";
import type { Operation } from "./operation.ts";

export function jailOperations({ door }: { readonly door: OwnersDoor }): readonly Operation[] {
  return [
    {
      name: "jail.connect",
      needsOwner: false,
      async run(input) {
        const principal = `client:${oneLine(text(input, "client"), 40)}`;
        const host = oneLine(text(input, "host"), 255);
        const port = maybeNumber(input, "port") ?? 0;
        return { allowed: door.connect({ principal, purpose: "jailed", host, port }) };
      },
    },
  ];
}
