export { createAuthenticator, invalidTokenText } from "./authenticate.ts";
export type {
  Authentication,
  Authenticator,
  AuthenticatorOptions,
  CertificateSubject,
  Credentials,
  StaticToken,
  TokenAuthentication,
  TokenVerifier,
} from "./authenticate.ts";
export { serviceAccountTokens } from "./service-account-tokens.ts";
export type {
  BoundObject,
  BoundObjects,
  BoundObjectKind,
  ServiceAccountTokens,
  ServiceAccountTokensOptions,
  TokenClaims,
} from "./service-account-tokens.ts";
export { createAuthorizer, refusalText } from "./authorize.ts";
export type { Authorizer, AuthorizerOptions } from "./authorize.ts";
export { ruleAllows } from "./policy-rule.ts";
export type { PolicyRule, RequestAttributes } from "./policy-rule.ts";
export { nodeLeaseNamespace } from "./node-authorizer.ts";
export { parseTokenFile, staticTokensMax } from "./token-file.ts";
export {
  anonymousUser,
  authenticatedGroup,
  mastersGroup,
  nodeNameOf,
  nodesGroup,
  serviceAccountUserName,
  unauthenticatedGroup,
} from "./user.ts";
export type { UserInfo } from "./user.ts";
