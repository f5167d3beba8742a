import type { Clock } from "@triarch/base";
import type { AppliedWaiter } from "../server/applied-waiter.ts";
import { Jwt } from "./jwt.ts";
import { Passwords } from "./passwords.ts";
import type { ReplicatedAuth } from "./replicated-auth.ts";
import { indexOfToken } from "./simple-tokens.ts";
import { simpleTokenReader, type TokenOptions, type TokenReader } from "./tokens.ts";

/** How this member knows its clients, beside what the log says. */
export interface ClientAuth {
  readonly passwords: Passwords;
  readonly jwt: Jwt | undefined;
  readonly tokens: TokenReader;
  /** A token that another member gave out a moment ago is waited for. Resolves, however that ends. */
  tokenKnown(token: string): Promise<void> | undefined;
}

/** A token of an entry further ahead than this is nobody's: waiting for it would only hold the call. */
const tokenIndexGapMax = 5_000;

/** @throws Error when the keys for signed tokens are not usable */
export function clientAuth(options: {
  readonly auth: ReplicatedAuth;
  readonly applied: AppliedWaiter;
  readonly clock: Clock;
  readonly tokens: TokenOptions;
}): ClientAuth {
  const { auth, applied, clock } = options;
  const jwt = options.tokens.kind === "jwt" ? new Jwt(options.tokens, clock) : undefined;
  if (options.tokens.kind === "simple" && options.tokens.ttlMs !== undefined) auth.tokens.keepFor(options.tokens.ttlMs);
  const tokens = jwt ?? simpleTokenReader(auth, indexOfToken);
  return {
    passwords: new Passwords(),
    jwt,
    tokens,
    tokenKnown: (token) => {
      const index = tokens.neededIndex(token) ?? 0;
      if (index <= applied.applied || index > applied.applied + tokenIndexGapMax) return undefined;
      return applied.reached(index).catch(() => undefined); // it is then no token of ours
    },
  };
}
