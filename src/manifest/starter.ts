// The first stack.yaml and rules.yaml of a new stack home. They grant nothing.

import { stringify } from "yaml";

export interface StarterOwner {
  readonly name: string;
  readonly timezone: string;
  /** Units of the currency for one US dollar; model prices are in dollars. */
  readonly currency: { readonly code: string; readonly usd: number };
}

export function starterStack(owner: StarterOwner): string {
  const quoted = (value: string): string =>
    stringify(value, { schema: "core", lineWidth: 0, defaultStringType: "QUOTE_DOUBLE" }).trim();
  const { code, usd } = owner.currency;
  return `# yaml-language-server: $schema=./stack.schema.json
# Your stack. Nothing here holds before you apply it: freehold plan shows what would change, freehold apply makes it so.
version: 1
owner: { name: ${quoted(owner.name)}, timezone: ${quoted(owner.timezone)}, currency: { code: ${code}, usd: ${usd} } }

# Parts of your life that stay apart. A compartment's data goes only to models on this machine, unless you name others.
compartments:
  personal: {}
  # work: { models: [local, cloud] }

# MCP servers. freehold add npm:NAME@VERSION --as NAME locks, reviews and adds one.
servers: {}
  # files:
  #   source: "npm:@modelcontextprotocol/server-filesystem@2026.1.14"
  #   args: ["\${home}/notes"]
  #   compartment: personal
  #   sandbox: { read: ["\${home}/notes"], write: [], network: none }

# Models, this machine's first.
models: {}
  # local: { speaks: openai-chat, url: "http://127.0.0.1:8080/v1", model: qwen3-4b, place: this-machine }
  # cloud:
  #   speaks: anthropic-messages
  #   model: exact-dated-id
  #   secret: "secret:anthropic"
  #   place: cloud
  #   fallbackFor: [local]

# Programs that may connect, and what each may be shown. freehold connect adds one.
clients: {}

# What models may cost, in ${code}.
budgets: { day: 1, month: 15, sessionTokens: 200k }
`;
}

export function starterRules(): string {
  return `# Your standing permissions and bans. A ban always wins; without a rule, Freehold asks.
# - id: notes
#   answer: allow
#   principals: [client:claude-code]
#   tool: files.write_file
#   args: { path: { under: /home/ada/notes }, content: any }
#   reason: "my notes"
#   expires: 2027-02-20
#   per-day: 20
# Matchers: any, { equals: a }, { one-of: [a, b] }, { under: /folder }, { domain: example.org }, { at-most: 5 }
rules: []
`;
}
