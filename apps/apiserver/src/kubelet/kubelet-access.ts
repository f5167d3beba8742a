// Requests to kubelets: where a node's kubelet is, and a connection with our client certificate.
import { Agent, request } from "undici";
import type { Readable } from "node:stream";
import { isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from "@triarch/api";

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
  close(): Promise<void>;
}

const defaultKubeletPort = 10_250;
const addressTypes = ["InternalIP", "ExternalIP", "Hostname"];
const connectTimeoutMs = 5_000;
/** Until the head of the answer; the body may last as long as the client reads. */
const headersTimeoutMs = 30_000;
const connectionsPerNodeMax = 128;

export function kubeletAccess(credentials: KubeletCredentials): KubeletAccess {
  const agent = new Agent({
    connections: connectionsPerNodeMax,
    headersTimeout: headersTimeoutMs,
    bodyTimeout: 0,
    connect: {
      cert: credentials.certificatePem,
      key: credentials.keyPem,
      timeout: connectTimeoutMs,
      ...(credentials.caPem === undefined ? { rejectUnauthorized: false } : { ca: credentials.caPem }),
    },
  });
  return {
    get: async (node, path, signal) => {
      const { statusCode, body } = await request(`https://${kubeletAddress(node)}${path}`, {
        dispatcher: agent,
        signal,
      });
      return { statusCode, body };
    },
    close: () => agent.destroy(),
  };
}

/** @throws Error when the node has not said where it is */
export function kubeletAddress(node: JsonObject): string {
  const status = objectAt(node, "status") ?? {};
  const addresses = listAt(status, "addresses").filter(isObject);
  const endpoint = objectAt(objectAt(status, "daemonEndpoints") ?? {}, "kubeletEndpoint");
  const port = numberAt(endpoint, "Port") || defaultKubeletPort;
  for (const type of addressTypes) {
    const address = addresses.find((one) => one["type"] === type);
    if (address !== undefined) return `${hostText(textAt(address, "address"))}:${port}`;
  }
  const name = textAt(objectAt(node, "metadata"), "name");
  throw new Error(`node ${name} has no address in its status yet`);
}

function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
