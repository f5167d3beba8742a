import { AuthError, cluster, nobody, type Identity } from "@triarch/etcd-auth";
import type { ReplicatedAuth } from "./replicated-auth.ts";
import type { TokenReader } from "./tokens.ts";

/** What a client shows of itself: a token that it was given, or the common name of its certificate. */
export interface Credentials {
  readonly token?: string | undefined;
  /** Looked at only when there is no token. */
  readonly commonName?: string | undefined;
}

/** Somebody in whose name requests are made. */
export interface Caller {
  /** As known now; ask anew for each attempt. @throws AuthError "invalidToken" */
  identity(): Identity;
}

/** This process: the API server's requests, and the store's own work. */
export function clusterCaller(auth: ReplicatedAuth): Caller {
  // The log says who asks only while somebody looks.
  return { identity: () => (auth.store.enabled ? cluster : nobody) };
}

export function clientCaller(auth: ReplicatedAuth, tokens: TokenReader, credentials: Credentials): Caller {
  const { token, commonName } = credentials;
  return {
    identity: () => {
      if (!auth.store.enabled) return nobody;
      if (token !== undefined) return identityOfToken(tokens, token);
      if (commonName === undefined || commonName === "") return nobody;
      return { username: commonName, authRevision: auth.store.revision };
    },
  };
}

function identityOfToken(tokens: TokenReader, token: string): Identity {
  const identity = tokens.identityOf(token);
  if (identity === undefined) throw new AuthError({ code: "invalidToken" });
  return identity;
}
