// ConfigMaps, Secrets and tokens that pods name. Read from the API when a container is made.
import { base64Bytes, type ConfigMap, type Pod, type Secret } from "@triarch/api";
import { utf8 } from "@triarch/base";
import { ApiError, resourceRefs, type KubeClient, type KubeObject } from "@triarch/client";

/** Something that the pod names is missing or can't be used: containers wait, as CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface ConfigSource {
  /** Values by key; undefined: there is no such ConfigMap. */
  configMap(namespace: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  secret(namespace: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  /** A token of the pod's service account. @throws ConfigError when the API gives none */
  token(pod: Pod, request: { readonly audience?: string; readonly expirationSeconds: number }): Promise<string>;
}

export function apiConfigSource(client: KubeClient): ConfigSource {
  return {
    async configMap(namespace, name) {
      const found = await orUndefined(client.get<ConfigMap>(resourceRefs.configMaps, { namespace, name }));
      if (found === undefined) return undefined;
      const values = new Map<string, Uint8Array>();
      for (const [key, value] of Object.entries(found.data ?? {})) values.set(key, utf8(value));
      for (const [key, value] of Object.entries(found.binaryData ?? {})) values.set(key, base64Bytes(value));
      return values;
    },
    async secret(namespace, name) {
      const found = await orUndefined(client.get<Secret>(resourceRefs.secrets, { namespace, name }));
      return found && new Map(Object.entries(found.data ?? {}).map(([key, value]) => [key, base64Bytes(value)]));
    },
    async token(pod, request) {
      const namespace = pod.metadata?.namespace ?? "";
      const name = pod.spec?.serviceAccountName ?? "default";
      const body = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          ...(request.audience === undefined ? { audiences: [] } : { audiences: [request.audience] }),
          expirationSeconds: request.expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod.metadata?.name, uid: pod.metadata?.uid },
        },
      };
      try {
        const answer = await client.createSubresource<KubeObject & { readonly status?: { readonly token?: string } }>(
          resourceRefs.serviceAccounts,
          { namespace, name },
          "token",
          body,
        );
        if (answer.status?.token !== undefined) return answer.status.token;
        throw new ConfigError(`the API gave no token for service account ${namespace}/${name}`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        throw new ConfigError(`failed to fetch token for service account ${namespace}/${name}: ${error.message}`, {
          cause: error,
        });
      }
    },
  };
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}
