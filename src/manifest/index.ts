// The manifest's public names: the stack home's files, parsed strictly, compared and edited.

export { PLAIN_VIEW, VIEWS } from "./client-view.ts";
export type { ClientView } from "./client-view.ts";
export { cardStates } from "./card-states.ts";
export type { CardsAgainst, CardState } from "./card-states.ts";
export { formatCardFile } from "./card-text.ts";
export { parseCards } from "./cards.ts";
export { checkPolicy } from "./check.ts";
export type { PolicyParts } from "./check.ts";
export type { Change } from "./diff-parts.ts";
export { ruleText } from "./diff-cards.ts";
export { diffPolicy } from "./diff.ts";
export { doubtsOf, draftCards, fittingDraft } from "./draft.ts";
export type { Doubts, DraftRequest } from "./draft.ts";
export { editRules, editStack } from "./edit.ts";
export type { RulesEdit, ServerDraft, StackEdit } from "./edit.ts";
export { expandPaths } from "./expand.ts";
export type { PathValues } from "./expand.ts";
export { holdText, quietText } from "./holds.ts";
export type { LaunchSpec } from "./launch-spec.ts";
export { EMPTY_LOCK, formatLock, parseLock } from "./lock.ts";
export { didYouMean, nearest } from "./nearest.ts";
export { cardsFile, isPolicyFile, loadPolicy, LOCK_FILE, policyDigest, RULES_FILE, STACK_FILE } from "./policy.ts";
export type { Policy, PolicyFiles } from "./policy.ts";
export { endOfWait, isQuiet, minuteOfDay } from "./quiet.ts";
export type { OwnersClock, QuietHours } from "./quiet.ts";
export { placeOf } from "./reading.ts";
export { parseRules } from "./rules.ts";
export { stackJsonSchema } from "./schema.ts";
export { SANDBOX_DEFAULT, splitNpm } from "./server.ts";
export { shippedFor } from "./shipped.ts";
export type { ShippedDraft, ShippedTool } from "./shipped.ts";
export { gitSource, packageSource, splitGit } from "./sources.ts";
export type { GitPlace } from "./sources.ts";
export { insertAt, removeAt } from "./splice.ts";
export { parseStack } from "./stack.ts";
export { starterRules, starterStack } from "./starter.ts";
export type { StarterOwner } from "./starter.ts";
export { pinsOf } from "./surface-pins.ts";
export { textDiff, unified } from "./text-diff.ts";
export { CANARY_DEFAULT_MS, COOLDOWN_DEFAULT_MS, cooldownText } from "./updates.ts";
export type { UpdateWay } from "./updates.ts";
export type {
  CardFile,
  LockedModel,
  LockedPackage,
  LockedServer,
  LockedSkill,
  LockedTree,
  LockedWheel,
  Stack,
  StackBudgets,
  StackClient,
  StackCompartment,
  StackLock,
  StackModel,
  StackOAuth,
  StackOwner,
  StackPrice,
  StackRemote,
  StackSandbox,
  StackServer,
  StackSkill,
} from "./types.ts";
