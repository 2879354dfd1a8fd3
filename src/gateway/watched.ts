// A policy in which nothing of some servers runs by a standing permission: they were given other code a moment ago.

import type { Policy, Stack } from "../manifest/index.ts";

/** Bans stay, and so does what the owner says yes to or asks for in their own words. */
export function withoutStanding(policy: Policy, watched: readonly string[]): Policy {
  if (watched.length === 0) return policy;
  const serverOf = (tool: string): string => tool.slice(0, Math.max(0, tool.indexOf(".")));
  const rules = policy.rules.filter(({ answer, tool }) => answer === "deny" || !watched.includes(serverOf(tool)));
  return { ...policy, rules, stack: asking(policy.stack, watched) };
}

/** What can be undone is asked about too, in the compartments of these servers. */
function asking(stack: Stack, watched: readonly string[]): Stack {
  const held = new Set(watched.map((server) => stack.servers[server]?.compartment ?? ""));
  const compartments = Object.entries(stack.compartments).map(([name, compartment]) => {
    return [name, held.has(name) ? { ...compartment, reversible: "ask" as const } : compartment] as const;
  });
  return { ...stack, compartments: Object.fromEntries(compartments) };
}
