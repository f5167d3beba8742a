// Served resources of Kubernetes 1.36 out of its aggregated discovery documents, in their order.
import { parseExchanges } from "./facts.ts";

interface DiscoveredKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
interface DiscoveryDocument {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly {
        readonly resource: string;
        readonly responseKind: DiscoveredKind;
        readonly scope: string;
        readonly singularResource: string;
        readonly verbs: readonly string[];
        readonly shortNames?: readonly string[];
        readonly categories?: readonly string[];
        readonly subresources?: readonly {
          readonly subresource: string;
          readonly responseKind: DiscoveredKind;
          readonly verbs: readonly string[];
        }[];
      }[];
    }[];
  }[];
}

export interface DiscoveredResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly {
    name: string;
    group: string;
    version: string;
    kind: string;
    verbs: readonly string[];
  }[];
}

export function discoveredResources(exchanges: string): DiscoveredResource[] {
  const resources: DiscoveredResource[] = [];
  const all = parseExchanges(exchanges);
  for (const step of ["aggregated-api", "aggregated-apis"]) {
    const found = all.find((exchange) => exchange.group === "discovery" && exchange.step === step);
    if (found === undefined) throw new Error(`recorded/conversations.jsonl lacks discovery step ${step}`);
    for (const item of (found.response.body as DiscoveryDocument).items)
      for (const { version, resources: ofVersion } of item.versions)
        for (const row of ofVersion) {
          const group = item.metadata.name ?? "";
          // An empty group and version mean those of the document around.
          const kindOf = (kind: DiscoveredKind): DiscoveredKind =>
            kind.version === "" ? { group, version, kind: kind.kind } : kind;
          resources.push({
            group,
            version,
            resource: row.resource,
            kind: row.responseKind.kind,
            singular: row.singularResource,
            namespaced: row.scope === "Namespaced",
            verbs: row.verbs,
            shortNames: row.shortNames ?? [],
            categories: row.categories ?? [],
            subresources: (row.subresources ?? []).map((sub) => ({
              name: sub.subresource,
              ...kindOf(sub.responseKind),
              verbs: sub.verbs,
            })),
          });
        }
  }
  return resources;
}
