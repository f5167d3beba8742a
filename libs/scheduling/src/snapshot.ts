// The cluster as one scheduling decision sees it: nodes with what is bound to them, amounts in plain numbers
// (cpu in millicores, the rest in units).
import { parseQuantity, quantityMilliValue, quantityValue, type Node, type Pod, type Service } from "@triarch/api";

export type Amounts = ReadonlyMap<string, number>;

export interface NodeInfo {
  readonly node: Node;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pods: readonly Pod[];
  readonly allocatable: Amounts;
  /** Sum over the pods. */
  readonly requested: Amounts;
  /** The same with a floor for pods that ask for no cpu or memory: what spreading looks at. */
  readonly requestedForSpreading: Amounts;
  readonly imageBytes: ReadonlyMap<string, number>;
}

export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  readonly services: readonly Service[];
  /** Labels of namespaces, for affinity terms that select namespaces. */
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

const unaskedCpuMilli = 100;
const unaskedMemoryBytes = 200 * 1024 * 1024;

export function buildSnapshot(input: {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly namespaceLabels?: ReadonlyMap<string, Readonly<Record<string, string>>>;
}): Snapshot {
  const byNode = new Map<string, Pod[]>();
  for (const pod of input.pods) {
    const name = pod.spec?.nodeName;
    if (name === undefined || name === "" || hasEnded(pod)) continue;
    const list = byNode.get(name);
    if (list === undefined) byNode.set(name, [pod]);
    else list.push(pod);
  }
  return {
    nodes: input.nodes.map((node) => nodeInfo(node, byNode.get(node.metadata?.name ?? "") ?? [])),
    services: input.services,
    namespaceLabels: input.namespaceLabels ?? new Map(),
  };
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/**
 * What a pod takes from a node: the larger of its running containers' sum and what its start needs, plus overhead.
 * Init containers with restartPolicy Always run on beside the others.
 */
export function podRequests(pod: Pod, floor?: { readonly cpu: number; readonly memory: number }): Amounts {
  const total = new Map<string, number>();
  const starting = new Map<string, number>();
  const sidecars = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addTo(total, containerRequests(container, floor));
  for (const container of pod.spec?.initContainers ?? []) {
    const own = containerRequests(container, floor);
    if (container.restartPolicy === "Always") {
      addTo(total, own);
      addTo(sidecars, own);
      maxInto(starting, sidecars);
    } else {
      const beside = new Map(sidecars);
      addTo(beside, own);
      maxInto(starting, beside);
    }
  }
  maxInto(total, starting);
  addTo(total, amounts(pod.spec?.overhead));
  return total;
}

export function spreadingRequests(pod: Pod): Amounts {
  return podRequests(pod, { cpu: unaskedCpuMilli, memory: unaskedMemoryBytes });
}

/** `docker.io`-less names carry a tag in node status; a pod may leave `:latest` out. */
export function normalizedImage(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}

function nodeInfo(node: Node, pods: readonly Pod[]): NodeInfo {
  const requested = new Map<string, number>();
  const requestedForSpreading = new Map<string, number>();
  for (const pod of pods) {
    addTo(requested, podRequests(pod));
    addTo(requestedForSpreading, spreadingRequests(pod));
  }
  const imageBytes = new Map<string, number>();
  for (const image of node.status?.images ?? []) {
    for (const name of image.names ?? []) imageBytes.set(normalizedImage(name), image.sizeBytes ?? 0);
  }
  return {
    node,
    name: node.metadata?.name ?? "",
    labels: node.metadata?.labels ?? {},
    pods,
    allocatable: amounts(node.status?.allocatable ?? node.status?.capacity),
    requested,
    requestedForSpreading,
    imageBytes,
  };
}

function containerRequests(
  container: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } },
  floor?: { readonly cpu: number; readonly memory: number },
): Amounts {
  const own = new Map(amounts(container.resources?.requests));
  if (floor !== undefined) {
    if (!own.has("cpu")) own.set("cpu", floor.cpu);
    if (!own.has("memory")) own.set("memory", floor.memory);
  }
  return own;
}

export function amounts(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(
    Object.entries(quantities ?? {}).map(([name, text]) => {
      const quantity = parseQuantity(text);
      return [name, Number(name === "cpu" ? quantityMilliValue(quantity) : quantityValue(quantity))];
    }),
  );
}

function addTo(sum: Map<string, number>, more: Amounts): void {
  for (const [name, value] of more) sum.set(name, (sum.get(name) ?? 0) + value);
}

function maxInto(into: Map<string, number>, other: Amounts): void {
  for (const [name, value] of other) into.set(name, Math.max(into.get(name) ?? 0, value));
}
