import type { StoreOptions } from "../start-store.ts";
import { clusterIdOf, memberIdOf } from "./member-ids.ts";
import type { InitialMember } from "./membership.ts";

/** Who this member is, and how ids of others follow from what the configuration says of them. */
export interface Identity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly idOf: (member: InitialMember) => bigint;
}

/** @throws Error naming the option that is missing */
export function identityOf({ name, clusterToken, initialMembers, clusterId, join }: StoreOptions): Identity {
  const idOf = (member: InitialMember): bigint => member.id ?? memberIdOf(member.peerUrls, clusterToken);
  const own = initialMembers.find((member) => member.name === name);
  if (own === undefined) {
    throw new Error(`member ${name} is not among the initial members; add it there with its peer URL`);
  }
  if (join === true && (clusterId === undefined || initialMembers.some(({ id }) => id === undefined))) {
    throw new Error(
      `member ${name} joins a cluster: give the cluster's id and the ids of all members, its own included`,
    );
  }
  return { memberId: idOf(own), clusterId: clusterId ?? clusterIdOf(initialMembers.map(idOf)), idOf };
}
