// Parts of the tests of API operations: what discovery says of a kind, and its status subresource.
import type { Test } from "tap";
import type { JsonObject } from "@triarch/api";
import type { ApiClient } from "./api-client.ts";
import { annotated, type Kind, merged, updateLatest } from "./api-operations.ts";

type Objects = readonly JsonObject[];

export async function isDiscovered(
  t: Test,
  api: ApiClient,
  { group, version, resource, kind, namespaced, status }: Omit<Kind, "make">,
): Promise<void> {
  const groupVersion = `${group}/${version}`;
  const names = (versions: unknown): readonly unknown[] => (versions as Objects).map((one) => one["groupVersion"]);
  if (group !== "") {
    const groups = (await api.get("/apis"))["groups"] as Objects;
    const found = groups.find((one) => one["name"] === group);
    t.ok(names(found?.["versions"] ?? []).includes(groupVersion), `/apis has ${groupVersion}`);
    const own = await api.get(`/apis/${group}`);
    t.match(own, { kind: "APIGroup", name: group }, `/apis/${group}`);
    t.ok(names(own["versions"]).includes(groupVersion), `/apis/${group} has ${groupVersion}`);
  }
  const list = await api.get(group === "" ? `/api/${version}` : `/apis/${groupVersion}`);
  const resources = list["resources"] as Objects;
  t.match(
    resources.find((one) => one["name"] === resource),
    { kind, namespaced },
    `${resource} is discovered`,
  );
  if (status === undefined) return;
  t.match(
    resources.find((one) => one["name"] === `${resource}/status`),
    { kind, verbs: ["get", "patch", "update"] },
    `${resource}/status is discovered`,
  );
}

export async function hasStatus(t: Test, api: ApiClient, path: string, kind: Kind): Promise<void> {
  const [patch, update] = kind.status ?? [{}, {}];
  const { uid } = (await api.get(path))["metadata"] as { readonly uid: string };
  t.match(await api.get(`${path}/status`), { kind: kind.kind, metadata: { uid } }, "get status");
  const annotations = { patchedstatus: "true" };
  const patched = await api.patch(`${path}/status`, { metadata: { annotations }, status: patch });
  t.match(patched, { metadata: { annotations }, status: patch }, "patch status");
  t.match(await api.get(`${path}/status`), { status: patch }, "get the patched status");
  const updated = await updateLatest(api, path, `${path}/status`, (current) =>
    merged(annotated(current, "updatedstatus"), { status: update }),
  );
  t.match(updated, { status: update }, "update status");
  t.match(await api.get(path), { status: update }, "it is kept");
}
