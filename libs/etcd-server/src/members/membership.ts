import { utf8, utf8Text } from "@triarch/base";
import type { StoreMember } from "../store-client.ts";
import { memberIdOf, memberIdText } from "./member-ids.ts";

/** A member as configured: before the cluster exists, or known to one that joins it. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Default: follows from URLs and token, which holds for those that the cluster began with. */
  readonly id?: bigint;
}

/**
 * Who belongs to the cluster, and who did, as the log has said so far. The initial members come from configuration, alike
 * on every member; what a member says of itself after its start (name, client URLs) comes through the log. One that was
 * removed never comes back: its id stays known.
 */
export class Membership {
  readonly #byId = new Map<bigint, StoreMember>();
  readonly #removed = new Set<bigint>();

  static initial(members: readonly InitialMember[], clusterToken: string): Membership {
    const membership = new Membership();
    for (const { name, peerUrls, id = memberIdOf(peerUrls, clusterToken) } of members) {
      membership.set({ id, name, peerUrls, clientUrls: [], isLearner: false });
    }
    return membership;
  }

  /** Ascending by id. */
  list(): readonly StoreMember[] {
    return [...this.#byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  get(id: bigint): StoreMember | undefined {
    return this.#byId.get(id);
  }

  set(member: StoreMember): void {
    this.#byId.set(member.id, member);
  }

  remove(id: bigint): void {
    this.#byId.delete(id);
    this.#removed.add(id);
  }

  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  clear(): void {
    this.#byId.clear();
    this.#removed.clear();
  }

  /** @returns the changed member, or undefined for one that is not (any more) in the cluster */
  setAttributes(
    id: bigint,
    attributes: { readonly name: string; readonly clientUrls: readonly string[] },
  ): StoreMember | undefined {
    const member = this.#byId.get(id);
    if (member === undefined) return undefined;
    const changed = { ...member, name: attributes.name, clientUrls: attributes.clientUrls };
    this.#byId.set(id, changed);
    return changed;
  }
}

/** Key and value of a member's row, as etcd's `members` bucket has them. Source: etcd server/storage/schema. */
export function memberRow(member: StoreMember): { readonly key: Uint8Array; readonly value: Uint8Array } {
  // The id has 64 bits, more than JSON.stringify writes exactly.
  const rest = JSON.stringify({
    peerURLs: member.peerUrls,
    ...(member.isLearner ? { isLearner: true } : {}),
    name: member.name,
    ...(member.clientUrls.length > 0 ? { clientURLs: member.clientUrls } : {}),
  });
  return { key: utf8(memberIdText(member.id)), value: utf8(`{"id":${member.id.toString()},${rest.slice(1)}`) };
}

/** @throws SyntaxError when the row is not a member's */
export function memberOfRow(key: Uint8Array, value: Uint8Array): StoreMember {
  const parsed = JSON.parse(utf8Text(value)) as {
    readonly peerURLs?: readonly string[];
    readonly name?: string;
    readonly clientURLs?: readonly string[];
    readonly isLearner?: boolean;
  };
  return {
    id: memberIdOfKey(key),
    name: parsed.name ?? "",
    peerUrls: parsed.peerURLs ?? [],
    clientUrls: parsed.clientURLs ?? [],
    isLearner: parsed.isLearner ?? false,
  };
}

/** Key and value of the row that remembers a removed member. */
export function removedRow(id: bigint): { readonly key: Uint8Array; readonly value: Uint8Array } {
  return { key: utf8(memberIdText(id)), value: utf8("removed") };
}

export function memberIdOfKey(key: Uint8Array): bigint {
  return BigInt(`0x${utf8Text(key)}`);
}
