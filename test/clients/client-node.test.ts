// The JavaScript client of the Kubernetes project, unmodified, against `triarch api`.
import {
  ApiException,
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  setHeaderOptions,
  Watch,
  type V1ConfigMap,
  type V1Deployment,
} from "@kubernetes/client-node";
import t from "tap";
import { startApiProcess } from "../support/api-process.ts";

const server = await startApiProcess();
t.teardown(() => server.close());
const config = new KubeConfig();
config.loadFromFile(server.kubeconfig);
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const namespace = "default";

const configMap = (name: string, data: Record<string, string>): V1ConfigMap => ({ metadata: { name }, data });
const deployment = (name: string): V1Deployment => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: "main", image: "main:1" },
          { name: "side", image: "side:1" },
        ],
      },
    },
  },
});

/** The HTTP status and the reason of a failed call. @throws whatever else it failed with */
async function failure(work: Promise<unknown>): Promise<{ readonly code: number; readonly reason: unknown }> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    // The client keeps the body of no 401.
    const status = error.body === undefined ? {} : (JSON.parse(String(error.body)) as { readonly reason?: unknown });
    return { code: error.code, reason: status.reason };
  }
  return { code: 200, reason: undefined };
}

t.test("typed objects: create, read, replace, list, delete", async (t) => {
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap("crud", { a: "1" }) });
  t.match(made, { kind: "ConfigMap", metadata: { name: "crud", namespace, uid: String }, data: { a: "1" } });
  t.ok(made.metadata?.creationTimestamp instanceof Date);

  const again = core.createNamespacedConfigMap({ namespace, body: configMap("crud", {}) });
  t.same(await failure(again), { code: 409, reason: "AlreadyExists" });

  const replaced = await core.replaceNamespacedConfigMap({
    name: "crud",
    namespace,
    body: { ...made, data: { b: "2" } },
  });
  t.same(replaced.data, { b: "2" });
  const stale = core.replaceNamespacedConfigMap({ name: "crud", namespace, body: { ...made, data: {} } });
  t.same(await failure(stale), { code: 409, reason: "Conflict" });
  t.same((await core.readNamespacedConfigMap({ name: "crud", namespace })).data, { b: "2" });

  await core.deleteNamespacedConfigMap({ name: "crud", namespace });
  t.same(await failure(core.readNamespacedConfigMap({ name: "crud", namespace })), { code: 404, reason: "NotFound" });
});

t.test("lists: pages, selectors, deletion of a collection", async (t) => {
  for (let i = 0; i < 5; i++) {
    const body = { ...configMap(`page-${i}`, {}), metadata: { name: `page-${i}`, labels: { set: "pages" } } };
    await core.createNamespacedConfigMap({ namespace, body });
  }
  const names: (string | undefined)[] = [];
  let token: string | undefined;
  do {
    const page = await core.listNamespacedConfigMap({
      ...{ namespace, labelSelector: "set in (pages)", limit: 2 },
      ...(token === undefined ? {} : { _continue: token }),
    });
    t.ok(page.items.length <= 2);
    names.push(...page.items.map((one) => one.metadata?.name));
    token = page.metadata?._continue;
  } while (token !== undefined && token !== "");
  t.same(names, ["page-0", "page-1", "page-2", "page-3", "page-4"]);
  const one = await core.listConfigMapForAllNamespaces({ fieldSelector: "metadata.name=page-3" });
  t.same(
    one.items.map((item) => item.metadata?.name),
    ["page-3"],
  );
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "set=pages" });
  t.same((await core.listNamespacedConfigMap({ namespace, labelSelector: "set=pages" })).items, []);
});

t.test("every patch type", async (t) => {
  const name = "patched";
  await apps.createNamespacedDeployment({ namespace, body: deployment(name) });
  const patch = (type: PatchStrategy, body: unknown): Promise<V1Deployment> =>
    apps.patchNamespacedDeployment({ name, namespace, body }, setHeaderOptions("Content-Type", type));
  const images = (one: V1Deployment) => one.spec?.template.spec?.containers.map(({ image }) => image);

  const strategic = { spec: { template: { spec: { containers: [{ name: "side", image: "side:2" }] } } } };
  t.same(images(await patch(PatchStrategy.StrategicMergePatch, strategic)), ["main:1", "side:2"]);
  t.equal((await patch(PatchStrategy.MergePatch, { spec: { replicas: 4 } })).spec?.replicas, 4);
  const operations = [
    { op: "test", path: "/spec/replicas", value: 4 },
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: "main:2" },
  ];
  t.same(images(await patch(PatchStrategy.JsonPatch, operations)), ["main:2", "side:2"]);
  const failing = patch(PatchStrategy.JsonPatch, [{ op: "test", path: "/spec/replicas", value: 5 }]);
  t.equal((await failure(failing)).code, 422);
});

t.test("scale and status", async (t) => {
  const name = "scaled";
  await apps.createNamespacedDeployment({ namespace, body: deployment(name) });
  const scale = await apps.readNamespacedDeploymentScale({ name, namespace });
  t.match(scale, { spec: { replicas: 1 }, status: { selector: "app=scaled" } });
  await apps.replaceNamespacedDeploymentScale({ name, namespace, body: { ...scale, spec: { replicas: 7 } } });
  const status = { status: { replicas: 7, readyReplicas: 3 }, spec: { replicas: 1 } };
  const patched = await apps.patchNamespacedDeploymentStatus(
    { name, namespace, body: status },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  t.match(patched, { spec: { replicas: 7 }, status: { replicas: 7, readyReplicas: 3 } }, "status only");
  t.equal(patched.metadata?.generation, 2);
});

t.test("server-side apply, conflict and force", async (t) => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const manifest = (a: string): V1ConfigMap => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied", namespace }, data: { a } },
  });
  const apply = (a: string, manager: string, force: boolean): Promise<V1ConfigMap> =>
    objects.patch(manifest(a), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
  t.same((await apply("1", "one", false)).data, { a: "1" });
  const first = await apply("1", "one", false);
  t.equal((await apply("1", "one", false)).metadata?.resourceVersion, first.metadata?.resourceVersion, "no change");
  t.same(await failure(apply("2", "two", false)), { code: 409, reason: "Conflict" });
  t.same((await apply("2", "two", true)).data, { a: "2" });
});

t.test("objects whose kind the program does not know", async (t) => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const job = {
    ...{ apiVersion: "batch/v1", kind: "Job", metadata: { name: "generic", namespace } },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } },
  };
  await objects.create(job);
  const read = await config.makeApiClient(BatchV1Api).readNamespacedJob({ name: "generic", namespace });
  t.equal(read.spec?.backoffLimit, 6, "defaulted");
  await objects.delete(job, undefined, undefined, undefined, undefined, "Background");
  const list = await objects.list("batch/v1", "Job", namespace);
  t.same(list.items, []);
});

t.test("what is refused says why", async (t) => {
  const bad = {
    ...deployment("bad"),
    spec: { ...deployment("bad").spec, selector: { matchLabels: { app: "other" } } },
  };
  const refused = apps.createNamespacedDeployment({ namespace, body: bad as V1Deployment });
  t.same(await failure(refused), { code: 422, reason: "Invalid" });
  const nowhere = core.createNamespacedConfigMap({ namespace: "nowhere", body: configMap("a", {}) });
  t.same(await failure(nowhere), { code: 404, reason: "NotFound" });
  const stranger = new KubeConfig();
  stranger.loadFromFile(server.kubeconfig);
  stranger.users = [{ name: "admin", token: "wrong" }];
  const secrets = stranger.makeApiClient(CoreV1Api).listNamespacedSecret({ namespace });
  t.equal((await failure(secrets)).code, 401);
});

t.test("a watch sees each change once and in order, and goes on where another ended", async (t) => {
  const before = await core.listNamespacedConfigMap({ namespace });
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const start = before.metadata?.resourceVersion ?? "";
  const watched = (resourceVersion: string, count: number) =>
    new Promise<readonly (readonly [string, string | undefined, string])[]>((resolve, reject) => {
      const events: (readonly [string, string | undefined, string])[] = [];
      const query = { resourceVersion, labelSelector: "set=watched" };
      const running = new Watch(config).watch(
        path,
        query,
        (phase: string, object: V1ConfigMap) => {
          events.push([phase, object.data?.["a"], object.metadata?.resourceVersion ?? ""]);
          if (events.length < count) return;
          void running.then((abort) => abort.abort());
          resolve(events);
        },
        (error: unknown) => (events.length < count ? reject(new Error("watch ended", { cause: error })) : undefined),
      );
    });
  const seen = watched(start, 3);
  const body = { ...configMap("watched", { a: "1" }), metadata: { name: "watched", labels: { set: "watched" } } };
  const made = await core.createNamespacedConfigMap({ namespace, body });
  await core.replaceNamespacedConfigMap({ name: "watched", namespace, body: { ...made, data: { a: "2" } } });
  await core.deleteNamespacedConfigMap({ name: "watched", namespace });
  const events = await seen;
  t.same(
    events.map(([phase, a]) => [phase, a]),
    [
      ["ADDED", "1"],
      ["MODIFIED", "2"],
      ["DELETED", "2"],
    ],
  );
  t.same(await watched(events[0]?.[2] ?? "", 2), events.slice(1), "from the first event's revision on");
});
