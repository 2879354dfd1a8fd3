// Control's side in the owner's own process: other programs' files belong to the owner, not to the daemon.

export {
  applyEdit,
  CLIENT_IDS,
  connectClient,
  disconnectClient,
  findClients,
  planAdopt,
  preAllow,
  readJournal,
  readServers,
  shimOf,
  shimText,
  summary,
  undoEdits,
} from "../clients/index.ts";
export type {
  Adopted,
  AdoptPlan,
  ClientConfig,
  ClientId,
  ConfigEdit,
  FoundServer,
  Places,
  Shim,
} from "../clients/index.ts";
