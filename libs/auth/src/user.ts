/** Who asks. Names and groups are Kubernetes' own (`system:masters`, `system:node:NAME`). */
export interface UserInfo {
  readonly name: string;
  /** Empty when the credential carries none. */
  readonly uid: string;
  readonly groups: readonly string[];
  /** What else the credential says, as Kubernetes' reviews show it; absent: nothing. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const anonymousName = "system:anonymous";
export const authenticatedGroup = "system:authenticated";
export const unauthenticatedGroup = "system:unauthenticated";
/** Members may do everything; no rule can take that away, so that a cluster can always be repaired. */
export const mastersGroup = "system:masters";
export const nodesGroup = "system:nodes";
export const serviceAccountsGroup = "system:serviceaccounts";
const nodeUserPrefix = "system:node:";

export const anonymousUser: UserInfo = { name: anonymousName, uid: "", groups: [unauthenticatedGroup] };

/** How a service account is called as a user. */
export function serviceAccountUserName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The node a kubelet's identity speaks for, or undefined when the user is no kubelet. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(nodeUserPrefix)) return undefined;
  const name = user.name.slice(nodeUserPrefix.length);
  return name === "" ? undefined : name;
}
