// Raw requests to an API server, for what kubectl would not send.
import { Agent, request } from "undici";
import { loadKubeconfig } from "@triarch/client";

export interface RawRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the kubeconfig's client certificate. */
  readonly identity?: "kubeconfig" | "none" | { readonly certificatePem: string; readonly keyPem: string };
}

export interface RawAnswer {
  readonly statusCode: number;
  readonly text: string;
  /** Undefined when the body is not JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** One request to the first server of a kubeconfig, on a connection of its own. */
export async function rawRequest(kubeconfig: string, wanted: RawRequest): Promise<RawAnswer> {
  const access = await loadKubeconfig(kubeconfig);
  const identity = wanted.identity ?? "kubeconfig";
  const pair =
    identity === "kubeconfig"
      ? { cert: access.clientCertificatePem ?? "", key: access.clientKeyPem ?? "" }
      : identity === "none"
        ? {}
        : { cert: identity.certificatePem, key: identity.keyPem };
  const agent = new Agent({ connect: { ca: access.caPem ?? "", ...pair } });
  try {
    const answer = await request(`${access.servers[0]}${wanted.path}`, {
      dispatcher: agent,
      method: wanted.method ?? "GET",
      headers: {
        ...(wanted.contentType === undefined ? {} : { "content-type": wanted.contentType }),
        ...wanted.headers,
      },
      ...(wanted.body === undefined ? {} : { body: wanted.body }),
      headersTimeout: 20_000,
    });
    const text = await answer.body.text();
    return { statusCode: answer.statusCode, text, json: jsonOf(text) };
  } finally {
    await agent.destroy();
  }
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
