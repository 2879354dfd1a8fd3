// Who asks. The text form stands in rules, the ledger and questions.
// Invariant: principalFrom(principalText(x)) is x.

export const PRINCIPAL_KINDS = [
  "owner",
  "agent",
  "client",
  "automation",
  "child",
  "guest",
  "device",
  "server",
  "freehold",
] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

export interface Principal {
  readonly kind: PrincipalKind;
  /** Empty for the kinds of which there is one: owner, agent, freehold. */
  readonly name: string;
}

export function principalText(principal: Principal): string {
  return principal.name === "" ? principal.kind : `${principal.kind}:${principal.name}`;
}

/** These principals may do nothing, not even read, without a rule of the owner's. */
export function hasFewRights(principal: Principal): boolean {
  return ["child", "guest", "device", "server"].includes(principal.kind);
}

/** Reads the text form back; throws on what principalText never made. */
export function principalFrom(text: string): Principal {
  const colon = text.indexOf(":");
  const kind = PRINCIPAL_KINDS.find((known) => known === (colon === -1 ? text : text.slice(0, colon)));
  if (kind === undefined) throw new Error(`Bug: no principal ${JSON.stringify(text)}`);
  return { kind, name: colon === -1 ? "" : text.slice(colon + 1) };
}
