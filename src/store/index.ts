// The store's public names.

export type { AnswerRow, Answers } from "./answers.ts";
export type { Budgets, Claim } from "./budgets.ts";
export { carryBack } from "./carry-back.ts";
export type { CarriedBack, CarryBack } from "./carry-back.ts";
export { copyForTrial, goBackToOwnSchema, previewCarryBack } from "./copies.ts";
export type { LeftState } from "./copies.ts";
export { newToken, tokenHash } from "./clients.ts";
export type { ClientRow, Clients } from "./clients.ts";
export type { EntryQuery } from "./entry-rows.ts";
export type { HandleRow, Handles } from "./handles.ts";
export type { Ledger, NewEntry, SignedHead } from "./ledger.ts";
export type { Permits, SpentPermit } from "./permits.ts";
export { schemaOf } from "./migrate.ts";
export { alikeKey } from "./questions.ts";
export type { Questions } from "./questions.ts";
export { SCHEMA_VERSION } from "./schema.ts";
export type { SessionRow, Sessions } from "./sessions.ts";
export type { Settings } from "./settings.ts";
export { openStore } from "./store.ts";
export type { Store, StoreOptions } from "./store.ts";
export type { TurnRow, Turns } from "./turns.ts";
export type { UndoRow, Undos } from "./undos.ts";
export { verifyLedger } from "./verify.ts";
export type { VerifyOptions, VerifyReport } from "./verify.ts";
