// Control's public names.

export { openCanaries } from "./canaries.ts";
export type { Canaries } from "./canaries.ts";
export { watchCanaries } from "./canary-watch.ts";
export type { CanaryWatch } from "./canary-watch.ts";
export { connectControl } from "./client.ts";
export type { ControlClient } from "./client.ts";
export type { ConsoleVisit, LoginLinks } from "./login-links.ts";
export { requireOwner } from "./operation.ts";
export type { Operation, OperationContext } from "./operation.ts";
export { allOperations } from "./operations.ts";
export type { OperationParts } from "./operations.ts";
export type { FreeholdParts, NextStart } from "./ops-freehold.ts";
export type { LockParts } from "./ops-lock.ts";
export type { ModelParts } from "./ops-models.ts";
export type { SkillParts } from "./ops-skills.ts";
export { LOGIN_PATH, loginCallback } from "./ops-logins.ts";
export type { LoginParts } from "./ops-logins.ts";
export type { ServerState } from "./ops-status.ts";
export type { UpdateParts } from "./ops-updates.ts";
export { ownerAuth } from "./owner-auth.ts";
export type { OwnerAuth, OwnerSession, Proof } from "./owner-auth.ts";
export { openPolicyState } from "./policy-state.ts";
export type { PolicyHistory, PolicyState, Proposal } from "./policy-state.ts";
export { startControl } from "./server.ts";
export { taskRows, together } from "./together.ts";
export type { Together } from "./together.ts";
export type { ControlOptions, ControlServer } from "./server.ts";
