import { randomInt } from "node:crypto";
import type { Identity } from "@triarch/etcd-auth";
import type { ReplicatedAuth } from "./replicated-auth.ts";

/** Who shows a token. */
export interface TokenReader {
  /** @returns undefined: it is not valid (any more) */
  identityOf(token: string): Identity | undefined;
  /** The log index that must be applied here before the token can be known; undefined: none. */
  neededIndex(token: string): number | undefined;
}

/**
 * How tokens are made. `simple`: random, kept in every member's memory, given out through the log. `jwt`: signed, kept
 * nowhere, read by whoever has the public key; it names the revision of users and roles, so that each change of them makes
 * it old.
 */
export type TokenOptions = SimpleTokenOptions | JwtOptions;

export interface SimpleTokenOptions {
  readonly kind: "simple";
  /** A token that nobody shows for this long is gone. Default 5 minutes. */
  readonly ttlMs?: number;
}

export interface JwtOptions {
  readonly kind: "jwt";
  readonly algorithm: JwtAlgorithm;
  /** PEM, of the private key it can be too; for HS256 to HS512 the shared secret. */
  readonly publicKey: string;
  /** PEM; absent: this member reads tokens but gives none out. For HS256 to HS512 the shared secret. */
  readonly privateKey?: string;
  /** Default 300. */
  readonly ttlSeconds?: number;
}

export type JwtAlgorithm = `${"RS" | "PS" | "ES" | "HS"}${256 | 384 | 512}` | "EdDSA";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const tokenLetters = 24;

/** The part of a token that this member chooses; the log index makes it unique. 136 bits of chance. */
export function tokenPrefix(): string {
  return Array.from({ length: tokenLetters }, () => letters[randomInt(letters.length)]).join("");
}

export function simpleTokenReader(auth: ReplicatedAuth, indexOf: (token: string) => number | undefined): TokenReader {
  return {
    identityOf: (token) => {
      const username = auth.tokens.use(token);
      return username === undefined ? undefined : { username, authRevision: auth.store.revision };
    },
    neededIndex: indexOf,
  };
}
