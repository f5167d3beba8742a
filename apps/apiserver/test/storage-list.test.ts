import t from "tap";
import type { JsonObject } from "@triarch/api";
import { utf8, utf8Text } from "@triarch/base";
import {
  configMap,
  configMaps,
  failureOf,
  field,
  label,
  names,
  openFixture,
  pod,
  pods,
  type Fixture,
} from "./storage-fixture.ts";

async function seeded(): Promise<Fixture> {
  const fixture = openFixture();
  // "a-b" sorts before "a" in key order, because "-" comes before "/".
  for (const [namespace, name, tier] of [
    ["a", "1", "front"],
    ["a", "2", "back"],
    ["a", "3", "front"],
    ["a-b", "1", "front"],
    ["c", "1", "back"],
  ] as const) {
    await fixture.resources.create(configMaps, { namespace, name }, configMap(namespace, name, { labels: { tier } }));
  }
  return fixture;
}

const keyOrder = ["a-b/1", "a/1", "a/2", "a/3", "c/1"];

t.test("lists are in key order, like the store's", async (t) => {
  const { store, resources, close } = await seeded();
  const list = await resources.list(configMaps);
  t.strictSame(names(list), keyOrder);
  t.equal(list.resourceVersion, String(await store.readBarrier()));
  t.notOk(list.continue);
  t.strictSame(
    (await store.list("/registry/configmaps/")).rows.map((row) => row.key.slice("/registry/configmaps/".length)),
    keyOrder,
  );
  t.strictSame(names(await resources.list(configMaps, { namespace: "a" })), ["a/1", "a/2", "a/3"]);
  t.strictSame(names(await resources.list(configMaps, { namespace: "nowhere" })), []);
  await close();
});

t.test("selectors", async (t) => {
  const { resources, close } = await seeded();
  const front = { labelSelector: label("tier", "front") };
  t.strictSame(names(await resources.list(configMaps, front)), ["a-b/1", "a/1", "a/3"]);
  t.strictSame(names(await resources.list(configMaps, { ...front, namespace: "a" })), ["a/1", "a/3"]);
  const one = { fieldSelector: field("metadata.name", "1") };
  t.strictSame(names(await resources.list(configMaps, one)), ["a-b/1", "a/1", "c/1"]);
  t.strictSame(names(await resources.list(configMaps, { ...one, namespace: "a" })), ["a/1"]);
  t.strictSame(names(await resources.list(configMaps, { ...one, ...front, namespace: "c" })), []);
  await resources.create(pods, { namespace: "a", name: "p1" }, pod("a", "p1", "n1"));
  await resources.create(pods, { namespace: "a", name: "p2" }, pod("a", "p2", "n2"));
  t.strictSame(names(await resources.list(pods, { fieldSelector: field("spec.nodeName", "n2") })), ["a/p2"]);
  await close();
});

t.test("labels are read from metadata alone, whatever strings it holds", async (t) => {
  const { resources, close } = openFixture();
  const key = { namespace: "ns", name: "a" };
  const annotations = { json: '{"a":"}{\\\\\\""}', "é}": "\\" };
  await resources.create(configMaps, key, {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { annotations, ...key, ownerReferences: [{ kind: "}" }], labels: { tier: "front" } },
    data: { labels: "}" },
  });
  const list = await resources.list(configMaps, { labelSelector: label("tier", "front") });
  t.strictSame(list.items[0]?.labels(), { tier: "front" });
  t.match(list.items[0]?.object(), { metadata: { annotations } });
  await close();
});

t.test("pages show one revision, from memory or from the store", async (t) => {
  for (const disturb of [false, true]) {
    const { resources, close } = await seeded();
    const first = await resources.list(configMaps, { limit: 2 });
    t.strictSame(names(first), keyOrder.slice(0, 2));
    t.equal(first.remainingItemCount, 3);
    if (disturb) {
      await resources.delete(configMaps, { namespace: "a", name: "3" });
      await resources.create(configMaps, { namespace: "a", name: "25" }, configMap("a", "25"));
    }
    const second = await resources.list(configMaps, { limit: 2, continue: first.continue });
    t.strictSame(names(second), keyOrder.slice(2, 4), "what was deleted meanwhile is still there");
    t.equal(second.resourceVersion, first.resourceVersion);
    t.equal(second.remainingItemCount, 1);
    const third = await resources.list(configMaps, { limit: 2, continue: second.continue });
    t.strictSame(names(third), keyOrder.slice(4));
    t.strictSame([third.continue, third.remainingItemCount], [undefined, undefined]);
    await close();
  }
});

t.test("pages with selectors, over both sources", async (t) => {
  for (const disturb of [false, true]) {
    const { resources, close } = await seeded();
    const front = { labelSelector: label("tier", "front"), limit: 2 };
    const first = await resources.list(configMaps, front);
    t.strictSame(names(first), ["a-b/1", "a/1"]);
    t.equal(first.remainingItemCount, undefined, "unknown with selectors");
    if (disturb) await resources.delete(configMaps, { namespace: "a", name: "3" });
    const second = await resources.list(configMaps, { ...front, continue: first.continue });
    t.strictSame(names(second), ["a/3"]);
    t.equal(second.continue, undefined);
    await close();
  }
});

t.test("continue tokens are Kubernetes'", async (t) => {
  const { resources, close } = await seeded();
  const { continue: token, resourceVersion } = await resources.list(configMaps, { limit: 1, namespace: "a" });
  t.strictSame(JSON.parse(Buffer.from(token ?? "", "base64url").toString()), {
    v: "meta.k8s.io/v1",
    rv: Number(resourceVersion),
    start: "1\0",
  });
  const wide = await resources.list(configMaps, { limit: 2 });
  t.match(JSON.parse(Buffer.from(wide.continue ?? "", "base64url").toString()), { start: "a/1\0" });
  const wrong = (json: unknown): string => Buffer.from(JSON.stringify(json)).toString("base64url");
  const text = async (bad: string): Promise<string> => {
    const failure = await failureOf(resources.list(configMaps, { continue: bad }));
    t.match(failure, { code: "invalidContinue" });
    return (failure as { readonly message: string }).message;
  };
  const lead = "invalid continue token: continue key is not valid: ";
  t.equal(await text("abc"), `${lead}invalid character 'i' looking for beginning of value`);
  t.equal(await text("a*c"), `${lead}illegal base64 data at input byte 1`);
  t.match(await text(wrong({ v: "v2", rv: 1, start: "a\0" })), /does not recognize this encoded version "v2"/);
  t.match(await text(wrong({ v: "meta.k8s.io/v1", rv: 0, start: "a\0" })), /incorrect encoded start resourceVersion/);
  t.match(await text(wrong({ v: "meta.k8s.io/v1", rv: 1 })), /encoded start key empty/);
  t.match(await text(wrong({ v: "meta.k8s.io/v1", rv: 1, start: "../secrets/a\0" })), /not valid/);
  await close();
});

t.test("a compacted continuation offers to go on at the state of now", async (t) => {
  const { store, resources, close } = await seeded();
  const first = await resources.list(configMaps, { limit: 2 });
  await resources.delete(configMaps, { namespace: "a", name: "2" });
  await store.compact(await store.readBarrier());
  const failure = (await failureOf(resources.list(configMaps, { limit: 2, continue: first.continue }))) as {
    readonly code: string;
    readonly continue: string;
    readonly message: string;
  };
  t.equal(failure.code, "expired");
  t.match(failure.message, /^The provided continue parameter is too old to display a consistent list result\./);
  const rest = await resources.list(configMaps, { continue: failure.continue });
  t.strictSame(names(rest), ["a/3", "c/1"]);
  t.equal(rest.resourceVersion, String(await store.readBarrier()));
  await close();
});

t.test("resourceVersion: any, not older than, exact", async (t) => {
  const { store, resources, timers, close } = await seeded();
  const before = await resources.list(configMaps);
  await resources.delete(configMaps, { namespace: "c", name: "1" });
  const now = await store.readBarrier();
  const at = (more: object) => resources.list(configMaps, { resourceVersion: before.resourceVersion, ...more });
  t.equal((await at({})).resourceVersion, String(now), "not older than");
  t.strictSame(names(await at({ resourceVersionMatch: "Exact" })), keyOrder);
  t.equal((await at({ resourceVersionMatch: "Exact" })).resourceVersion, before.resourceVersion);
  const page = await at({ limit: 4 });
  t.equal(page.resourceVersion, before.resourceVersion, "with a limit: exactly");
  t.equal(page.remainingItemCount, 1);
  t.equal(names(await resources.list(configMaps, { resourceVersion: "0", limit: 1 })).length, 4, "any: whole");
  await store.compact(now);
  t.strictSame(await failureOf(at({ resourceVersionMatch: "Exact" })), {
    code: "expired",
    message: "The resourceVersion for the provided list is too old.",
  });
  const tooNew = failureOf(resources.list(configMaps, { resourceVersion: "999999999" }));
  await timers.advance(3_000);
  const expected = { code: "tooLargeResourceVersion", requested: "999999999", current: String(now) };
  t.strictSame(await tooNew, expected);
  const exact = { resourceVersion: "999999999", resourceVersionMatch: "Exact" } as const;
  t.strictSame(await failureOf(resources.list(configMaps, exact)), expected);
  t.match(await failureOf(resources.list(configMaps, { resourceVersion: "99999999999999999999" })), {
    code: "invalidResourceVersion",
    message: /value out of range/,
  });
  await close();
});

t.test("a server that lags behind answers linearizably, or from the store", async (t) => {
  const { store, resources, timers, close } = await seeded();
  await resources.list(configMaps);
  // Its watch has come to a standstill; the store goes on.
  const silent = openFixture();
  const { another } = silent;
  const stuck = another({
    store: { ...bound(store), watch: () => ({ close: () => undefined }) },
    timers,
    clock: timers.clock,
  });
  t.equal((await stuck.list(configMaps)).items.length, 5);
  await resources.create(configMaps, { namespace: "d", name: "1" }, configMap("d", "1"));
  const list = stuck.list(configMaps);
  await timers.advance(3_000);
  t.equal((await list).items.length, 6);
  const got = stuck.get(configMaps, { namespace: "d", name: "1" });
  await timers.advance(3_000);
  t.equal((await got).name, "1");
  await silent.close();
  await close();
});

t.test("a large list is loaded in pages and listed whole", async (t) => {
  const { store, resources, close } = openFixture();
  for (let i = 0; i < 2_500; i++) {
    const name = `n${String(i).padStart(5, "0")}`;
    const value = utf8(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${name}","namespace":"big"}}`);
    await store.put({ key: `/registry/configmaps/big/${name}`, value, expectedModRevision: 0 });
  }
  const list = await resources.list(configMaps);
  t.equal(list.items.length, 2_500);
  t.equal(list.items.at(-1)?.name, "n02499");
  t.equal(resources.count(configMaps), 2_500);
  const revision = Number(list.resourceVersion);
  await resources.delete(configMaps, { namespace: "big", name: "n00000" });
  const old = await resources.list(configMaps, { resourceVersion: String(revision), resourceVersionMatch: "Exact" });
  t.equal(old.items.length, 2_500);
  await close();
});

t.test("a selector of fields that were never looked at gives others their turn, and shows one state", async (t) => {
  const { store, resources, close } = openFixture();
  for (let i = 0; i < 1_000; i++) {
    const value = utf8(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n${i}","namespace":"big"}}`);
    await store.put({ key: `/registry/configmaps/big/n${i}`, value, expectedModRevision: 0 });
  }
  const everything = await resources.list(configMaps);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    turn = setImmediate(count);
  };
  let turn = setImmediate(count);
  const selection = { fieldSelector: field("metadata.namespace", "big"), resourceVersion: "0" };
  const listing = resources.list(configMaps, selection);
  const deleting = resources.delete(configMaps, { namespace: "big", name: "n999" });
  const list = await listing;
  clearImmediate(turn);
  t.ok(turns >= 1_000 / 100 - 1, `${turns} turns of the event loop`);
  t.equal(list.items.length, 1_000, "the state at its beginning");
  t.equal(list.resourceVersion, everything.resourceVersion);
  await deleting;
  t.equal((await resources.list(configMaps, { ...selection, resourceVersion: "" })).items.length, 999);
  await close();
});

t.test("other stored forms are read: JSON in another order, protobuf", async (t) => {
  const { store, close, another } = openFixture();
  const resources = another({
    decodeForeign: (bytes) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      object: utf8Text(bytes).startsWith("k8s\0")
        ? { metadata: { name: utf8Text(bytes.subarray(4)), namespace: "ns" } }
        : (JSON.parse(utf8Text(bytes)) as JsonObject),
    }),
  });
  const put = (name: string, text: string) =>
    store.put({ key: `/registry/configmaps/ns/${name}`, value: utf8(text), expectedModRevision: 0 });
  const { revision } = await put("j", ' {"data":{"é":"✓"},"metadata":{"namespace":"ns","name":"j"},"apiVersion":"v1"}');
  await put("p", "k8s\0p");
  await put("q", '{"kind":"ConfigMap","apiVersion":"v1","data":{},"metadata":{"name":"q","namespace":"ns"}}');
  const [json, protobuf, other] = (await resources.list(configMaps)).items;
  t.equal(
    utf8Text(json?.json() ?? utf8("")),
    `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${revision}","namespace":"ns","name":"j"},"data":{"é":"✓"}}`,
  );
  t.equal(
    utf8Text(protobuf?.itemTail() ?? utf8("")),
    `"metadata":{"resourceVersion":"${revision + 1}","name":"p","namespace":"ns"}}`,
  );
  t.equal(
    utf8Text(other?.itemTail() ?? utf8("")),
    `"metadata":{"resourceVersion":"${revision + 2}","name":"q","namespace":"ns"},"data":{}}`,
  );
  await close();
});

function bound<T extends object>(target: T): T {
  return new Proxy({} as T, {
    ownKeys: () => ["put", "delete", "get", "list", "readBarrier", "leaseGrant"],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (_, name) => (Reflect.get(target, name) as (...all: unknown[]) => unknown).bind(target),
  });
}
