// Tokens of service accounts: JWTs signed with the cluster's key. Every master has the same key, so each accepts what
// another issued. A token is good for as long as its time, its account and the object it is bound to last.
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { Clock } from "@triarch/base";
import { decodeJwt, errors, exportJWK, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { invalidTokenText, type TokenAuthentication, type TokenVerifier } from "./authenticate.ts";
import { serviceAccountsGroup, serviceAccountUserName, type UserInfo } from "./user.ts";

export type BoundObjectKind = "ServiceAccount" | "Pod" | "Secret" | "Node";

export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** Looks up what tokens are bound to. */
export interface BoundObjects {
  /** Undefined: there is none. `deletedAtMs`: when it is or was to go, undefined while nobody deletes it. */
  find(
    kind: BoundObjectKind,
    namespace: string,
    name: string,
  ): Promise<{ readonly uid: string; readonly deletedAtMs: number | undefined } | undefined>;
}

/** What a token says beside its times. */
export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: BoundObject;
  readonly audiences: readonly string[];
  /** How long it is accepted. */
  readonly lifetimeSeconds: number;
  /** After so long its user should have fetched another. */
  readonly warnAfterSeconds?: number;
}

export interface ServiceAccountTokensOptions {
  /** PKCS#8 PEM, P-256 or RSA. */
  readonly signingKeyPem: string;
  readonly issuer: string;
  readonly clock: Clock;
  readonly objects: BoundObjects;
  readonly newId: () => string;
}

export interface ServiceAccountTokens extends TokenVerifier {
  readonly issuer: string;
  /** @returns the signed token and its id, which audit logs show */
  issue(claims: TokenClaims): Promise<string>;
  /** The discovery document of OpenID Connect, so that others can verify our tokens. */
  openIdConfiguration(jwksUri: string): object;
  /** The public keys, as a JSON Web Key Set. */
  jwks(): Promise<object>;
}

/** Clocks of masters may differ by this much; also how long a token outlives what it is bound to. */
const leewaySeconds = 60;
/** Tokens whose signature was checked and is not checked again; past it the oldest is forgotten. */
export const verifiedTokensMax = 4_096;
const claimsKey = "kubernetes.io";

interface StoredClaims {
  readonly namespace: string;
  readonly serviceaccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: BoundObject;
  readonly warnafter?: number;
}

/** @throws Error for a key that can't sign such tokens */
export function serviceAccountTokens(options: ServiceAccountTokensOptions): ServiceAccountTokens {
  const { issuer, clock, objects } = options;
  const key = signingKey(options.signingKeyPem);
  const verified = new VerifiedTokens(key, issuer, clock);
  return {
    issuer,
    issue: (claims) => sign(options, key, claims),
    mayKnow: (token) => issuerOf(token) === issuer,
    verify: async (token, audiences) => {
      try {
        const payload = await verified.payloadOf(token);
        const accepted = [payload.aud ?? []].flat().filter((audience) => audiences.includes(audience));
        if (accepted.length === 0) {
          return refused(
            `token audiences ${JSON.stringify(payload.aud)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
          );
        }
        const claims = payload[claimsKey] as StoredClaims;
        const gone = await findGone(objects, claims, clock.nowMs());
        return gone === undefined
          ? { kind: "authenticated", user: userOf(claims, payload), audiences: accepted }
          : refused(gone);
      } catch (error) {
        if (error instanceof errors.JWTExpired) return refused("service account token has expired");
        if (error instanceof errors.JOSEError) return refused(error.message);
        throw error;
      }
    },
    openIdConfiguration: (jwksUri) => ({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [key.algorithm],
    }),
    jwks: async () => ({
      keys: [{ use: "sig", ...(await exportJWK(key.publicKey)), kid: key.id, alg: key.algorithm }],
    }),
  };
}

interface SigningKey {
  readonly id: string;
  readonly algorithm: "ES256" | "RS256";
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const type = privateKey.asymmetricKeyType;
  const isP256 = privateKey.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (type !== "rsa" && !isP256) throw new Error("the key for service account tokens must be P-256 or RSA");
  const der = publicKey.export({ type: "spki", format: "der" });
  const id = createHash("sha256").update(der).digest("base64url");
  return { id, algorithm: type === "rsa" ? "RS256" : "ES256", privateKey, publicKey };
}

async function sign(
  { issuer, clock, newId }: ServiceAccountTokensOptions,
  key: SigningKey,
  claims: TokenClaims,
): Promise<string> {
  const { namespace, serviceAccount, pod, secret, node, audiences, lifetimeSeconds, warnAfterSeconds } = claims;
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const stored: StoredClaims = {
    namespace,
    serviceaccount: serviceAccount,
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    ...(node === undefined ? {} : { node }),
    ...(warnAfterSeconds === undefined ? {} : { warnafter: nowSeconds + warnAfterSeconds }),
  };
  return new SignJWT({ [claimsKey]: stored })
    .setProtectedHeader({ alg: key.algorithm, kid: key.id })
    .setAudience([...audiences])
    .setIssuer(issuer)
    .setSubject(serviceAccountUserName(namespace, serviceAccount.name))
    .setJti(newId())
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds)
    .sign(key.privateKey);
}

/** Who claims to have made the token; nothing is verified. Undefined: it is no JWT. */
function issuerOf(token: string): string | undefined {
  if (token.split(".", 4).length !== 3) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Signatures cost much more than look-ups: each token's is checked once, its times each time. */
class VerifiedTokens {
  readonly #key: SigningKey;
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #payloads = new Map<string, JWTPayload>();

  constructor(key: SigningKey, issuer: string, clock: Clock) {
    this.#key = key;
    this.#issuer = issuer;
    this.#clock = clock;
  }

  /** @throws errors.JOSEError */
  async payloadOf(token: string): Promise<JWTPayload> {
    const digest = createHash("sha256").update(token).digest("base64");
    const known = this.#payloads.get(digest);
    if (known !== undefined) return this.#stillValid(known, digest);
    const { payload } = await jwtVerify(token, this.#key.publicKey, {
      algorithms: [this.#key.algorithm],
      issuer: this.#issuer,
      currentDate: new Date(this.#clock.nowMs()),
      clockTolerance: leewaySeconds,
      requiredClaims: ["exp", "sub", claimsKey],
    });
    if (!isStoredClaims(payload[claimsKey])) throw new errors.JWTInvalid("the token is of no service account");
    for (const oldest of this.#payloads.keys()) {
      if (this.#payloads.size < verifiedTokensMax) break;
      this.#payloads.delete(oldest);
    }
    this.#payloads.set(digest, payload);
    return payload;
  }

  #stillValid(payload: JWTPayload, digest: string): JWTPayload {
    if ((payload.exp ?? 0) + leewaySeconds > this.#clock.nowMs() / 1000) return payload;
    this.#payloads.delete(digest);
    throw new errors.JWTExpired("the token has expired", payload);
  }
}

function isStoredClaims(value: unknown): value is StoredClaims {
  if (typeof value !== "object" || value === null) return false;
  const { namespace, serviceaccount } = value as Partial<StoredClaims>;
  return typeof namespace === "string" && typeof serviceaccount?.name === "string";
}

/** @returns what is gone, or undefined when all that the token depends on is there */
async function findGone(objects: BoundObjects, claims: StoredClaims, nowMs: number): Promise<string | undefined> {
  const { namespace, serviceaccount, pod, secret, node } = claims;
  const bound: readonly (readonly [BoundObjectKind, string, BoundObject | undefined])[] = [
    ["ServiceAccount", namespace, serviceaccount],
    ["Secret", namespace, secret],
    ["Pod", namespace, pod],
    // A pod's token names its node for information; a token bound to a node alone depends on it.
    ["Node", "", pod === undefined ? node : undefined],
  ];
  for (const [kind, where, wanted] of bound) {
    if (wanted === undefined) continue;
    const found = await objects.find(kind, where, wanted.name);
    const isGone = found?.deletedAtMs !== undefined && found.deletedAtMs < nowMs - leewaySeconds * 1000;
    if (found === undefined || isGone || found.uid !== wanted.uid) return "service account token has been invalidated";
  }
  return undefined;
}

function userOf({ namespace, serviceaccount, pod, node }: StoredClaims, { jti }: JWTPayload): UserInfo {
  const extra: Record<string, readonly string[]> = {};
  const say = (what: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") extra[`authentication.kubernetes.io/${what}`] = [value];
  };
  say("credential-id", jti === undefined ? undefined : `JTI=${jti}`);
  say("pod-name", pod?.name);
  say("pod-uid", pod?.uid);
  say("node-name", node?.name);
  say("node-uid", node?.uid);
  return {
    name: serviceAccountUserName(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: [serviceAccountsGroup, `${serviceAccountsGroup}:${namespace}`],
    extra,
  };
}

function refused(why: string): TokenAuthentication {
  return { kind: "refused", why: `[${invalidTokenText}, ${why}]` };
}
