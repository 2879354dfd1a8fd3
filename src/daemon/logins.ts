// The owner's logins at remote servers, with what the daemon has for them: the sealed place, the ledger, the policy.

import type { PermitConnection } from "../kernel/index.ts";
import { loginNeeded, openLogins, type Logins } from "../gateway/index.ts";
import type { StackServer } from "../manifest/index.ts";
import type { HttpAuthorization } from "../mcp/index.ts";
import type { DaemonState } from "./state.ts";

export const LOGIN_PURPOSE = "login";

export function loginsOf(state: DaemonState, permit: PermitConnection, redirectUri: () => string): Logins {
  const { clock, random, secrets, active } = state;
  return openLogins({
    clock,
    random,
    vault: secrets.logins,
    settings: (server) => active().stack.servers[server]?.oauth ?? null,
    secret: (name) => secrets.get(name),
    redirectUri,
    permit,
  });
}

interface Access {
  readonly authorization?: HttpAuthorization;
  readonly secretValues?: Readonly<Record<string, string>>;
}

/**
 * A first look at a remote server uses the login that the owner made for its name and address, and the secrets that the
 * owner named for its headers: it runs nothing here, and shows nothing without them. Faults: `server.login-needed`.
 */
export async function withLogin<T>(
  { logins, secret }: { readonly logins: Logins; readonly secret: (name: string) => Promise<string | null> },
  { name, server }: { readonly name: string; readonly server: StackServer },
  look: (access: Access) => Promise<T>,
): Promise<T> {
  const source = server.source ?? "";
  if (!/^https?:/.test(source)) return look({});
  const secretValues: Record<string, string> = {};
  for (const [header, reference] of Object.entries(server.secrets)) {
    const value = await secret(reference.replace(/^secret:/, ""));
    if (value !== null) secretValues[header] = value;
  }
  try {
    return await look({ authorization: logins.authorization(name, source), secretValues });
  } catch (error) {
    const needed = logins.needsLogin(name);
    if (needed === null) throw error;
    throw loginNeeded({ server: name, needed, url: source, cause: error });
  }
}
