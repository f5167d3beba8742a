// Requests to kubelets: where a node's kubelet is, and connections with our client certificate.
import { Agent, type Dispatcher, request } from "undici";
import type { Readable } from "node:stream";
import { isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from "@triarch/api";
import { hostOf } from "../tunnel/proxy-target.ts";
import type { UpstreamTls } from "../tunnel/upstream-upgrade.ts";

export interface KubeletCredentials {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Who signed the kubelets' certificates; undefined: they are not verified, as in Kubernetes without that setting. */
  readonly caPem: string | undefined;
}

export interface KubeletAnswer {
  readonly statusCode: number;
  readonly body: Readable;
}

export interface KubeletAccess {
  /** @throws Error when the kubelet can't be reached */
  get(node: JsonObject, path: string, signal: AbortSignal): Promise<KubeletAnswer>;
  /** `https://HOST:PORT`. @throws Error when the node has not said where it is */
  urlOf(node: JsonObject): string;
  /** Who we are to a kubelet, and which kubelets we believe. */
  readonly tls: UpstreamTls;
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}

const defaultKubeletPort = 10_250;
const addressTypes = ["InternalIP", "ExternalIP", "Hostname"];
const connectTimeoutMs = 5_000;
/** Until the head of the answer; the body may last as long as the client reads. */
const headersTimeoutMs = 30_000;
const connectionsPerNodeMax = 128;

export function kubeletAccess({ certificatePem, keyPem, caPem }: KubeletCredentials): KubeletAccess {
  const tls: UpstreamTls = {
    cert: certificatePem,
    key: keyPem,
    ...(caPem === undefined ? { rejectUnauthorized: false } : { ca: caPem }),
  };
  const dispatcher = new Agent({
    connections: connectionsPerNodeMax,
    headersTimeout: headersTimeoutMs,
    bodyTimeout: 0,
    connect: { ...tls, timeout: connectTimeoutMs },
  });
  const urlOf = (node: JsonObject): string => `https://${hostOf(nodeAddress(node), kubeletPort(node))}`;
  return {
    get: async (node, path, signal) => {
      const { statusCode, body } = await request(`${urlOf(node)}${path}`, { dispatcher, signal });
      return { statusCode, body };
    },
    urlOf,
    tls,
    dispatcher,
    close: () => dispatcher.destroy(),
  };
}

export function kubeletPort(node: JsonObject): number {
  const endpoint = objectAt(objectAt(objectAt(node, "status") ?? {}, "daemonEndpoints") ?? {}, "kubeletEndpoint");
  return numberAt(endpoint, "Port") || defaultKubeletPort;
}

/** @throws Error when the node has not said where it is */
export function nodeAddress(node: JsonObject): string {
  const addresses = listAt(objectAt(node, "status") ?? {}, "addresses").filter(isObject);
  for (const type of addressTypes) {
    const address = addresses.find((one) => one["type"] === type);
    if (address !== undefined) return textAt(address, "address");
  }
  const name = textAt(objectAt(node, "metadata"), "name");
  throw new Error(`node ${name} has no address in its status yet`);
}
