// An informer of the JavaScript client across the death of every master in turn. The client knows one address, the
// balanced one; when its connection breaks it starts its informer again, as its documentation tells programs to do.
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from "@kubernetes/client-node";
import t from "tap";
import { TestCluster } from "../support/cluster.ts";
import { until } from "../support/until.ts";

const namespace = "default";
const waitMs = 20_000;
const fileTimeoutMs = 300_000;

t.setTimeout(fileTimeoutMs);

t.test("an informer goes on when masters die", { timeout: fileTimeoutMs }, async (t) => {
  const cluster = await TestCluster.create({ runtime: "hollow", basePort: 18_800, workers: 1 });
  t.teardown(() => cluster.destroy());
  await cluster.up();
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const list = () => core.listNamespacedConfigMap({ namespace });
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, list);

  const added = new Map<string, number>();
  let connections = 0;
  let stopped = false;
  informer.on("add", (one) => added.set(one.metadata?.name ?? "", (added.get(one.metadata?.name ?? "") ?? 0) + 1));
  informer.on("connect", () => (connections += 1));
  informer.on("error", () => {
    if (!stopped) void startAgain();
  });
  const startAgain = (): Promise<unknown> =>
    until("the informer to start", waitMs, async () => {
      await informer.start();
      return true;
    });
  t.teardown(async () => {
    stopped = true;
    await informer.stop();
  });
  await startAgain();

  const write = (name: string): Promise<unknown> =>
    until(`${name} to be written`, waitMs, async () => {
      // A write whose fate is unknown may have been made: then it is there.
      const there = await core.readNamespacedConfigMap({ name, namespace }).catch(() => undefined);
      return there ?? core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
    });
  const seen = (name: string): Promise<unknown> =>
    until(`the informer to see ${name}`, waitMs, () => Promise.resolve(informer.get(name, namespace)));

  await write("before");
  await seen("before");
  for (const master of ["m1", "m2", "m3"]) {
    await cluster.kill(master);
    await write(`after-${master}`);
    await seen(`after-${master}`);
    await until("three members", 30_000, async () =>
      (await cluster.status()).members.every(({ role }) => role !== "unreachable") ? true : undefined,
    );
  }
  t.ok(connections >= 2, `it connected ${connections} times`);
  const all = await list();
  const names = (objects: readonly V1ConfigMap[]) => objects.map((one) => one.metadata?.name ?? "").sort();
  t.same(names(informer.list(namespace)), names(all.items), "its copy is what the server has");
  t.same(
    ["before", "after-m1", "after-m2", "after-m3"].filter((name) => !added.has(name)),
    [],
    "each was told",
  );
});
