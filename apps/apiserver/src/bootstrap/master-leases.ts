// Which masters serve: each keeps a record under a lease of its own. A master that dies loses its record when the lease
// ends, and the others take its address out of the `kubernetes` service within seconds.
//
// The records live where Kubernetes keeps them, `/registry/masterleases/ADDRESS`, and are written straight to the store:
// they are no API objects.
import type { StoreClient } from "@triarch/etcd-server";
import { utf8 } from "@triarch/base";

export const masterLeasePrefix = "/registry/masterleases/";
/** A dead master's address is gone at most this long after its last renewal, plus one check of the others. */
export const masterLeaseTtlSeconds = 6;

export interface MasterLeases {
  /** Says that this master serves. Call again well within the time to live. */
  renew(): Promise<void>;
  /** Addresses of all masters that serve, in byte order. */
  list(): Promise<readonly string[]>;
  /** Takes our record away, on a graceful stop. */
  remove(): Promise<void>;
}

/** Writes that lose a race are tried again at the next renewal. */
export function masterLeases(store: StoreClient, address: string): MasterLeases {
  const key = masterLeasePrefix + address;
  const value = utf8(
    JSON.stringify({ kind: "Endpoints", apiVersion: "v1", metadata: {}, subsets: [{ addresses: [{ ip: address }] }] }),
  );
  const currentRevision = async (): Promise<number> => (await store.get(key)).rows[0]?.modRevision ?? 0;
  return {
    renew: async () => {
      const leaseId = await store.leaseGrant(masterLeaseTtlSeconds);
      await store.put({ key, value, expectedModRevision: await currentRevision(), leaseId });
    },
    list: async () => {
      const { rows } = await store.list(masterLeasePrefix);
      return rows.map((row) => row.key.slice(masterLeasePrefix.length));
    },
    remove: async () => {
      const expectedModRevision = await currentRevision();
      if (expectedModRevision > 0) await store.delete({ key, expectedModRevision });
    },
  };
}
