// The secrets room's public names.

export { openSecrets } from "./secrets.ts";
export type { Secrets } from "./secrets.ts";
export { openSigner } from "./signer.ts";
export type { Signer } from "./signer.ts";
