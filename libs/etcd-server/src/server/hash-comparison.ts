/** What the members' hashes of the same revision say about who is right. */

export interface MemberHash {
  readonly memberId: bigint;
  readonly hash: number;
  /** Hashes count from here on; of members with different ones nothing can be said. */
  readonly compactRevision: number;
}

export type HashVerdict =
  /** Nobody differs from anybody. */
  | { readonly kind: "alike" }
  /** Their compactions are not equally far, or fewer than two answered: to be asked again. */
  | { readonly kind: "incomparable" }
  /** A quorum agrees: these differ from it. */
  | { readonly kind: "minority"; readonly memberIds: readonly bigint[] }
  /** They differ and nobody has a quorum: no one can tell who is right. */
  | { readonly kind: "tie" };

/**
 * @param memberCount all members of the cluster, those that did not answer included
 * Source: etcd server/etcdserver/corrupt.go has the same rule for a tie.
 */
export function compareHashes(answers: readonly MemberHash[], memberCount: number): HashVerdict {
  const [first] = answers;
  if (first === undefined || answers.length < 2) return { kind: "incomparable" };
  if (answers.some(({ compactRevision }) => compactRevision !== first.compactRevision)) return { kind: "incomparable" };
  const byHash = new Map<number, bigint[]>();
  for (const { memberId, hash } of answers) byHash.set(hash, [...(byHash.get(hash) ?? []), memberId]);
  if (byHash.size === 1) return { kind: "alike" };
  const quorum = Math.floor(memberCount / 2) + 1;
  const agreed = [...byHash.values()].find((ids) => ids.length >= quorum);
  if (agreed === undefined) return { kind: "tie" };
  const memberIds = answers.map(({ memberId }) => memberId).filter((id) => !agreed.includes(id));
  return { kind: "minority", memberIds };
}
