// Node ports: one stored record for the whole cluster, a bitmap like Kubernetes' RangeAllocation, changed by optimistic
// writes. Where it is missing or can't be read (a snapshot of another cluster) it is made again from the services.
import {
  base64Bytes,
  base64Text,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  textAt,
} from "@triarch/api";
import { assertDefined, type Rng } from "@triarch/base";
import type { ResourceStore, StoredResource } from "../storage/index.ts";

export const nodePortFirst = 30_000;
export const nodePortLast = 32_767;
const rangeText = `${nodePortFirst}-${nodePortLast}`;
const portCount = nodePortLast - nodePortFirst + 1;
/** Ports at the start that allocation takes last, so that people can choose them: Kubernetes' static band. */
const staticPorts = 86;
const record = { namespace: "", name: "servicenodeports" };
const ranges: StoredResource = {
  group: "",
  version: "v1",
  resource: "rangeallocations",
  kind: "RangeAllocation",
  namespaced: false,
  storagePrefix: "/registry/ranges",
};

export interface NodePorts {
  /** All or nothing. @returns the ports that are not free; empty when all were taken */
  take(ports: readonly number[], dryRun: boolean): Promise<readonly number[]>;
  /** @returns undefined when the range is exhausted */
  takeAny(count: number, dryRun: boolean): Promise<readonly number[] | undefined>;
  release(ports: readonly number[]): Promise<void>;
}

export function isNodePort(port: number): boolean {
  return port >= nodePortFirst && port <= nodePortLast;
}

export function nodePorts({ store, rng }: { readonly store: ResourceStore; readonly rng: Rng }): NodePorts {
  const services = assertDefined(findResource("", "v1", "services"), "services are not served");

  /** Shows the ports in use to `change`, which adds or removes some; stores the result. */
  const edit = async <T>(dryRun: boolean, change: (used: Set<number>) => T): Promise<T> => {
    let result: { readonly value: T } | undefined;
    await store.update(
      ranges,
      record,
      async (current) => {
        const used = readRecord(current?.object()) ?? (await portsOfServices(store, services));
        result = { value: change(used) };
        return { kind: "put", object: recordOf(used) };
      },
      { createIfAbsent: true, dryRun },
    );
    return assertDefined(result, "the record was stored without being shown").value;
  };

  return {
    take: (ports, dryRun) =>
      edit(dryRun, (used) => {
        const taken = ports.filter((port) => used.has(port));
        if (taken.length === 0) for (const port of ports) used.add(port);
        return taken;
      }),
    takeAny: (count, dryRun) =>
      edit(dryRun, (used) => {
        const found: number[] = [];
        while (found.length < count) {
          const port = freePort(used, rng);
          if (port === undefined) {
            for (const one of found) used.delete(one);
            return undefined;
          }
          used.add(port);
          found.push(port);
        }
        return found;
      }),
    release: async (ports) => {
      if (ports.length === 0) return;
      await edit(false, (used) => {
        for (const port of ports) used.delete(port);
      });
    },
  };
}

/** From a random place of the dynamic part onwards, then the static part. */
function freePort(used: ReadonlySet<number>, rng: Rng): number | undefined {
  const dynamicCount = portCount - staticPorts;
  const start = rng.int(dynamicCount);
  for (let i = 0; i < dynamicCount; i++) {
    const port = nodePortFirst + staticPorts + ((start + i) % dynamicCount);
    if (!used.has(port)) return port;
  }
  for (let port = nodePortFirst; port < nodePortFirst + staticPorts; port++) if (!used.has(port)) return port;
  return undefined;
}

/** Bit i of the big-endian number in `data` is port `nodePortFirst + i`. */
function readRecord(object: JsonObject | undefined): Set<number> | undefined {
  if (object === undefined || textAt(object, "range") !== rangeText) return undefined;
  const bytes = base64Bytes(textAt(object, "data"));
  const used = new Set<number>();
  bytes.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) {
      if ((byte >> bit) & 1) used.add(nodePortFirst + (bytes.length - 1 - i) * 8 + bit);
    }
  });
  return used;
}

function recordOf(used: ReadonlySet<number>): JsonObject {
  const bytes = new Uint8Array(Math.ceil(portCount / 8));
  for (const port of used) {
    const offset = port - nodePortFirst;
    const at = bytes.length - 1 - Math.floor(offset / 8);
    bytes[at] = (bytes[at] ?? 0) | (1 << (offset % 8));
  }
  const firstUsed = bytes.findIndex((byte) => byte !== 0);
  const data = firstUsed < 0 ? new Uint8Array(0) : bytes.subarray(firstUsed);
  return {
    kind: "RangeAllocation",
    apiVersion: "v1",
    metadata: { name: record.name },
    range: rangeText,
    data: base64Text(data),
  };
}

async function portsOfServices(store: ResourceStore, services: StoredResource): Promise<Set<number>> {
  const { items } = await store.list(services);
  const used = new Set<number>();
  for (const item of items) for (const port of portsOf(item.object())) if (isNodePort(port)) used.add(port);
  return used;
}

/** The node ports a service holds, each once: two protocols may share one. */
export function portsOf(service: JsonObject): readonly number[] {
  const spec = objectAt(service, "spec") ?? {};
  const ports = new Set<number>();
  for (const port of listAt(spec, "ports").filter(isObject)) {
    const nodePort = numberAt(port, "nodePort") ?? 0;
    if (nodePort !== 0) ports.add(nodePort);
  }
  const health = numberAt(spec, "healthCheckNodePort") ?? 0;
  if (health !== 0) ports.add(health);
  return [...ports];
}
