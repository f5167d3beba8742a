export type AuthFailure =
  | { readonly code: "rootUserNotFound" }
  | { readonly code: "rootRoleNotGranted" }
  /** Also: authentication is on and the request names no user. */
  | { readonly code: "userEmpty" }
  | { readonly code: "userExists"; readonly user: string }
  | { readonly code: "userNotFound"; readonly user: string }
  | { readonly code: "roleEmpty" }
  | { readonly code: "roleExists"; readonly role: string }
  | { readonly code: "roleNotFound"; readonly role: string }
  | { readonly code: "roleNotGranted"; readonly user: string; readonly role: string }
  | { readonly code: "permissionNotGiven" }
  | { readonly code: "permissionNotGranted"; readonly role: string }
  /** It would lock everybody out: the root user or its role, while authentication is on. */
  | { readonly code: "invalidManagement" }
  | { readonly code: "notEnabled" }
  | { readonly code: "permissionDenied"; readonly user: string }
  | { readonly code: "oldRevision"; readonly given: number; readonly current: number }
  | { readonly code: "wrongPassword" }
  /** Somebody tried a password for a user that has none. */
  | { readonly code: "noPasswordUser"; readonly user: string }
  | { readonly code: "passwordTooLong"; readonly sizeBytes: number }
  | { readonly code: "invalidToken" };

/** `message` is etcd's own text, which clients match. Callers branch on `failure.code`. */
export class AuthError extends Error {
  override readonly name = "AuthError";
  readonly failure: AuthFailure;

  constructor(failure: AuthFailure, options?: ErrorOptions) {
    super(etcdErrors[failure.code].text, options);
    this.failure = failure;
  }

  get grpcStatus(): number {
    return etcdErrors[this.failure.code].grpcStatus;
  }
}

const unknown = 2;
const invalidArgument = 3;
const permissionDenied = 7;
const failedPrecondition = 9;
const unauthenticated = 16;

/** Source: etcd api/v3rpc/rpctypes/error.go; the two of code "unknown" are not in its table and travel as they are. */
const etcdErrors: Readonly<Record<AuthFailure["code"], { readonly grpcStatus: number; readonly text: string }>> = {
  rootUserNotFound: { grpcStatus: failedPrecondition, text: "etcdserver: root user does not exist" },
  rootRoleNotGranted: { grpcStatus: failedPrecondition, text: "etcdserver: root user does not have root role" },
  userEmpty: { grpcStatus: invalidArgument, text: "etcdserver: user name is empty" },
  userExists: { grpcStatus: failedPrecondition, text: "etcdserver: user name already exists" },
  userNotFound: { grpcStatus: failedPrecondition, text: "etcdserver: user name not found" },
  roleEmpty: { grpcStatus: invalidArgument, text: "etcdserver: role name is empty" },
  roleExists: { grpcStatus: failedPrecondition, text: "etcdserver: role name already exists" },
  roleNotFound: { grpcStatus: failedPrecondition, text: "etcdserver: role name not found" },
  roleNotGranted: { grpcStatus: failedPrecondition, text: "etcdserver: role is not granted to the user" },
  permissionNotGiven: { grpcStatus: invalidArgument, text: "etcdserver: permission not given" },
  permissionNotGranted: { grpcStatus: failedPrecondition, text: "etcdserver: permission is not granted to the role" },
  invalidManagement: { grpcStatus: invalidArgument, text: "etcdserver: invalid auth management" },
  notEnabled: { grpcStatus: failedPrecondition, text: "etcdserver: authentication is not enabled" },
  permissionDenied: { grpcStatus: permissionDenied, text: "etcdserver: permission denied" },
  oldRevision: { grpcStatus: invalidArgument, text: "etcdserver: revision of auth store is old" },
  wrongPassword: {
    grpcStatus: invalidArgument,
    text: "etcdserver: authentication failed, invalid user ID or password",
  },
  noPasswordUser: {
    grpcStatus: unknown,
    text: "auth: authentication failed, password was given for no password user",
  },
  passwordTooLong: { grpcStatus: unknown, text: "bcrypt: password length exceeds 72 bytes" },
  invalidToken: { grpcStatus: unauthenticated, text: "etcdserver: invalid auth token" },
};
