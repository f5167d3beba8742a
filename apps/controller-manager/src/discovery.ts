// Which resources the API serves: read from aggregated discovery, two requests in all.
import type { KubeClient, ResourceRef } from "@triarch/client";

const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const freshness = { current: "Current" } as const;

export interface ServedResource {
  /** In the version that its group prefers of those that serve it. */
  readonly ref: ResourceRef;
  readonly verbs: readonly string[];
}

export interface Discovery {
  readonly resources: readonly ServedResource[];
  /** Groups and versions whose servers could not be asked: their resources may be missing. */
  readonly stale: readonly string[];
}

interface GroupList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly scope: string;
        readonly verbs: readonly string[];
        readonly responseKind?: { readonly kind?: string };
      }[];
    }[];
  }[];
}

/** @throws Error when the API gives no discovery document */
export async function discoverResources(client: KubeClient, signal?: AbortSignal): Promise<Discovery> {
  const resources = new Map<string, ServedResource>();
  const stale: string[] = [];
  for (const path of ["/api", "/apis"]) {
    const answer = await client.raw({
      method: "GET",
      path,
      headers: { accept },
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.statusCode !== 200) throw new Error(`discovery: GET ${path} answered HTTP ${answer.statusCode}`);
    const list = JSON.parse(new TextDecoder().decode(answer.body)) as GroupList;
    for (const group of list.items ?? []) {
      const name = group.metadata?.name ?? "";
      for (const version of group.versions ?? []) {
        if ((version.freshness ?? freshness.current) !== freshness.current) stale.push(`${name}/${version.version}`);
        for (const { resource, scope, verbs, responseKind } of version.resources ?? []) {
          const key = `${name}/${resource}`;
          if (resources.has(key)) continue; // the group's preferred version comes first
          const namespaced = scope === "Namespaced";
          const kind = responseKind?.kind ?? "";
          resources.set(key, {
            ref: { group: name, version: version.version, resource, namespaced, kind },
            verbs,
          });
        }
      }
    }
  }
  return { resources: [...resources.values()], stale };
}

/** `pods`, `deployments.apps` */
export function resourceName(ref: ResourceRef): string {
  return ref.group === "" ? ref.resource : `${ref.resource}.${ref.group}`;
}
