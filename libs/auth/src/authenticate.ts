// Turns the credentials of a connection and a request into a user. A client certificate is the connection's (TLS has
// verified it against the Kubernetes CA), a bearer token the request's. A wrong token is refused even when a
// certificate would do: the caller meant to be somebody else.
import { createHash, timingSafeEqual } from "node:crypto";
import { anonymousUser, authenticatedGroup, type UserInfo } from "./user.ts";

/** The subject of a client certificate that TLS has verified. */
export interface CertificateSubject {
  /** Subject CN: the user's name. */
  readonly commonName: string;
  /** Subject O, each a group. */
  readonly organizations: readonly string[];
}

export interface Credentials {
  /** "untrusted": one was shown that the authority did not sign, or whose time is over. */
  readonly certificate: CertificateSubject | "untrusted" | undefined;
  /** The `Authorization` header as sent. */
  readonly authorization: string | undefined;
}

export type Authentication =
  | { readonly kind: "authenticated"; readonly user: UserInfo }
  /** No credentials at all. What an anonymous user may do is the authorizer's to say. */
  | { readonly kind: "anonymous"; readonly user: UserInfo }
  | { readonly kind: "refused" };

export interface StaticToken {
  readonly token: string;
  readonly user: UserInfo;
}

export interface Authenticator {
  authenticate(credentials: Credentials): Authentication;
}

export function createAuthenticator(options: { readonly tokens: readonly StaticToken[] }): Authenticator {
  const tokens = options.tokens.map(({ token, user }) => ({ digest: digestOf(token), user: withAuthenticated(user) }));

  const userOfToken = (token: string): UserInfo | undefined => {
    const digest = digestOf(token);
    let found: UserInfo | undefined;
    for (const one of tokens) if (timingSafeEqual(one.digest, digest)) found ??= one.user;
    return found;
  };

  return {
    authenticate: ({ certificate, authorization }) => {
      const token = authorization === undefined ? undefined : bearerToken(authorization);
      if (token !== undefined) {
        const user = userOfToken(token);
        return user === undefined ? { kind: "refused" } : { kind: "authenticated", user };
      }
      if (certificate === "untrusted") return { kind: "refused" };
      if (certificate !== undefined && certificate.commonName !== "") {
        const user = { name: certificate.commonName, uid: "", groups: certificate.organizations };
        return { kind: "authenticated", user: withAuthenticated(user) };
      }
      return { kind: "anonymous", user: anonymousUser };
    },
  };
}

/** The token of a `Bearer` header; undefined for other schemes and for an empty token, as in Kubernetes. */
function bearerToken(authorization: string): string | undefined {
  const parts = authorization.trim().split(" ");
  if (parts.length < 2 || parts[0]?.toLowerCase() !== "bearer") return undefined;
  const token = parts[1] ?? "";
  return token === "" ? undefined : token;
}

function withAuthenticated(user: UserInfo): UserInfo {
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

/** Digests have one length, so that the comparison takes the same time whatever was sent. */
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
