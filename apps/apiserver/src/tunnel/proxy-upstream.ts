// Where the proxy of a pod, a service or a node leads.
import {
  badRequest,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  serviceUnavailable,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined, type Rng } from "@triarch/base";
import { Agent, type Dispatcher } from "undici";
import type { Api, ResourceCall } from "../handlers/api.ts";
import { about } from "../http/failures.ts";
import { kubeletPort, nodeAddress } from "../kubelet/kubelet-access.ts";
import { kubeletsOf, nodeNamed } from "../kubelet/pod-on-node.ts";
import type { ResourceStore } from "../storage/index.ts";
import { hostOf, isPort, isProxyableAddress, type NamedTarget, parseTarget } from "./proxy-target.ts";
import type { UpstreamTls } from "./upstream-upgrade.ts";

export interface Upstream {
  /** `http://10.244.1.5:8080`. */
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly tls: UpstreamTls;
}

const connectTimeoutMs = 10_000;
/** Until a proxied server begins to answer. */
const headersTimeoutMs = 5 * 60_000;
/** To one address; further requests wait. */
const connectionsPerAddressMax = 128;

/** For pods and services. What listens in a pod has a certificate of its own making, if any: it is not verified. */
export function proxyAgent(): Agent {
  return new Agent({
    connections: connectionsPerAddressMax,
    headersTimeout: headersTimeoutMs,
    bodyTimeout: 0,
    connect: { timeout: connectTimeoutMs, rejectUnauthorized: false },
  });
}

/** @throws StatusError 400 | 404 | 503 */
export async function findUpstream(call: ResourceCall): Promise<Upstream> {
  const { api, info, resource } = call;
  const kind = resource.kind.toLowerCase();
  const target = parseTarget(info.name);
  if (target === undefined) throw new StatusError(badRequest(`invalid ${kind} request ${JSON.stringify(info.name)}`));
  if (kind === "node") return nodeUpstream(api, target);
  const key = { namespace: info.namespace, name: target.name };
  const found = await about({ resource, name: target.name }, () => api.registry.store.get(resource, key));
  const place =
    kind === "pod"
      ? podPlace(found.object(), target)
      : await servicePlace({ ...api.registry, namespace: info.namespace }, found.object(), target);
  return direct(api, target, place);
}

interface Place {
  readonly address: string;
  /** Undefined: the scheme's own. */
  readonly port: number | undefined;
}

function direct({ proxyDispatcher }: Api, { scheme }: NamedTarget, { address, port }: Place): Upstream {
  if (!isProxyableAddress(address)) throw new StatusError(badRequest("address not allowed"));
  const host = hostOf(address, port ?? (scheme === "https" ? 443 : 80));
  const tls = { rejectUnauthorized: false };
  return { origin: `${scheme === "https" ? "https" : "http"}://${host}`, dispatcher: proxyDispatcher, tls };
}

async function nodeUpstream(api: Api, target: NamedTarget): Promise<Upstream> {
  const node = await nodeNamed(api, target.name);
  if (target.port === "" || target.port === String(kubeletPort(node))) {
    const kubelets = kubeletsOf(api);
    return { origin: kubelets.urlOf(node), dispatcher: kubelets.dispatcher, tls: kubelets.tls };
  }
  if (!isPort(target.port)) throw new StatusError(badRequest(`${JSON.stringify(target.port)} is no port of a node`));
  return direct(api, target, { address: nodeAddress(node), port: Number(target.port) });
}

/** A number, the name of a container's port, or the first port that any container names. */
function podPlace(pod: JsonObject, { port }: NamedTarget): Place {
  const address = textAt(objectAt(pod, "status"), "podIP");
  if (isPort(port)) return { address, port: Number(port) };
  const ports = listAt(objectAt(pod, "spec") ?? {}, "containers")
    .filter(isObject)
    .flatMap((container) => listAt(container, "ports").filter(isObject));
  const found = port === "" ? ports[0] : ports.find((one) => textAt(one, "name") === port);
  if (found === undefined && port !== "") throw new StatusError(badRequest(`no container has a port named "${port}"`));
  return { address, port: found === undefined ? undefined : numberAt(found, "containerPort") };
}

interface ServiceParts {
  readonly store: ResourceStore;
  readonly rng: Rng;
  readonly namespace: string;
}

/** One of the ready endpoints, by chance. */
async function servicePlace(parts: ServiceParts, service: JsonObject, { name, port }: NamedTarget): Promise<Place> {
  const ports = listAt(objectAt(service, "spec") ?? {}, "ports").filter(isObject);
  let portName = port;
  if (isPort(port)) {
    const found = ports.find((one) => numberAt(one, "port") === Number(port));
    if (found === undefined) {
      throw new StatusError(serviceUnavailable(`no service port ${port} found for service "${name}"`));
    }
    portName = textAt(found, "name");
  } else if (port === "" && ports.length === 1) portName = textAt(ports[0], "name");
  const places = (await slicesOf(parts, name)).flatMap((slice) => readyPlaces(slice, portName));
  const chosen = places[parts.rng.int(Math.max(1, places.length))];
  if (chosen === undefined) throw new StatusError(serviceUnavailable(`no endpoints available for service "${name}"`));
  return chosen;
}

async function slicesOf({ store, namespace }: ServiceParts, service: string): Promise<readonly JsonObject[]> {
  const slices = findResource("discovery.k8s.io", "v1", "endpointslices");
  const labelSelector = {
    matches: (labels: Readonly<Record<string, string>>) => labels["kubernetes.io/service-name"] === service,
  };
  const { items } = await about({ resource: assertDefined(slices, "endpointslices are not served"), name: "" }, () =>
    store.list(assertDefined(slices, "checked"), { namespace, labelSelector, resourceVersion: "0" }),
  );
  return items.map((item) => item.object());
}

function readyPlaces(slice: JsonObject, portName: string): readonly Place[] {
  const port = listAt(slice, "ports")
    .filter(isObject)
    .find((one) => textAt(one, "name") === portName);
  if (port === undefined) return [];
  return listAt(slice, "endpoints")
    .filter(isObject)
    .filter((endpoint) => objectAt(endpoint, "conditions")?.["ready"] !== false)
    .flatMap((endpoint) => listAt(endpoint, "addresses"))
    .filter((address) => typeof address === "string")
    .map((address) => ({ address, port: numberAt(port, "port") }));
}
