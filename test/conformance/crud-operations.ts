// What upstream's generic CRUD test of newer kinds does: every verb and every kind of patch, each with strict validation,
// and after each step the watches must show it, in order.
import type { Test } from "tap";
import type { JsonObject, JsonValue } from "@triarch/api";
import { type ApiClient, patchTypes } from "./api-client.ts";
import { type Kind, merged, nameOf, type Paths, pathsOf, updateLatest, versionOf } from "./api-operations.ts";
import { isDiscovered } from "./api-parts.ts";
import type { WatchStream } from "./watch-stream.ts";

export interface CrudKind extends Omit<Kind, "names" | "changes" | "guarded" | "status"> {
  /** As a merge patch. */
  readonly change: JsonObject;
  readonly status?: JsonObject;
}

type PatchType = keyof typeof patchTypes;
const patchKinds: readonly PatchType[] = ["strategic", "apply", "merge", "json"];

export async function supportsCrud(t: Test, api: ApiClient, namespace: string, kind: CrudKind): Promise<void> {
  const { status, ...plain } = kind;
  await isDiscovered(t, api, { ...plain, ...(status === undefined ? {} : { status: [status, status] }) });
  const life = await Life.start(t, api, namespace, kind);
  try {
    await life.create();
    t.match(await api.get(life.path), { metadata: { name: life.name } }, "get");
    await life.changed(
      "update",
      () => updateLatest(api, life.path, life.path, (one) => merged(one, kind.change)),
      kind.change,
    );
    if (status !== undefined) {
      const put = () => updateLatest(api, life.path, `${life.path}/status`, (one) => merged(one, { status }));
      await life.changed("update of the status", put, { status });
      t.match(await api.get(`${life.path}/status`), { metadata: { name: life.name }, status }, "get of the status");
    }
    for (const type of patchKinds) {
      await life.startAnew();
      await life.changed(`${type} patch`, () => life.patch(life.path, type, kind.change), kind.change);
    }
    for (const type of status === undefined ? [] : patchKinds) {
      await life.startAnew();
      const change = { status: status ?? null };
      await life.changed(`${type} patch of the status`, () => life.patch(`${life.path}/status`, type, change), {
        status,
      });
    }
    await life.endByCollection();
  } finally {
    life.close();
  }
}

/** One object of one name that is made and deleted several times, and the watches that follow it. */
class Life {
  readonly name: string;
  readonly path: string;
  readonly #t: Test;
  readonly #api: ApiClient;
  readonly #object: JsonObject;
  readonly #paths: Paths;
  readonly #watches: readonly WatchStream[];
  #uid: JsonValue | undefined;

  private constructor(t: Test, api: ApiClient, namespace: string, kind: CrudKind, watches: readonly WatchStream[]) {
    const paths = pathsOf(kind, namespace);
    this.name = `test-${namespace}`;
    this.path = `${paths.collection}/${this.name}`;
    this.#t = t;
    this.#api = api;
    this.#paths = paths;
    this.#watches = watches;
    const metadata = { name: this.name, labels: { [paths.label]: "yes" } };
    this.#object = { apiVersion: paths.apiVersion, kind: kind.kind, metadata, ...kind.make(this.name) };
  }

  static async start(t: Test, api: ApiClient, namespace: string, kind: CrudKind): Promise<Life> {
    const { collection, everywhere, label } = pathsOf(kind, namespace);
    const watched = kind.namespaced ? [everywhere, collection] : [everywhere];
    const watches = await Promise.all(watched.map((path) => api.watch(path, { labelSelector: `${label}=yes` })));
    return new Life(t, api, namespace, kind, watches);
  }

  async create(): Promise<void> {
    const made = await this.#api.create(`${this.#paths.collection}?fieldValidation=Strict`, this.#object);
    this.#t.match(made, { metadata: { name: this.name, resourceVersion: /^\d+$/ } }, "create");
    this.#uid = (made["metadata"] as JsonObject)["uid"];
    await this.#see("ADDED", made);
  }

  async changed(what: string, change: () => Promise<JsonObject>, shown: object): Promise<void> {
    const before = versionOf(await this.#api.get(this.path));
    const after = await change();
    this.#t.match(after, { metadata: { name: this.name }, ...shown }, what);
    this.#t.ok(versionOf(after) > before, `${what}: the version grows`);
    await this.#see("MODIFIED", after);
  }

  patch(path: string, type: PatchType, change: JsonObject): Promise<JsonObject> {
    const { apiVersion, kind } = this.#object;
    const whole = { apiVersion, kind, metadata: { name: this.name, uid: this.#uid }, ...change } as JsonObject;
    const labelled = merged({ metadata: whole["metadata"] ?? {} }, { metadata: change["metadata"] ?? {} });
    const full = { ...whole, ...labelled };
    const query = type === "apply" ? "&fieldManager=test-apply&force=true" : "";
    const body: JsonValue = type === "json" ? jsonPatch(change, []) : full;
    return this.#api.must("PATCH", `${path}?fieldValidation=Strict${query}`, body, {
      "content-type": patchTypes[type],
    });
  }

  async startAnew(): Promise<void> {
    await this.#api.delete(this.path);
    await this.#isGone();
    await this.create();
  }

  async endByCollection(): Promise<void> {
    const { collection, everywhere, selector } = this.#paths;
    for (const path of new Set([collection, everywhere])) {
      this.#t.same((await this.#api.list(`${path}?${selector}`)).map(nameOf), [this.name], `listed by ${path}`);
    }
    await this.#api.delete(`${collection}?${selector}`);
    await this.#isGone();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  async #isGone(): Promise<void> {
    this.#t.equal((await this.#api.call("GET", this.path)).code, 404, "it is gone");
    for (const watch of this.#watches) {
      const event = await watch.until(({ type }) => type !== "MODIFIED");
      this.#t.match(event, { type: "DELETED", object: { metadata: { name: this.name, uid: this.#uid } } });
    }
  }

  /** Up to this version of the object, nothing but events of the type come, each newer than the one before. */
  async #see(type: "ADDED" | "MODIFIED", object: JsonObject): Promise<void> {
    for (const watch of this.#watches) {
      let last = 0n;
      const types: string[] = [];
      await watch.until((event) => {
        const version = versionOf(event.object);
        types.push(version > last ? event.type : `${event.type} of an older version`);
        last = version;
        return version >= versionOf(object);
      });
      this.#t.same([...new Set(types)], [type], `the watch sees it ${type}`);
    }
  }
}

/** The operations that set what a merge patch would set. */
function jsonPatch(change: JsonValue, path: readonly string[]): JsonValue[] {
  const at = (keys: readonly string[]): string =>
    keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const isMap = typeof change === "object" && change !== null && !Array.isArray(change);
  const descends = path.length < 1 || (path.length < 2 && path[0] === "metadata");
  if (!isMap || !descends) return [{ op: "add", path: at(path), value: change }];
  return Object.entries(change).flatMap(([key, value]) => jsonPatch(value as JsonValue, [...path, key]));
}
