// The clients' public names: other programs' configurations, read, changed and put back.

export { adoptEdits, planAdopt } from "./adopt.ts";
export type { Adopted, AdoptOptions, AdoptPlan, LeftAlone } from "./adopt.ts";
export { deleteBackup, plainTokens, sealBackup, unsealBackup } from "./backups.ts";
export { connectClient, preAllow, shimOf, shimText } from "./connect.ts";
export type { ConfigEdit, ConnectOptions, Step } from "./connect.ts";
export { findClients } from "./find.ts";
export type { ClientConfig } from "./find.ts";
export { CLIENT_IDS, formatOf } from "./formats.ts";
export type { ClientId, Places, Shim } from "./formats.ts";
export { applyEdit, isSealedBackup, planDisconnect, readJournal, undoEdits } from "./journal.ts";
export type { Disconnect, JournalEntry, Undone } from "./journal.ts";
export type { Launch } from "./launch.ts";
export { alsoThere } from "./openclaw.ts";
export type { AlsoThere } from "./openclaw.ts";
export { masked } from "./plain-secrets.ts";
export type { PlainSecret } from "./plain-secrets.ts";
export { readServers, summary } from "./servers.ts";
export type { FoundServer } from "./servers.ts";
