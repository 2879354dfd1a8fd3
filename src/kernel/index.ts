// The kernel's public names. Nothing here does I/O.

export { capAccount, CAPS, capsOn, NO_CAPS } from "./caps.ts";
export type { CapName, Caps } from "./caps.ts";
export { EFFECTS, hasEgress, pinState, roleOf, underServer } from "./cards.ts";
export type { ArgumentRole, Effect, ToolCard, Undo } from "./cards.ts";
export { CLAUSES, decide } from "./decide.ts";
export type { Answer, ClauseAnswer, ClauseId, Decide, Decision, Facts, SessionFacts } from "./decide.ts";
export { extract } from "./extract.ts";
export type { Extracted, ExtractType } from "./extract.ts";
export { assert, Fault, reasonOf, unreachable } from "./fault.ts";
export { canonical, digestOf, isObject, objectFrom, parseStrict, sha256, textAt } from "./json.ts";
export type { Digest, JsonObject, JsonValue } from "./json.ts";
export { CLEAN, covers, isTainted, join, outside } from "./labels.ts";
export type { Integrity, Label } from "./labels.ts";
export { checkEntry, commit, EMPTY_TREE, ENTRY_KINDS, GENESIS, grow, headText, seal, treeRoot } from "./ledger.ts";
export type { EntryBody, EntryKind, Head, LedgerEntry, Tree } from "./ledger.ts";
export { modelFault } from "./models.ts";
export type { Dialect, ModelRequest, Place, Sources } from "./models.ts";
export type { EndReason, ModelAnswer, ModelCall, ModelEvent, ModelRefusal, ModelUsage } from "./models.ts";
export { pinOf, COMPLETION, PROMPTS, RESOURCES, surfaceRoot } from "./pins.ts";
export { issuePermit } from "./permits.ts";
export type { Permit } from "./permits.ts";
export type {
  Answered,
  Caller,
  Door,
  DoorAnswer,
  DoorRequest,
  OwnerAnswer,
  OwnerPresence,
  OwnersDoor,
} from "./ports.ts";
export type { Clock, PermitConnection, Random, Reservation, SandboxSpec, Sign, Surface } from "./ports.ts";
export { beginRequest, endorse, noProvenance, noteResult, propose } from "./provenance.ts";
export type { Provenance } from "./provenance.ts";
export { hasFewRights, PRINCIPAL_KINDS, principalFrom, principalText } from "./principals.ts";
export type { Principal } from "./principals.ts";
export { bindingDigest, isExpired, QUESTION_STATES, questionId, step } from "./questions.ts";
export type { Binding, Question, QuestionEvent, QuestionState, Step } from "./questions.ts";
export { allows, denies, fitOf, indexRules } from "./rules.ts";
export type { ArgumentMatch, Rule, RuleCall, RuleIndex } from "./rules.ts";
export { readJson } from "./read-json.ts";
export { isLookalike, oneLine, reveal, revealJson } from "./shown.ts";
export { agree, CALLS_MAX, spend, TASK, taskArgs, taskFrom } from "./task.ts";
export type { ForeseenCall, Task } from "./task.ts";
export { isInWords, ownerWords, pointersIn } from "./words.ts";
