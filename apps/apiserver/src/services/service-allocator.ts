// Gives services their addresses and ports. Everything taken for a write is given back when the write fails, and what a
// write made superfluous is given back once it is stored.
import {
  childOf,
  type FieldError,
  internalError,
  invalid,
  invalidObject,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  type ResourceInfo,
  StatusError,
  textAt,
} from "@triarch/api";
import { StorageError } from "../storage/index.ts";
import type { ClusterIps, ServiceName } from "./cluster-ips.ts";
import { defaultFamilies, familyErrors } from "./ip-families.ts";
import { isNodePort, nodePortFirst, nodePortLast, type NodePorts, portsOf } from "./node-ports.ts";

/**
 * What was taken for one write. Giving back never fails the write: an address that stays held without its service is
 * found stale when somebody asks for it.
 */
export interface Allocation {
  /** The write failed: gives back what was taken for it. */
  release(): Promise<void>;
  /** The write is stored: gives back what it no longer needs. */
  commit(): Promise<void>;
}

export interface ServiceAllocator {
  /** Sets addresses and ports in `object`; does nothing for other resources. @throws StatusError 422 */
  allocateForCreate(resource: ResourceInfo, object: MutableObject, dryRun: boolean): Promise<Allocation>;
  /** Before validation: keeps what the client left out, as an update may. Takes nothing. */
  prepareUpdate(resource: ResourceInfo, next: MutableObject, old: JsonObject): void;
  allocateForUpdate(
    resource: ResourceInfo,
    next: MutableObject,
    old: JsonObject,
    options: { readonly dryRun: boolean },
  ): Promise<Allocation>;
  /** The object is gone. */
  releaseAll(resource: ResourceInfo, object: JsonObject): Promise<void>;
}

const nothingTaken: Allocation = { release: async () => undefined, commit: async () => undefined };

export function serviceAllocator(ips: ClusterIps, ports: NodePorts): ServiceAllocator {
  return {
    allocateForCreate: async (resource, object, dryRun) => {
      if (!isService(resource)) return nothingTaken;
      dropNegativePorts(object);
      const work = new Work({ resource, ips, ports, dryRun, service: object });
      return work.run({ addresses: [], ports: [] });
    },
    prepareUpdate: (resource, next, old) => {
      if (!isService(resource)) return;
      keepAddress(next, old);
      defaultFamilies(next);
    },
    allocateForUpdate: async (resource, next, old, { dryRun }) => {
      if (!isService(resource)) return nothingTaken;
      const work = new Work({ resource, ips, ports, dryRun, service: next });
      return work.run({ addresses: addressesOf(old), ports: portsOf(old) });
    },
    releaseAll: async (resource, object) => {
      if (!isService(resource)) return;
      await quietly(async () => {
        for (const address of addressesOf(object)) await ips.release(address);
        await ports.release(portsOf(object));
      });
    },
  };
}

/** A new service that names a port below 0 gets any, as one that names none. */
function dropNegativePorts(service: MutableObject): void {
  for (const port of listAt(childOf(service, "spec"), "ports").filter(isObject)) {
    if ((numberAt(port, "nodePort") ?? 0) < 0) delete (port as MutableObject)["nodePort"];
  }
}

async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}

interface Held {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

interface WorkOptions {
  readonly resource: ResourceInfo;
  readonly ips: ClusterIps;
  readonly ports: NodePorts;
  readonly dryRun: boolean;
  readonly service: MutableObject;
}

/** One service's allocation. */
class Work {
  readonly #options: WorkOptions;
  readonly #newAddresses: string[] = [];
  readonly #newPorts: number[] = [];

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  async run(held: Held): Promise<Allocation> {
    const { service, resource } = this.#options;
    try {
      defaultFamilies(service);
      const errors = familyErrors(service);
      if (errors.length === 0) errors.push(...(await this.#address(held)), ...(await this.#ports(held)));
      if (errors.length > 0) throw new StatusError(invalidObject(resource, nameOf(service).name, errors));
    } catch (error) {
      await quietly(() => this.#release());
      throw error;
    }
    return { release: () => quietly(() => this.#release()), commit: () => quietly(() => this.#commit(held)) };
  }

  async #address(held: Held): Promise<FieldError[]> {
    const { service, ips, dryRun } = this.#options;
    const spec = childOf(service, "spec");
    if (textAt(spec, "type") === "ExternalName") return [];
    const wanted = textAt(spec, "clusterIP");
    if (wanted === "None" || held.addresses.includes(wanted)) return [];
    const owner = nameOf(service);
    if (wanted === "") {
      const address = await ips.takeAny(owner, dryRun);
      if (address === undefined) throw new StatusError(internalError("failed to allocate a serviceIP: range is full"));
      if (!dryRun) this.#newAddresses.push(address);
      spec["clusterIP"] = address;
      spec["clusterIPs"] = [address];
      return [];
    }
    const outcome = await ips.take(wanted, owner, dryRun);
    if (outcome === "taken") {
      if (!dryRun) this.#newAddresses.push(wanted);
      return [];
    }
    const why =
      outcome === "inUse"
        ? "provided IP is already allocated"
        : "the provided network does not match the current range";
    return [invalid("spec.clusterIPs", [wanted], `failed to allocate IP ${wanted}: ${why}`)];
  }

  async #ports(held: Held): Promise<FieldError[]> {
    const { service, ports, dryRun } = this.#options;
    const spec = childOf(service, "spec");
    if (!needsNodePorts(spec)) return [];
    const servicePorts = listAt(spec, "ports").filter(isObject) as MutableObject[];
    for (const [i, port] of servicePorts.entries()) {
      const wanted = numberAt(port, "nodePort") ?? 0;
      if (wanted === 0 || held.ports.includes(wanted) || this.#newPorts.includes(wanted)) continue;
      const field = `spec.ports[${i}].nodePort`;
      if (!isNodePort(wanted)) {
        const why = `provided port is not in the valid range. The range of valid ports is ${nodePortFirst}-${nodePortLast}`;
        return [invalid(field, wanted, why)];
      }
      const taken = await ports.take([wanted], dryRun);
      if (taken.length > 0) return [invalid(field, wanted, "provided port is already allocated")];
      this.#newPorts.push(wanted);
    }
    const open = servicePorts.filter((port) => (numberAt(port, "nodePort") ?? 0) === 0);
    const missingHealth = needsHealthPort(spec) && (numberAt(spec, "healthCheckNodePort") ?? 0) === 0;
    const count = open.length + (missingHealth ? 1 : 0);
    if (count === 0) return [];
    const found = await ports.takeAny(count, dryRun);
    if (found === undefined) throw new StatusError(internalError("failed to allocate a nodePort: range is full"));
    this.#newPorts.push(...found);
    open.forEach((port, i) => {
      port["nodePort"] = found[i];
    });
    if (missingHealth) spec["healthCheckNodePort"] = found[count - 1];
    return [];
  }

  async #release(): Promise<void> {
    if (this.#options.dryRun) return;
    for (const address of this.#newAddresses.splice(0)) await this.#options.ips.release(address);
    await this.#options.ports.release(this.#newPorts.splice(0));
  }

  async #commit(held: Held): Promise<void> {
    if (this.#options.dryRun) return;
    const { service, ips, ports } = this.#options;
    const still = addressesOf(service);
    for (const address of held.addresses) if (!still.includes(address)) await ips.release(address);
    const stillPorts = portsOf(service);
    await ports.release(held.ports.filter((port) => !stillPorts.includes(port)));
  }
}

/** An update that leaves the address out keeps it, unless the service becomes ExternalName. */
function keepAddress(next: MutableObject, old: JsonObject): void {
  const spec = childOf(next, "spec");
  const oldSpec = objectAt(old, "spec") ?? {};
  if (textAt(spec, "type") === "ExternalName") {
    if (textAt(oldSpec, "type") === "ExternalName") return;
    if (textAt(spec, "clusterIP") === textAt(oldSpec, "clusterIP")) {
      delete spec["clusterIP"];
      delete spec["clusterIPs"];
    }
    return;
  }
  if (textAt(spec, "clusterIP") === "" && textAt(oldSpec, "clusterIP") !== "") {
    spec["clusterIP"] = textAt(oldSpec, "clusterIP");
    spec["clusterIPs"] = [...listAt(oldSpec, "clusterIPs")] as string[];
  }
  const [oldAddress, firstAddress] = [textAt(oldSpec, "clusterIP"), listAt(spec, "clusterIPs")[0]];
  // A client that knows only the older field changed it: both are one.
  if (textAt(spec, "clusterIP") !== oldAddress && firstAddress === oldAddress && oldAddress !== "") {
    spec["clusterIPs"] = [textAt(spec, "clusterIP")];
  }
  if (!needsNodePorts(spec) && needsNodePorts(oldSpec)) dropNodePorts(spec, oldSpec);
}

/** Back to ClusterIP: ports that the client did not change go. */
function dropNodePorts(spec: MutableObject, oldSpec: JsonObject): void {
  const old = new Set(
    listAt(oldSpec, "ports")
      .filter(isObject)
      .map((port) => numberAt(port, "nodePort")),
  );
  for (const port of listAt(spec, "ports").filter(isObject) as MutableObject[]) {
    if (old.has(numberAt(port, "nodePort"))) delete port["nodePort"];
  }
  if (numberAt(spec, "healthCheckNodePort") === numberAt(oldSpec, "healthCheckNodePort"))
    delete spec["healthCheckNodePort"];
}

function needsNodePorts(spec: JsonObject): boolean {
  const type = textAt(spec, "type");
  return type === "NodePort" || (type === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false);
}

function needsHealthPort(spec: JsonObject): boolean {
  return textAt(spec, "type") === "LoadBalancer" && textAt(spec, "externalTrafficPolicy") === "Local";
}

function addressesOf(service: JsonObject): readonly string[] {
  const addresses = listAt(objectAt(service, "spec") ?? {}, "clusterIPs");
  return addresses
    .filter((address) => typeof address === "string")
    .filter((address) => address !== "None" && address !== "");
}

function nameOf(service: JsonObject): ServiceName {
  const meta = objectAt(service, "metadata") ?? {};
  return { namespace: textAt(meta, "namespace"), name: textAt(meta, "name") };
}

function isService(resource: ResourceInfo): boolean {
  return resource.group === "" && resource.resource === "services";
}
