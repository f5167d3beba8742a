// Who asks, and may they: the authenticator and the authorizer of one server, and the tokens it issues.
import { randomUUID } from "node:crypto";
import {
  type Authenticator,
  type Authorizer,
  createAuthenticator,
  createAuthorizer,
  type ServiceAccountTokens,
  serviceAccountTokens,
  type StaticToken,
} from "@triarch/auth";
import type { Clock } from "@triarch/base";
import type { ResourceStore } from "../storage/index.ts";
import { boundObjects } from "./bound-objects.ts";

export interface IdentityOptions {
  readonly store: ResourceStore;
  readonly clock: Clock;
  readonly tokens: readonly StaticToken[];
  /** PEM, see `ServiceAccountTokensOptions`. */
  readonly signingKeyPem: string;
}

export interface Identity {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly serviceAccountTokens: ServiceAccountTokens;
  /** Whom a token without audiences is for. */
  readonly audiences: readonly string[];
}

/** Kubernetes' usual name for a cluster as an issuer; inside the cluster it can be reached under it. */
export const defaultIssuer = "https://kubernetes.default.svc.cluster.local";

/** @throws Error for a key that can't sign */
export function createIdentity({ store, clock, tokens, signingKeyPem }: IdentityOptions): Identity {
  const audiences = [defaultIssuer];
  const signed = serviceAccountTokens({
    signingKeyPem,
    issuer: defaultIssuer,
    clock,
    objects: boundObjects(store),
    newId: randomUUID,
  });
  return {
    authenticator: createAuthenticator({ tokens, verifier: signed, audiences }),
    authorizer: createAuthorizer(),
    serviceAccountTokens: signed,
    audiences,
  };
}
