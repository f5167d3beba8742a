// What a pod can learn about itself: fields of its object, addresses, resources of its containers.
import { parseQuantity, type ObjectFieldSelector, type Pod, type ResourceFieldSelector } from "@triarch/api";
import { ConfigError } from "./config-source.ts";

export interface NodeFacts {
  readonly nodeName: string;
  readonly hostIp: string;
  /** Stand for limits that a container does not have. */
  readonly allocatable: { readonly cpuMillis: number; readonly memoryBytes: number };
}

/** @throws ConfigError on a field path that is not offered */
export function fieldValue(pod: Pod, selector: ObjectFieldSelector, node: NodeFacts, podIp: string): string {
  const { fieldPath } = selector;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (keyed !== null) {
    const map = keyed[1] === "labels" ? pod.metadata?.labels : pod.metadata?.annotations;
    return map?.[keyed[2] ?? ""] ?? "";
  }
  switch (fieldPath) {
    case "metadata.name":
      return pod.metadata?.name ?? "";
    case "metadata.namespace":
      return pod.metadata?.namespace ?? "";
    case "metadata.uid":
      return pod.metadata?.uid ?? "";
    case "metadata.labels":
      return mapText(pod.metadata?.labels);
    case "metadata.annotations":
      return mapText(pod.metadata?.annotations);
    case "spec.nodeName":
      return node.nodeName;
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return node.hostIp;
    case "status.podIP":
    case "status.podIPs":
      return podIp;
    default:
      throw new ConfigError(`fieldRef: "${fieldPath}" is no field that a pod can be given`);
  }
}

/** A request or limit in units of the divisor, rounded up. @throws ConfigError on an unknown resource */
export function resourceValue(
  pod: Pod,
  containerName: string,
  selector: ResourceFieldSelector,
  node: NodeFacts,
): string {
  const name = selector.containerName ?? containerName;
  const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (one) => one.name === name,
  );
  if (container === undefined) throw new ConfigError(`resourceFieldRef: there is no container "${name}"`);
  const [side, resource = ""] = selector.resource.split(/\.(.*)/s);
  const limits = container.resources?.limits;
  const own =
    side === "requests" ? (container.resources?.requests?.[resource] ?? limits?.[resource]) : limits?.[resource];
  const text = own ?? (side === "requests" ? "0" : nodeLimit(resource, node));
  if (text === undefined) throw new ConfigError(`resourceFieldRef: "${selector.resource}" is not known`);
  const unit = parseQuantity(selector.divisor === undefined || selector.divisor === "0" ? "1" : selector.divisor).nanos;
  const { nanos } = parseQuantity(text);
  return ((nanos + unit - 1n) / unit).toString();
}

function nodeLimit(resource: string, { allocatable }: NodeFacts): string | undefined {
  if (resource === "cpu") return `${allocatable.cpuMillis}m`;
  if (resource === "memory") return String(allocatable.memoryBytes);
  return undefined;
}

/** `key="value"` lines in the order of keys. */
function mapText(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}
