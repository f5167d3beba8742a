import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import type { JsonObject } from "@triarch/api";
import type { Change, EncodedObject } from "../src/storage/index.ts";
import {
  configMap,
  configMaps,
  events,
  failureOf,
  jsonOf,
  names,
  nodes,
  openFixture,
  settle,
} from "./storage-fixture.ts";

const a = { namespace: "ns", name: "a" };

function withData(current: EncodedObject | undefined, data: JsonObject): Change {
  return { kind: "put", object: { ...(current?.object() ?? configMap("ns", "a")), data } };
}

t.test("create stores compact JSON without a version and gives it back with one", async (t) => {
  const { store, resources, close } = openFixture();
  const created = await resources.create(configMaps, a, {
    ...configMap("ns", "a", { data: { k: "v" } }),
    metadata: { name: "a", namespace: "ns", resourceVersion: "77" },
  });
  const row = (await store.get("/registry/configmaps/ns/a")).rows[0];
  t.equal(
    utf8Text(row?.value ?? utf8("")),
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"ns"},"data":{"k":"v"}}',
  );
  t.equal(created.modRevision, row?.modRevision);
  t.equal(
    utf8Text(created.json()),
    `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${created.modRevision}","name":"a","namespace":"ns"},"data":{"k":"v"}}`,
  );
  t.strictSame(jsonOf(utf8(`{${utf8Text(created.itemTail())}`)), {
    metadata: { resourceVersion: String(created.modRevision), name: "a", namespace: "ns" },
    data: { k: "v" },
  });
  t.strictSame(await failureOf(resources.create(configMaps, a, configMap("ns", "a"))), { code: "alreadyExists" });
  const got = await resources.get(configMaps, a);
  t.strictSame(got.json(), created.json());
  t.equal(got, await resources.get(configMaps, a, { resourceVersion: "0" }), "made once, shared");
  await close();
});

t.test("cluster-scoped resources have no namespace in their key", async (t) => {
  const { store, resources, close } = openFixture();
  await resources.create(
    nodes,
    { namespace: "", name: "n1" },
    { kind: "Node", apiVersion: "v1", metadata: { name: "n1" } },
  );
  t.equal((await store.get("/registry/minions/n1")).rows.length, 1);
  t.strictSame(names(await resources.list(nodes)), ["n1"]);
  await close();
});

t.test("get: not found, old enough, too new, malformed", async (t) => {
  const { resources, timers, close } = openFixture();
  t.strictSame(await failureOf(resources.get(configMaps, a)), { code: "notFound" });
  const { modRevision } = await resources.create(configMaps, a, configMap("ns", "a"));
  t.equal((await resources.get(configMaps, a, { resourceVersion: String(modRevision) })).modRevision, modRevision);
  const tooNew = failureOf(resources.get(configMaps, a, { resourceVersion: String(modRevision + 10) }));
  await timers.advance(3_000);
  t.strictSame(await tooNew, {
    code: "tooLargeResourceVersion",
    requested: String(modRevision + 10),
    current: String(modRevision),
  });
  t.strictSame(await failureOf(resources.get(configMaps, a, { resourceVersion: "abc" })), {
    code: "invalidResourceVersion",
    message: 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  });
  await close();
});

t.test("update: reads, decides, writes; equal objects are not written", async (t) => {
  const { resources, close } = openFixture();
  const created = await resources.create(configMaps, a, configMap("ns", "a"));
  const updated = await resources.update(configMaps, a, (current) => withData(current, { k: "1" }));
  t.equal(updated.outcome, "updated");
  t.equal(updated.object.modRevision, created.modRevision + 1);
  const same = await resources.update(configMaps, a, () => ({
    kind: "put",
    object: { data: { k: "1" }, metadata: { namespace: "ns", name: "a" }, apiVersion: "v1", kind: "ConfigMap" },
  }));
  t.equal(same.outcome, "unchanged", "the order of fields is no change");
  t.equal(same.object.modRevision, updated.object.modRevision);
  t.equal((await resources.update(configMaps, a, () => ({ kind: "none" }))).outcome, "unchanged");
  const other = { namespace: "ns", name: "b" };
  t.strictSame(await failureOf(resources.update(configMaps, other, (current) => withData(current, {}))), {
    code: "notFound",
  });
  const made = await resources.update(configMaps, other, () => ({ kind: "put", object: configMap("ns", "b") }), {
    createIfAbsent: true,
  });
  t.equal(made.outcome, "created");
  const gone = await resources.update(configMaps, other, () => ({ kind: "delete" }));
  t.equal(gone.outcome, "deleted");
  t.equal(gone.object.modRevision, made.object.modRevision + 1, "a delete has a revision of its own");
  t.strictSame(jsonOf(gone.object.json()), {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { resourceVersion: String(gone.object.modRevision), name: "b", namespace: "ns" },
  });
  await close();
});

t.test("update: a lost race decides again on what won", async (t) => {
  const { resources, another, close } = openFixture();
  const rival = another();
  await resources.create(configMaps, a, configMap("ns", "a", { data: { n: "0" } }));
  const seen: unknown[] = [];
  const result = await resources.update(configMaps, a, async (current) => {
    const data = current?.object()["data"] as { readonly n: string };
    seen.push(data.n);
    if (seen.length === 1) await rival.update(configMaps, a, (now) => withData(now, { n: "10" }));
    return withData(current, { n: String(Number(data.n) + 1) });
  });
  t.strictSame(seen, ["0", "10"]);
  t.strictSame(result.object.object()["data"], { n: "11" });
  await close();
});

t.test("concurrent increments over two API servers lose none", async (t) => {
  const { resources, another, close } = openFixture();
  const servers = [resources, another()];
  await resources.create(configMaps, a, configMap("ns", "a", { data: { n: "0" } }));
  const increments = Array.from({ length: 40 }, (_, i) =>
    (servers[i % 2] ?? resources).update(configMaps, a, (current) => {
      const { n } = current?.object()["data"] as { readonly n: string };
      return withData(current, { n: String(Number(n) + 1) });
    }),
  );
  await Promise.all(increments);
  t.strictSame((await resources.get(configMaps, a)).object()["data"], { n: "40" });
  await close();
});

t.test("a refusal on stale data is checked against the store first", async (t) => {
  const { store, resources, close } = openFixture();
  const first = await resources.create(configMaps, a, configMap("ns", "a", { uid: "u1" }));
  await resources.get(configMaps, a);
  // Somebody else writes; this server's cache has not heard of it when the update begins.
  const value = utf8('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"ns","uid":"u2"}}');
  const written = store.put({ key: "/registry/configmaps/ns/a", value, expectedModRevision: first.modRevision });
  const looked: (number | undefined)[] = [];
  const result = await resources.update(
    configMaps,
    a,
    (current) => {
      looked.push(current?.modRevision);
      return withData(current, { done: "yes" });
    },
    { preconditions: { uid: "u2" } },
  );
  t.equal(result.outcome, "updated");
  t.strictSame(looked, [(await written).revision], "the stale object never got past the precondition");
  t.strictSame(await failureOf(resources.delete(configMaps, a, undefined, { preconditions: { uid: "u1" } })), {
    code: "precondition",
    field: "UID",
    wanted: "u1",
    found: "u2",
  });
  t.strictSame(
    await failureOf(resources.delete(configMaps, a, undefined, { preconditions: { resourceVersion: "1" } })),
    {
      code: "precondition",
      field: "ResourceVersion",
      wanted: "1",
      found: String(result.object.modRevision),
    },
  );
  const boom = new Error("refused");
  await t.rejects(
    resources.update(configMaps, a, () => {
      throw boom;
    }),
    boom,
  );
  await close();
});

t.test("delete, and delete turned into a put", async (t) => {
  const { resources, close } = openFixture();
  await resources.create(configMaps, a, configMap("ns", "a"));
  const marked = await resources.delete(configMaps, a, (current) => withData(current, { deleting: "yes" }));
  t.equal(marked.outcome, "updated");
  t.equal((await resources.delete(configMaps, a)).outcome, "deleted");
  t.strictSame(await failureOf(resources.delete(configMaps, a)), { code: "notFound" });
  await close();
});

t.test("dry run writes nothing", async (t) => {
  const { store, resources, close } = openFixture();
  const dry = { dryRun: true };
  const created = await resources.create(configMaps, a, configMap("ns", "a"), dry);
  t.equal(utf8Text(created.json()), '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"ns"}}');
  const { modRevision } = await resources.create(configMaps, a, configMap("ns", "a"));
  t.strictSame(await failureOf(resources.create(configMaps, a, configMap("ns", "a"), dry)), { code: "alreadyExists" });
  const updated = await resources.update(configMaps, a, (current) => withData(current, { k: "v" }), dry);
  t.strictSame([updated.outcome, updated.object.modRevision], ["updated", modRevision]);
  t.equal((await resources.delete(configMaps, a, undefined, dry)).outcome, "deleted");
  t.equal(await store.readBarrier(), modRevision);
  await close();
});

t.test("events live on a shared lease and go by themselves", async (t) => {
  const { store, resources, timers, close } = openFixture();
  const event = (name: string): JsonObject => ({
    kind: "Event",
    apiVersion: "v1",
    metadata: { name, namespace: "ns" },
  });
  const create = (name: string): Promise<EncodedObject> =>
    resources.create(events, { namespace: "ns", name }, event(name));
  await Promise.all([create("e1"), create("e2")]);
  await timers.advance(61_000);
  await create("e3");
  const leases = (await store.list("/registry/events/")).rows.map((row) => row.leaseId);
  t.equal(leases[0], leases[1], "written together, one lease");
  t.not(leases[0], leases[2], "a minute later, the next lease");
  await timers.advance(3_600_000);
  store.expireLeases();
  await settle();
  t.strictSame(names(await resources.list(events)), ["ns/e3"]);
  await close();
});

t.test("no leader: waited for; unknown fate: told", async (t) => {
  const { store, resources, timers, close } = openFixture();
  await resources.list(configMaps);
  store.failNext({ code: "noLeader" }, 3);
  const created = resources.create(configMaps, a, configMap("ns", "a"));
  await timers.advance(1_000);
  t.ok((await created).modRevision > 0);
  store.failNext({ code: "noLeader" }, 1_000);
  const never = failureOf(resources.update(configMaps, a, (current) => withData(current, { k: "1" })));
  await timers.advance(6_000);
  t.strictSame(await never, { code: "unavailable", message: "the store has no leader" });
  await close();

  const second = openFixture();
  await second.resources.create(configMaps, a, configMap("ns", "a"));
  await second.resources.list(configMaps);
  second.store.failNext({ code: "unknownOutcome", message: "request timed out" });
  let decided = 0;
  const unknown = second.resources.update(configMaps, a, (current) => {
    decided += 1;
    return withData(current, { k: "1" });
  });
  t.strictSame(await failureOf(unknown), { code: "timeout", message: "request timed out" });
  t.equal(decided, 1, "never repeated by us");
  for (const failure of [{ code: "unknownOutcome", message: "leader changed" }, { code: "tooManyRequests" }] as const) {
    second.store.failNext(failure, 3);
    const read = second.resources.get(configMaps, a);
    await second.timers.advance(1_000);
    t.equal((await read).name, "a", "a read is");
  }
  await second.close();
});

t.test("linearizable reads share barriers and never miss an acknowledged write", async (t) => {
  const { store, resources, another, close } = openFixture();
  const rival = another();
  let barriers = 0;
  const readBarrier = store.readBarrier.bind(store);
  store.readBarrier = () => {
    barriers += 1;
    return readBarrier();
  };
  await resources.create(configMaps, a, configMap("ns", "a"));
  await resources.get(configMaps, a);
  barriers = 0;
  await Promise.all(Array.from({ length: 100 }, () => resources.get(configMaps, a)));
  t.equal(barriers, 2, "one for the first, one for all others");
  for (let i = 0; i < 20; i++) {
    const { object } = await rival.update(configMaps, a, (current) => withData(current, { i: String(i) }));
    t.equal((await resources.get(configMaps, a)).modRevision, object.modRevision);
  }
  await close();
});

t.test("a stored object that can't be read is never hidden", async (t) => {
  const { store, resources, close } = openFixture();
  await store.put({ key: "/registry/configmaps/ns/bad", value: utf8("not json"), expectedModRevision: 0 });
  await store.put({ key: "/registry/configmaps/stray", value: utf8("{}"), expectedModRevision: 0 });
  const key = "/registry/configmaps/ns/bad";
  const object = await resources.get(configMaps, { namespace: "ns", name: "bad" });
  t.match(await failureOf(Promise.resolve().then(() => object.json())), { code: "corrupt", key });
  const selector = { matches: () => true };
  t.match(await failureOf(resources.list(configMaps, { labelSelector: selector })), { code: "corrupt", key });
  t.equal((await resources.list(configMaps)).items.length, 1, "keys of another shape are not ours");
  await close();
});

t.test("closing ends what waits", async (t) => {
  const { store, resources, timers } = openFixture();
  store.failNext({ code: "noLeader" }, 1_000);
  const waiting = failureOf(resources.get(configMaps, a));
  await settle();
  t.equal(resources.problem(), undefined, "what is merely used on the way does not make the server unready");
  const starting = failureOf(resources.start([configMaps]));
  t.match(resources.problem(), /^configmaps: /);
  await resources.close();
  t.match(await starting, { code: "unavailable" });
  t.match(await waiting, { code: "unavailable" });
  t.strictSame(await failureOf(resources.get(configMaps, a)), {
    code: "unavailable",
    message: "the server is stopping",
  });
  t.equal(timers.waiting, 0, "no timer is left behind");
  await store.close();
});
