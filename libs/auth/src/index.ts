export { createAuthenticator } from "./authenticate.ts";
export type { Authentication, Authenticator, CertificateSubject, Credentials, StaticToken } from "./authenticate.ts";
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
  unauthenticatedGroup,
} from "./user.ts";
export type { UserInfo } from "./user.ts";
