// Kinds of dynamic resource allocation: every verb, every patch, every watch event.
import { conformance, type TestCase } from "./conformance.ts";
import { supportsCrud, type CrudKind } from "./crud-operations.ts";

const device = { requests: [{ name: "r", exactly: { deviceClassName: "example.com" } }] };
const pool = { name: "pool", generation: 1, resourceSliceCount: 1 };
/** Where a spec never changes, labels do. */
const label = (namespace: string): CrudKind["change"] => ({
  metadata: { labels: { [`test-${namespace}`]: "yes", changed: "yes" } },
});

const crud = (
  resource: string,
  kind: string,
  more: Pick<CrudKind, "namespaced" | "make" | "status"> & { readonly change?: CrudKind["change"] },
): TestCase => ({
  name: `resource.k8s.io/v1 ${kind}`,
  steps: (t, api, namespace) =>
    supportsCrud(t, api, namespace, {
      ...{ group: "resource.k8s.io", version: "v1", resource, kind, change: label(namespace) },
      ...more,
    }),
});

await conformance(import.meta.filename, {
  "[DRA] CRUD Tests": [
    crud("deviceclasses", "DeviceClass", {
      namespaced: false,
      make: () => ({ spec: { selectors: [{ cel: { expression: "true" } }] } }),
      change: { spec: { selectors: [{ cel: { expression: "false" } }] } },
    }),
    crud("resourceclaims", "ResourceClaim", {
      namespaced: true,
      make: () => ({ spec: { devices: device } }),
      status: {
        allocation: { devices: { results: [{ request: "r", driver: "d.example.com", pool: "p", device: "x" }] } },
      },
    }),
    crud("resourceclaimtemplates", "ResourceClaimTemplate", {
      namespaced: true,
      make: () => ({ spec: { spec: { devices: device } } }),
    }),
    crud("resourceslices", "ResourceSlice", {
      namespaced: false,
      make: () => ({ spec: { driver: "dra.example.com", nodeName: "node", pool, devices: [{ name: "device" }] } }),
      change: {
        spec: { driver: "dra.example.com", nodeName: "node", pool, devices: [{ name: "device" }, { name: "other" }] },
      },
    }),
  ],
});
