// Turns the credentials of a connection and a request into a user. A client certificate is the connection's (TLS has
// verified it against the Kubernetes CA), a bearer token the request's. A wrong token is refused even when a
// certificate would do: the caller meant to be somebody else.
import { createHash, timingSafeEqual } from "node:crypto";
import { anonymousUser, authenticatedGroup, type UserInfo } from "./user.ts";

export const invalidTokenText = "invalid bearer token";

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

/** Whose token it is, for whom it is meant; or why it is nobody's. */
export type TokenAuthentication =
  | { readonly kind: "authenticated"; readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly kind: "refused"; readonly why: string };

/** Knows tokens that are signed rather than listed. */
export interface TokenVerifier {
  /** False: not of its making, so that nobody waits for it. */
  mayKnow(token: string): boolean;
  /** @param audiences one of them must be among those that the token is for */
  verify(token: string, audiences: readonly string[]): Promise<TokenAuthentication>;
}

export interface StaticToken {
  readonly token: string;
  readonly user: UserInfo;
}

export interface Authenticator {
  /** At once, but for signed tokens: their signature and the objects they are bound to are looked at. */
  authenticate(credentials: Credentials): Authentication | Promise<Authentication>;
  /** @param audiences for whom the token must be meant; empty: for this server */
  authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAuthentication>;
}

export interface AuthenticatorOptions {
  readonly tokens: readonly StaticToken[];
  readonly verifier?: TokenVerifier;
  /** What this server calls itself in tokens. Static tokens are for exactly these. */
  readonly audiences?: readonly string[];
}

export function createAuthenticator({ tokens, verifier, audiences: own = [] }: AuthenticatorOptions): Authenticator {
  const known = tokens.map(({ token, user }) => ({ digest: digestOf(token), user: withAuthenticated(user) }));

  const userOfToken = (token: string): UserInfo | undefined => {
    const digest = digestOf(token);
    let found: UserInfo | undefined;
    for (const one of known) if (timingSafeEqual(one.digest, digest)) found ??= one.user;
    return found;
  };
  const bySignature = async (signed: TokenVerifier, token: string): Promise<Authentication> => {
    const result = await signed.verify(token, own);
    return result.kind === "refused" ? result : { kind: "authenticated", user: withAuthenticated(result.user) };
  };

  return {
    authenticate: ({ certificate, authorization }) => {
      const token = authorization === undefined ? undefined : bearerToken(authorization);
      if (token !== undefined) {
        const user = userOfToken(token);
        if (user !== undefined) return { kind: "authenticated", user };
        return verifier?.mayKnow(token) === true ? bySignature(verifier, token) : { kind: "refused" };
      }
      if (certificate === "untrusted") return { kind: "refused" };
      if (certificate !== undefined && certificate.commonName !== "") {
        const user = { name: certificate.commonName, uid: "", groups: certificate.organizations };
        return { kind: "authenticated", user: withAuthenticated(user) };
      }
      return { kind: "anonymous", user: anonymousUser };
    },
    authenticateToken: async (token, audiences) => {
      const wanted = audiences.length === 0 ? own : audiences;
      const user = userOfToken(token);
      if (user !== undefined) {
        const shared = own.filter((audience) => wanted.includes(audience));
        if (shared.length > 0 || own.length === 0) return { kind: "authenticated", user, audiences: shared };
      }
      if (user !== undefined || verifier?.mayKnow(token) !== true) return { kind: "refused", why: invalidTokenText };
      const result = await verifier.verify(token, wanted);
      return result.kind === "refused" ? result : { ...result, user: withAuthenticated(result.user) };
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
