// What upstream's "should support X API operations" and "lifecycle" tests do with a kind that is only stored: discovery,
// then every verb, with watches that must see what the writes did. One test of ours asserts the union of their steps.
import type { Test } from "tap";
import type { JsonObject } from "@triarch/api";
import type { ApiClient } from "./api-client.ts";
import type { WatchStream } from "./watch-stream.ts";

export interface Kind {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Everything but apiVersion, kind and metadata. */
  readonly make: (name: string) => JsonObject;
  /** Names that the kind allows; default `NAMESPACE-1` and so on. */
  readonly names?: readonly [string, string, string];
  /** A status that is written and must be read back; undefined: the kind has no status subresource. */
  readonly status?: JsonObject;
  /** True: a controller guards it by a finalizer; nobody else is there, so the test takes it away. */
  readonly guarded?: boolean;
}

interface Paths {
  readonly collection: string;
  readonly everywhere: string;
  readonly apiVersion: string;
  /** Of this test's objects. */
  readonly selector: string;
}

export async function supportsApiOperations(t: Test, api: ApiClient, namespace: string, kind: Kind): Promise<void> {
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${apiVersion}`;
  const label = `test-${namespace}`;
  const paths: Paths = {
    apiVersion,
    collection: kind.namespaced ? `${root}/namespaces/${namespace}/${kind.resource}` : `${root}/${kind.resource}`,
    everywhere: `${root}/${kind.resource}`,
    selector: `labelSelector=${label}%3Dyes`,
  };
  const object = (name: string): JsonObject => ({
    ...{ apiVersion, kind: kind.kind, metadata: { name, labels: { [label]: "yes" } } },
    ...kind.make(name),
  });
  const names = kind.names ?? ([1, 2, 3].map((i) => `${namespace}-${i}`) as unknown as [string, string, string]);
  await isDiscovered(t, api, kind);
  const watch = await api.watch(paths.collection, { labelSelector: `${label}=yes` });
  const wide = await api.watch(paths.everywhere, { labelSelector: `${label}=yes` });
  try {
    await isMadeAndRead(t, api, { names, object, paths });
    await isChanged(t, api, { path: `${paths.collection}/${names[0]}`, watch, name: names[0] });
    await sees(t, wide, "MODIFIED", names[0], "the watch of all namespaces");
    if (kind.status !== undefined) await hasStatus(t, api, `${paths.collection}/${names[0]}`, kind.status);
    if (kind.guarded === true) await loseFinalizers(t, api, paths);
    await isDeleted(t, api, { names, paths, watch });
  } finally {
    watch.close();
    wide.close();
  }
}

async function isDiscovered(
  t: Test,
  api: ApiClient,
  { group, version, resource, kind, namespaced }: Kind,
): Promise<void> {
  if (group !== "") {
    const groups = (await api.get("/apis"))["groups"] as readonly JsonObject[];
    const found = groups.find((one) => one["name"] === group);
    t.match(found, { versions: [{ groupVersion: `${group}/${version}` }] }, `/apis has ${group}`);
    t.match(await api.get(`/apis/${group}`), { kind: "APIGroup", name: group }, `/apis/${group}`);
  }
  const list = await api.get(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
  const found = (list["resources"] as readonly JsonObject[]).find((one) => one["name"] === resource);
  t.match(found, { kind, namespaced }, `${resource} is discovered`);
}

interface Objects {
  readonly names: readonly string[];
  readonly object: (name: string) => JsonObject;
  readonly paths: Paths;
}

async function isMadeAndRead(t: Test, api: ApiClient, { names, object, paths }: Objects): Promise<void> {
  for (const name of names) {
    const made = await api.create(paths.collection, object(name));
    t.match(made, { metadata: { name, uid: /./, creationTimestamp: /./ } }, `create ${name}`);
  }
  const again = await api.call("POST", paths.collection, object(names[0] ?? ""));
  t.match([again.code, again.body["reason"]], [409, "AlreadyExists"]);
  const read = await api.get(`${paths.collection}/${names[0]}`);
  t.match(read, { apiVersion: paths.apiVersion, metadata: { name: names[0] } }, "get");
  const listed = await api.list(`${paths.collection}?${paths.selector}`);
  t.same(listed.map(nameOf).sort(), [...names].sort(), "list");
  t.equal((await api.list(`${paths.everywhere}?${paths.selector}`)).length, names.length, "list everywhere");
}

interface Changed {
  readonly path: string;
  readonly watch: WatchStream;
  readonly name: string;
}

async function isChanged(t: Test, api: ApiClient, { path, watch, name }: Changed): Promise<void> {
  const patched = await api.patch(path, { metadata: { annotations: { patched: "true" } } });
  t.match(patched, { metadata: { annotations: { patched: "true" } } }, "patch");
  const stale = await api.get(path);
  const updated = await updateLatest(api, path, path, (current) => annotated(current, "updated"));
  t.match(updated, { metadata: { annotations: { patched: "true", updated: "true" } } }, "update");
  const late = await api.call("PUT", path, stale);
  t.match([late.code, late.body["reason"]], [409, "Conflict"], "an update of what was changed meanwhile");
  await sees(t, watch, "ADDED", name, "the watch");
  await sees(t, watch, "MODIFIED", name, "the watch", { patched: "true" });
  await sees(t, watch, "MODIFIED", name, "the watch", { patched: "true", updated: "true" });
}

function annotated(object: JsonObject, annotation: string): JsonObject {
  const metadata = object["metadata"] as JsonObject;
  const annotations = { ...(metadata["annotations"] as JsonObject | undefined), [annotation]: "true" };
  return { ...object, metadata: { ...metadata, annotations } };
}

const attemptsMax = 10;

/** The server itself may write in between: then it is read and tried again, as clients do. @throws Error in the end */
async function updateLatest(
  api: ApiClient,
  path: string,
  target: string,
  change: (current: JsonObject) => JsonObject,
): Promise<JsonObject> {
  for (let attempt = 1; ; attempt++) {
    const answer = await api.call("PUT", target, change(await api.get(path)));
    if (answer.code === 200) return answer.body;
    if (answer.code !== 409 || attempt === attemptsMax) throw new Error(`PUT ${target}: ${answer.code} ${answer.text}`);
  }
}

async function hasStatus(t: Test, api: ApiClient, path: string, status: JsonObject): Promise<void> {
  t.match(await api.get(`${path}/status`), { metadata: { uid: /./ } }, "get status");
  const annotations = { patchedstatus: "true" };
  const patched = await api.patch(`${path}/status`, { metadata: { annotations }, status });
  t.match(patched, { metadata: { annotations }, status }, "patch status");
  const updated = await updateLatest(api, path, `${path}/status`, (current) => ({
    ...annotated(current, "updatedstatus"),
    status,
  }));
  t.match(updated, { status }, "update status");
  t.match(await api.get(path), { status }, "it is kept");
}

async function loseFinalizers(t: Test, api: ApiClient, { collection, selector }: Paths): Promise<void> {
  for (const one of await api.list(`${collection}?${selector}`)) {
    t.match(one, { metadata: { finalizers: [/protection$/] } }, "it is guarded");
    await api.patch(`${collection}/${nameOf(one)}`, { metadata: { finalizers: null } });
  }
}

interface Deleted {
  readonly names: readonly string[];
  readonly paths: Paths;
  readonly watch: WatchStream;
}

async function isDeleted(t: Test, api: ApiClient, { names, paths, watch }: Deleted): Promise<void> {
  const [first = "", ...rest] = names;
  await api.delete(`${paths.collection}/${first}`);
  t.equal((await api.call("GET", `${paths.collection}/${first}`)).code, 404, "delete");
  await sees(t, watch, "DELETED", first, "the watch");
  t.same((await api.list(`${paths.collection}?${paths.selector}`)).map(nameOf).sort(), [...rest].sort());
  await api.delete(`${paths.collection}?${paths.selector}`);
  t.same(await api.list(`${paths.collection}?${paths.selector}`), [], "delete of the collection");
}

/** The server itself may write in between: such events are passed over. */
async function sees(
  t: Test,
  watch: WatchStream,
  type: string,
  name: string,
  who: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<void> {
  await watch.until((event) => {
    const metadata = (event.object["metadata"] ?? {}) as JsonObject;
    const found = (metadata["annotations"] ?? {}) as JsonObject;
    const fits = Object.entries(annotations).every(([key, value]) => found[key] === value);
    return event.type === type && metadata["name"] === name && fits;
  });
  t.pass(`${who} sees ${name} ${type} with ${Object.keys(annotations).join(" and ") || "no more"}`);
}

export function nameOf(object: JsonObject): string {
  const { name } = (object["metadata"] ?? {}) as { readonly name?: string };
  return name ?? "";
}
