// Service addresses. One `IPAddress` object per address: creating it is the allocation, so that two masters can never
// give out the same one, and anybody can see who holds what.
import { findResource, type JsonObject, objectAt, textAt, timeText } from "@triarch/api";
import { assertDefined, type Clock, type Rng } from "@triarch/base";
import { type ResourceStore, StorageError } from "../storage/index.ts";
import { contains, ipv4Text, parseIpv4, randomAddress, type ServiceCidr } from "./service-cidr.ts";

/** Random addresses tried before the range is searched in order. */
const randomAttemptsMax = 32;

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

export type TakeOutcome = "taken" | "inUse" | "outside";

export interface ClusterIps {
  /** @returns undefined when the range is exhausted */
  takeAny(owner: ServiceName, dryRun: boolean): Promise<string | undefined>;
  take(address: string, owner: ServiceName, dryRun: boolean): Promise<TakeOutcome>;
  /** An address that is not held is fine: releasing twice does no harm. */
  release(address: string): Promise<void>;
}

export interface ClusterIpsOptions {
  readonly store: ResourceStore;
  readonly cidr: ServiceCidr;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly newUid: () => string;
}

export function clusterIps({ store, cidr, clock, rng, newUid }: ClusterIpsOptions): ClusterIps {
  const addresses = assertDefined(findResource("networking.k8s.io", "v1", "ipaddresses"), "IPAddresses are not served");
  const services = assertDefined(findResource("", "v1", "services"), "services are not served");

  const create = async (address: string, owner: ServiceName, dryRun: boolean): Promise<boolean> => {
    const object = ipAddressObject(address, owner, newUid(), timeText(clock.nowMs()));
    try {
      await store.create(addresses, { namespace: "", name: address }, object, { dryRun });
      return true;
    } catch (error) {
      if (error instanceof StorageError && error.failure.code === "alreadyExists") return false;
      throw error;
    }
  };

  /** Is the holder a service that is not there (its create failed half-way, on a master that died)? */
  const isStale = async (address: string): Promise<boolean> => {
    const held = await readOrUndefined(store, addresses, { namespace: "", name: address });
    const parent = objectAt(objectAt(held ?? {}, "spec") ?? {}, "parentRef");
    if (held === undefined || textAt(parent, "resource") !== "services") return false;
    const bornMs = Date.parse(textAt(objectAt(held, "metadata"), "creationTimestamp"));
    if (clock.nowMs() - bornMs < staleAfterMs) return false;
    const key = { namespace: textAt(parent, "namespace"), name: textAt(parent, "name") };
    const service = await readOrUndefined(store, services, key);
    return textAt(objectAt(service ?? {}, "spec"), "clusterIP") !== address;
  };

  const release = async (address: string): Promise<void> => {
    try {
      await store.delete(addresses, { namespace: "", name: address });
    } catch (error) {
      if (!(error instanceof StorageError) || error.failure.code !== "notFound") throw error;
    }
  };

  return {
    takeAny: async (owner, dryRun) => {
      for (let attempt = 0; attempt < randomAttemptsMax; attempt++) {
        const address = ipv4Text(randomAddress(cidr, rng));
        if (await create(address, owner, dryRun)) return address;
      }
      const { items } = await store.list(addresses);
      const held = new Set(items.map((item) => item.name));
      for (const address of searchOrder(cidr)) {
        const text = ipv4Text(address);
        if (!held.has(text) && (await create(text, owner, dryRun))) return text;
      }
      return undefined;
    },
    take: async (address, owner, dryRun) => {
      const parsed = parseIpv4(address);
      if (parsed === undefined || !contains(cidr, parsed)) return "outside";
      if (await create(address, owner, dryRun)) return "taken";
      if (!(await isStale(address))) return "inUse";
      if (!dryRun) await release(address);
      return dryRun || (await create(address, owner, dryRun)) ? "taken" : "inUse";
    },
    release,
  };
}

/** An allocation this old whose service does not have the address is left over. */
const staleAfterMs = 60_000;

/** The dynamic part first, then what is meant for people. */
function* searchOrder(cidr: ServiceCidr): Generator<number> {
  for (let address = cidr.dynamicFirst; address <= cidr.last; address++) yield address;
  for (let address = cidr.first; address < cidr.dynamicFirst; address++) yield address;
}

async function readOrUndefined(
  store: ResourceStore,
  resource: Parameters<ResourceStore["get"]>[0],
  key: ServiceName,
): Promise<JsonObject | undefined> {
  try {
    return (await store.get(resource, key)).object();
  } catch (error) {
    if (error instanceof StorageError && error.failure.code === "notFound") return undefined;
    throw error;
  }
}

function ipAddressObject(address: string, owner: ServiceName, uid: string, createdAt: string): JsonObject {
  return {
    kind: "IPAddress",
    apiVersion: "networking.k8s.io/v1",
    metadata: {
      name: address,
      uid,
      creationTimestamp: createdAt,
      labels: {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
      },
    },
    spec: { parentRef: { group: "", resource: "services", namespace: owner.namespace, name: owner.name } },
  };
}
