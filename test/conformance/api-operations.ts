// What upstream's "should support X API operations" and "lifecycle" tests do with a kind that is only stored: discovery,
// then every verb, with watches that must see what the writes did. One test of ours asserts the union of their steps.
import type { Test } from "tap";
import { applyMergePatch, type JsonObject, type JsonValue } from "@triarch/api";
import type { ApiClient } from "./api-client.ts";
import { hasStatus, isDiscovered } from "./api-parts.ts";
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
  /** Names that the kind allows; default `NAMESPACE-1` and so on, and one that the server generates. */
  readonly names?: readonly [string, string, string];
  /** What a patch and then an update change besides annotations, as merge patches. */
  readonly changes?: readonly [JsonObject, JsonObject];
  /** A status that is patched, then one that is put in its place; undefined: the kind has no status subresource. */
  readonly status?: readonly [JsonObject, JsonObject];
  /** True: a controller guards it by a finalizer; nobody else is there, so the test takes it away. */
  readonly guarded?: boolean;
}

export interface Paths {
  readonly collection: string;
  readonly everywhere: string;
  readonly apiVersion: string;
  readonly label: string;
  /** Of this test's objects. */
  readonly selector: string;
}

export function pathsOf(
  { group, version, resource, namespaced }: Pick<Kind, "group" | "version" | "resource" | "namespaced">,
  namespace: string,
): Paths {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const root = group === "" ? `/api/${version}` : `/apis/${apiVersion}`;
  const label = `test-${namespace}`;
  return {
    apiVersion,
    collection: namespaced ? `${root}/namespaces/${namespace}/${resource}` : `${root}/${resource}`,
    everywhere: `${root}/${resource}`,
    label,
    selector: `labelSelector=${label}%3Dyes`,
  };
}

export async function supportsApiOperations(t: Test, api: ApiClient, namespace: string, kind: Kind): Promise<void> {
  const paths = pathsOf(kind, namespace);
  const { apiVersion, label, collection } = paths;
  const object = (name: string): JsonObject => ({
    ...{ apiVersion, kind: kind.kind, metadata: { name, labels: { [label]: "yes" } } },
    ...kind.make(name),
  });
  const names = kind.names ?? [1, 2, 3].map((i) => `${namespace}-${i}`);
  const name = names[0] ?? "";
  const path = `${collection}/${name}`;
  await isDiscovered(t, api, kind);
  const selecting = { labelSelector: `${label}=yes` };
  const watch = await api.watch(collection, selecting);
  const wide = await api.watch(paths.everywhere, selecting);
  const watches = [watch, wide];
  try {
    if (kind.names === undefined && kind.guarded !== true) await isNamed(t, api, object("generated-1"), paths);
    const listedAt = await isMadeAndRead(t, api, { names, object, paths });
    const later = await api.watch(collection, { ...selecting, resourceVersion: listedAt });
    watches.push(later);
    await isChanged(t, api, { path, watch, later, name, changes: kind.changes ?? [{}, {}] });
    await sees(t, wide, "MODIFIED", name, "the watch of all namespaces");
    if (kind.status !== undefined) await hasStatus(t, api, path, kind);
    if (kind.guarded === true) await loseFinalizers(t, api, paths);
    await isDeleted(t, api, { names, paths, watch });
    await isMadeAgain(t, api, { kind, path, object: object(name), paths });
    await api.delete(`${collection}?${paths.selector}`);
    t.same(await api.list(`${collection}?${paths.selector}`), [], "delete of the collection");
  } finally {
    for (const one of watches) one.close();
  }
}

interface Objects {
  readonly names: readonly string[];
  readonly object: (name: string) => JsonObject;
  readonly paths: Paths;
}

/** Made with a name that the server finds; gone again. */
async function isNamed(t: Test, api: ApiClient, template: JsonObject, { collection }: Paths): Promise<void> {
  const { name: _none, ...metadata } = template["metadata"] as JsonObject;
  const generateName = "generated-";
  const made = await api.create(collection, { ...template, metadata: { ...metadata, generateName } });
  t.match(nameOf(made), /^generated-[a-z0-9]{5}$/, "a name is generated");
  await api.delete(`${collection}/${nameOf(made)}`);
}

async function isMadeAndRead(t: Test, api: ApiClient, { names, object, paths }: Objects): Promise<string> {
  const uids = new Map<string, JsonValue | undefined>();
  for (const name of names) {
    const made = await api.create(paths.collection, object(name));
    t.match(made, { metadata: { name, uid: /./, creationTimestamp: /./, resourceVersion: /^\d+$/ } }, `create ${name}`);
    uids.set(name, (made["metadata"] as JsonObject)["uid"]);
  }
  const again = await api.call("POST", paths.collection, object(names[0] ?? ""));
  t.match([again.code, again.body["reason"]], [409, "AlreadyExists"]);
  const read = await api.get(`${paths.collection}/${names[0]}`);
  t.match(read, { apiVersion: paths.apiVersion, metadata: { name: names[0], resourceVersion: /^\d+$/ } }, "get");
  t.equal((read["metadata"] as JsonObject)["uid"], uids.get(names[0] ?? ""), "get finds what was made");
  const list = await api.get(`${paths.collection}?${paths.selector}`);
  const items = list["items"] as readonly JsonObject[];
  t.same(items.map(nameOf).sort(), [...names].sort(), "list");
  t.equal((await api.list(`${paths.everywhere}?${paths.selector}`)).length, names.length, "list everywhere");
  return (list["metadata"] as { readonly resourceVersion: string }).resourceVersion;
}

interface Changed {
  readonly path: string;
  readonly watch: WatchStream;
  /** Since the list: it sees changes only. */
  readonly later: WatchStream;
  readonly name: string;
  readonly changes: readonly [JsonObject, JsonObject];
}

async function isChanged(t: Test, api: ApiClient, { path, watch, later, name, changes }: Changed): Promise<void> {
  const before = await api.get(path);
  const [patch, update] = changes;
  const patched = await api.patch(path, merged({ metadata: { annotations: { patched: "true" } } }, patch));
  t.match(patched, { metadata: { annotations: { patched: "true" } }, ...patch }, "patch");
  t.ok(versionOf(patched) > versionOf(before), "the version grows");
  const labelled = { metadata: { labels: { [name]: "patched" } } };
  t.match(await api.patch(path, labelled, "strategic"), labelled, "strategic merge patch");
  const stale = await api.get(path);
  const updated = await updateLatest(api, path, path, (current) => merged(annotated(current, "updated"), update));
  t.match(updated, { metadata: { annotations: { patched: "true", updated: "true" } }, ...update }, "update");
  const late = await api.call("PUT", path, stale);
  t.match([late.code, late.body["reason"]], [409, "Conflict"], "an update of what was changed meanwhile");
  await sees(t, watch, "ADDED", name, "the watch");
  await sees(t, watch, "MODIFIED", name, "the watch", { patched: "true" });
  await sees(t, watch, "MODIFIED", name, "the watch", { patched: "true", updated: "true" });
  const types = new Set<string>();
  await later.until((event) => {
    types.add(event.type);
    return isEvent(event.object, name, { patched: "true", updated: "true" });
  });
  t.same([...types], ["MODIFIED"], "a watch from the list's version sees nothing but changes");
}

export function merged(object: JsonObject, patch: JsonObject): JsonObject {
  return applyMergePatch(object, patch);
}

export function annotated(object: JsonObject, annotation: string): JsonObject {
  return merged(object, { metadata: { annotations: { [annotation]: "true" } } });
}

const attemptsMax = 10;

/** The server itself may write in between: then it is read and tried again, as clients do. @throws Error in the end */
export async function updateLatest(
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

async function loseFinalizers(t: Test, api: ApiClient, { collection, selector }: Paths): Promise<void> {
  for (const one of await api.list(`${collection}?${selector}`)) {
    if ((one["metadata"] as JsonObject)["finalizers"] === undefined) continue;
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
  const { code, body } = await api.call("GET", `${paths.collection}/${first}`);
  t.match([code, body["reason"]], [404, "NotFound"], "delete");
  await sees(t, watch, "DELETED", first, "the watch");
  t.same((await api.list(`${paths.collection}?${paths.selector}`)).map(nameOf).sort(), [...rest].sort());
}

interface Again {
  readonly kind: Kind;
  readonly path: string;
  readonly object: JsonObject;
  readonly paths: Paths;
}

/** Another one of the same name, which is labelled by an update and found by that label. */
async function isMadeAgain(t: Test, api: ApiClient, { kind, path, object, paths }: Again): Promise<void> {
  const made = await api.create(paths.collection, object);
  t.notOk((made["metadata"] as JsonObject)["annotations"], "nothing of the old one is left");
  await updateLatest(api, path, path, (current) => merged(current, { metadata: { labels: { again: paths.label } } }));
  const found = await api.list(`${paths.collection}?labelSelector=again%3D${paths.label}`);
  t.same(found.map(nameOf), [nameOf(object)], "found by its new label");
  if (kind.guarded === true) await loseFinalizers(t, api, paths);
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
  await watch.until((event) => event.type === type && isEvent(event.object, name, annotations));
  t.pass(`${who} sees ${name} ${type} with ${Object.keys(annotations).join(" and ") || "no more"}`);
}

function isEvent(object: JsonObject, name: string, annotations: Readonly<Record<string, string>>): boolean {
  const metadata = (object["metadata"] ?? {}) as JsonObject;
  const found = (metadata["annotations"] ?? {}) as JsonObject;
  return metadata["name"] === name && Object.entries(annotations).every(([key, value]) => found[key] === value);
}

export function nameOf(object: JsonObject): string {
  const { name } = (object["metadata"] ?? {}) as { readonly name?: string };
  return name ?? "";
}

export function versionOf(object: JsonObject): bigint {
  return BigInt((object["metadata"] as { readonly resourceVersion: string }).resourceVersion);
}
