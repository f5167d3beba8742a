import { createHash } from "node:crypto";
import { concatBytes, utf8 } from "@triarch/base";

/**
 * Identities follow from configuration, so that members started apart agree without talking. A restored or a new
 * cluster gets other ids from another token: members of the two never mix.
 * Source: etcd server/etcdserver/api/membership.
 */

/** First 8 bytes of SHA-1 over the sorted peer URLs and the cluster token. */
export function memberIdOf(peerUrls: readonly string[], clusterToken: string): bigint {
  return firstEightBytes(utf8([...peerUrls].sort().join("") + clusterToken));
}

/** An id for a member that joins at `nowMs`: another each second, so that one which was removed never comes back. */
export function joiningMemberIdOf(peerUrls: readonly string[], clusterToken: string, nowMs: number): bigint {
  return memberIdOf(peerUrls, `${clusterToken}${Math.floor(nowMs / 1000)}`);
}

/** First 8 bytes of SHA-1 over the initial members' ids, ascending. */
export function clusterIdOf(memberIds: readonly bigint[]): bigint {
  const ascending = [...memberIds].sort((left, right) => (left < right ? -1 : 1));
  return firstEightBytes(concatBytes(ascending.map(bigEndian64)));
}

/** The id as rows and logs show it: hexadecimal, without leading zeros. */
export function memberIdText(id: bigint): string {
  return id.toString(16);
}

export function bigEndian64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value));
  return bytes;
}

function firstEightBytes(input: Uint8Array): bigint {
  return createHash("sha1").update(input).digest().readBigUInt64BE(0);
}
