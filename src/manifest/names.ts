// The patterns of names and values that stand in the stack home's files, each with its words for a message.

export const NAME = {
  pattern: /^(?!constructor$)[a-z0-9][a-z0-9-]{0,30}$/,
  expected: "a name of lower-case letters, digits and '-' (at most 31)",
} as const;

/** `freehold` names the product's own tools on the wire, `memory-…` what it remembers of each compartment. */
export const SERVER_NAME = {
  pattern: /^(?!constructor$|freehold$|memory-)[a-z0-9][a-z0-9-]{0,30}$/,
  expected: "a name of lower-case letters, digits and '-' (at most 31), and not 'freehold' or 'memory-…'",
} as const;

/** As servers serve it; what the protocol's specification advises, and '/'. */
export const TOOL_NAME = {
  pattern: /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/,
  expected: "a tool's name of letters, digits and _ . / - (at most 128)",
} as const;

export const FULL_TOOL = {
  pattern: /^[a-z0-9][a-z0-9-]{0,30}\.(?:[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}|@resources|@prompts|@completion)$/,
  expected: "a tool such as files.write_file",
} as const;

export const SECRET_REFERENCE = {
  pattern: /^secret:[a-z0-9][a-z0-9-]{0,62}$/,
  expected: "a reference such as secret:mail",
} as const;

export const ENV_NAME = {
  pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/,
  expected: "the name of an environment variable, header or field",
} as const;

export const DIGEST = { pattern: /^[0-9a-f]{64}$/, expected: "64 hexadecimal digits" } as const;

export const INTEGRITY = {
  pattern: /^sha512-[A-Za-z0-9+/]{86}==$/,
  expected: "a sha512 integrity such as sha512-…==",
} as const;

/** Exact versions only: a range would let another program in unseen. */
export const VERSION = {
  pattern: /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]{1,64})?(?:\+[0-9A-Za-z.-]{1,64})?$/,
  expected: "an exact version such as 1.2.3",
} as const;

export const PACKAGE_NAME = /^(?:@[a-z0-9~][a-z0-9._~-]{0,100}\/)?[a-z0-9~][a-z0-9._~-]{0,213}$/;

// oxlint-disable-next-line no-control-regex -- a name shown to the owner holds none
export const PLAIN_TEXT = { pattern: /^[^\0-\u001f\u007f]+$/, expected: "a text on one line" } as const;

export const CONNECTORS = ["mail", "calendar", "tasks", "files", "feeds", "devices", "health", "web"] as const;
