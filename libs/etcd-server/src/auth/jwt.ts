import { constants, createHmac, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { systemClock, type Clock } from "@triarch/base";
import { cluster, type Identity } from "@triarch/etcd-auth";
import type { JwtAlgorithm, JwtOptions, TokenReader } from "./tokens.ts";

const ttlSecondsDefault = 300;

interface Claims {
  readonly username: string;
  readonly revision: number;
  /** Seconds since 1970. */
  readonly exp: number;
}

/** Signed tokens with etcd's claims: `username`, `revision`, `exp`. Source: RFC 7515, RFC 7518, etcd server/auth/jwt.go. */
export class Jwt implements TokenReader {
  readonly #options: JwtOptions;
  readonly #clock: Clock;
  readonly #publicKey: KeyObject | undefined;
  readonly #privateKey: KeyObject | undefined;

  /** @throws Error when a key is not readable, or not one for the algorithm */
  constructor(options: JwtOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    if (!isShared(options)) {
      this.#publicKey = createPublicKey(options.publicKey);
      this.#privateKey = options.privateKey === undefined ? undefined : createPrivateKey(options.privateKey);
      checkKey(options, this.#publicKey);
    }
  }

  /** @throws Error when this member has no private key */
  issue({ username, authRevision }: Identity): string {
    const exp = Math.floor(this.#clock.nowMs() / 1000) + (this.#options.ttlSeconds ?? ttlSecondsDefault);
    const claims: Claims = { username, revision: authRevision, exp };
    const signed = `${base64Json({ alg: this.#options.algorithm, typ: "JWT" })}.${base64Json(claims)}`;
    return `${signed}.${this.#sign(Buffer.from(signed)).toString("base64url")}`;
  }

  identityOf(token: string): Identity | undefined {
    const [header = "", body = "", signature = "", ...rest] = token.split(".");
    if (rest.length > 0 || !this.#verify(Buffer.from(`${header}.${body}`), Buffer.from(signature, "base64url"))) {
      return undefined;
    }
    // The header is the sender's word: what counts is the algorithm that this cluster uses.
    if (parse(header)?.["alg"] !== this.#options.algorithm) return undefined;
    const { username, revision, exp } = parse(body) ?? {};
    const whole = typeof username === "string" && typeof revision === "number" && typeof exp === "number";
    if (!whole || username === "" || exp * 1000 <= this.#clock.nowMs()) return undefined;
    if (!Number.isSafeInteger(revision) || revision === cluster.authRevision) return undefined;
    return { username, authRevision: revision };
  }

  neededIndex(): undefined {
    return undefined;
  }

  #sign(data: Buffer): Buffer {
    const { algorithm, privateKey } = this.#options;
    if (isShared(this.#options) && privateKey !== undefined) return hmac(algorithm, privateKey, data);
    if (this.#privateKey === undefined) throw new Error("auth: token signing attempted with verify-only key"); // etcd's text
    return sign(hashOf(algorithm), data, { key: this.#privateKey, ...signing(algorithm) });
  }

  #verify(data: Buffer, signature: Buffer): boolean {
    const { algorithm, publicKey } = this.#options;
    if (this.#publicKey !== undefined) {
      return verify(hashOf(algorithm), data, { key: this.#publicKey, ...signing(algorithm) }, signature);
    }
    const expected = hmac(algorithm, publicKey, data);
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  }
}

/** @throws Error when the keys are not readable, not for the algorithm, or do not belong together */
export function checkJwt(options: JwtOptions): void {
  const jwt = new Jwt(options, systemClock);
  if (options.privateKey === undefined) return;
  const token = jwt.issue({ username: "check", authRevision: 1 });
  if (jwt.identityOf(token) === undefined) throw new Error("the public key is not that of the private key");
}

function isShared({ algorithm }: JwtOptions): boolean {
  return algorithm.startsWith("HS");
}

function checkKey({ algorithm }: JwtOptions, key: KeyObject): void {
  const wanted = algorithm === "EdDSA" ? "ed25519" : algorithm.startsWith("ES") ? "ec" : "rsa";
  if (key.asymmetricKeyType === wanted) return;
  throw new Error(`the public key is of type ${key.asymmetricKeyType ?? "unknown"}, but ${algorithm} needs ${wanted}`);
}

/** undefined: the signature brings its own. */
function hashOf(algorithm: JwtAlgorithm): string | undefined {
  return algorithm === "EdDSA" ? undefined : `sha${algorithm.slice(2)}`;
}

function signing(algorithm: string): object {
  if (algorithm.startsWith("ES")) return { dsaEncoding: "ieee-p1363" };
  if (!algorithm.startsWith("PS")) return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function hmac(algorithm: JwtAlgorithm, secret: string, data: Buffer): Buffer {
  return createHmac(`sha${algorithm.slice(2)}`, secret)
    .update(data)
    .digest();
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function parse(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
