import t from "tap";
import {
  aggregatedDiscovery,
  coreVersions,
  findResource,
  groupDocument,
  groupList,
  resourceList,
  resources,
} from "@triarch/api";
import type { JsonObject } from "@triarch/api";
import { exchanges, recordedMissing } from "./recorded.ts";

interface Row extends JsonObject {
  readonly name: string;
  readonly storageVersionHash?: string;
}
interface AggregatedVersion {
  readonly version: string;
  readonly resources: readonly {
    readonly resource: string;
    readonly subresources?: readonly { readonly subresource: string }[];
  }[];
}
interface AggregatedGroup {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly AggregatedVersion[];
}

t.test("documents name what is served and nothing else", async (t) => {
  t.same(coreVersions("10.0.0.1:6443"), {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "10.0.0.1:6443" }],
  });
  t.match(groupDocument("apps"), { kind: "APIGroup", name: "apps", preferredVersion: { groupVersion: "apps/v1" } });
  t.equal(groupDocument(""), undefined);
  t.equal(groupDocument("example.com"), undefined);
  t.equal(resourceList("apps", "v1beta1"), undefined);
  const names = (resourceList("", "v1")?.["resources"] as unknown as readonly Row[]).map((row) => row.name);
  t.ok(names.includes("pods") && names.includes("pods/log") && names.includes("pods/eviction"));
  t.notOk(names.includes("pods/nothing"));
  const bindings = (resourceList("", "v1")?.["resources"] as unknown as readonly Row[]).find(
    (row) => row.name === "bindings",
  );
  t.ok(bindings !== undefined && bindings.storageVersionHash === undefined, "what is not stored has no hash");
});

t.test("legacy documents are a real server's, less what is not served", { skip: recordedMissing }, async (t) => {
  const recorded = exchanges("discovery");
  const bodyOf = (step: string): JsonObject => recorded.find((exchange) => exchange.step === step)?.response.body ?? {};
  for (const groupVersion of new Set(resources.map((info) => `${info.group}/${info.version}`))) {
    const [group = "", version = ""] = groupVersion.split("/");
    const wanted = bodyOf(group === "" ? "api-v1" : groupVersion);
    const rows = (wanted["resources"] as unknown as readonly Row[]).filter((row) => isServed(group, version, row.name));
    const ours = resourceList(group, version) ?? {};
    const oursRows = (ours["resources"] as unknown as readonly Row[]).map((row) =>
      row.storageVersionHash === undefined ? row : { ...row, storageVersionHash: "<storageVersionHash>" },
    );
    t.same({ ...ours, resources: oursRows }, { ...wanted, resources: rows }, groupVersion);
  }
  const groups = (
    bodyOf("apis")["groups"] as unknown as readonly { name: string; versions: unknown[]; preferredVersion: unknown }[]
  ).filter((group) => resources.some((info) => info.group === group.name));
  t.same(groupList(), { ...bodyOf("apis"), groups });
});

t.test("aggregated documents are a real server's, less what is not served", { skip: recordedMissing }, async (t) => {
  for (const root of ["api", "apis"] as const) {
    const wanted =
      exchanges("discovery").find((exchange) => exchange.step === `aggregated-${root}`)?.response.body ?? {};
    const items = (wanted["items"] as unknown as readonly AggregatedGroup[]).map((group) => servedPart(group));
    t.same(aggregatedDiscovery(root), { ...wanted, items: items.filter((group) => group.versions.length > 0) });
  }
});

function isServed(group: string, version: string, name: string): boolean {
  const [resource = "", subresource] = name.split("/");
  const info = findResource(group, version, resource);
  return info !== undefined && (subresource === undefined || info.subresources.some((sub) => sub.name === subresource));
}

function servedPart(group: AggregatedGroup): AggregatedGroup {
  const name = group.metadata.name ?? "";
  const versions = group.versions.map((version) => ({
    ...version,
    resources: version.resources
      .filter((row) => isServed(name, version.version, row.resource))
      .map(({ subresources, ...row }) => {
        const left = (subresources ?? []).filter((sub) =>
          isServed(name, version.version, `${row.resource}/${sub.subresource}`),
        );
        return left.length > 0 ? { ...row, subresources: left } : row;
      }),
  }));
  return { ...group, versions: versions.filter((version) => version.resources.length > 0) };
}
