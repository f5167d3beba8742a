// Pods and what they claim, as far as the API server alone decides: classes, sysctls, volumes, field validation, quotas.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import { patchTypes, type ApiClient } from "./api-client.ts";
import { nameOf } from "./api-operations.ts";
import { conformance } from "./conformance.ts";

const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
const pod = (name: string, spec: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name, ...metadata } },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});
const withMetadata = (object: JsonObject, more: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...(object["metadata"] as JsonObject), ...more },
});

async function qosClass(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const resources = { requests: { cpu: "100m", memory: "100Mi" }, limits: { cpu: "100m", memory: "100Mi" } };
  await api.create(pods(namespace), pod("qos", { containers: [{ name: "agnhost", image: "i", resources }] }));
  t.match(await api.get(`${pods(namespace)}/qos`), { status: { qosClass: "Guaranteed" } });
}

async function invalidSysctls(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const sysctls = ["foo-", "kernel.shmmax", "safe-and-unsafe", "bar.."].map((name) => ({ name, value: "100000000" }));
  const { code, body } = await api.call("POST", pods(namespace), pod("sysctl", { securityContext: { sysctls } }));
  t.equal(code, 422);
  const message = body["message"] as string;
  for (const name of ["foo-", "bar.."]) t.ok(message.includes(`Invalid value: "${name}"`), name);
  for (const name of ["safe-and-unsafe", "kernel.shmmax"]) t.notOk(message.includes(`Invalid value: "${name}"`), name);
}

/** All nine: what the account says, unless the pod itself says something. */
async function automount(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const account = (name: string, automountServiceAccountToken: boolean): JsonObject => ({
    ...{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name } },
    automountServiceAccountToken,
  });
  for (const [name, mounts] of [
    ["mount", true],
    ["nomount", false],
  ] as const)
    await api.create(accounts, account(name, mounts));
  for (const said of [undefined, true, false]) {
    for (const serviceAccountName of ["default", "mount", "nomount"]) {
      const spec = { serviceAccountName, ...(said === undefined ? {} : { automountServiceAccountToken: said }) };
      const made = await api.create(pods(namespace), pod(`${serviceAccountName}-${said}`, spec));
      const { containers } = made["spec"] as { readonly containers: readonly { readonly volumeMounts?: unknown }[] };
      const paths = containers.flatMap((one) => (one.volumeMounts ?? []) as readonly JsonObject[]);
      const isMounted = paths.some((one) => one["mountPath"] === "/var/run/secrets/kubernetes.io/serviceaccount");
      t.equal(isMounted, said ?? serviceAccountName !== "nomount", `${serviceAccountName}, pod: ${said}`);
    }
  }
}

async function rejectsRuntimeClass(
  t: Test,
  api: ApiClient,
  namespace: string,
  runtimeClassName: string,
): Promise<void> {
  const { code, body } = await api.call("POST", pods(namespace), pod("runtime", { runtimeClassName }));
  t.match([code, body["reason"]], [403, "Forbidden"]);
}

async function deletedRuntimeClass(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const classes = "/apis/node.k8s.io/v1/runtimeclasses";
  const name = `${namespace}-delete-me`;
  await api.create(classes, {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name },
    handler: "runc",
  });
  await api.delete(`${classes}/${name}`);
  t.equal((await api.call("GET", `${classes}/${name}`)).code, 404);
  await rejectsRuntimeClass(t, api, namespace, name);
}

async function csiVolume(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const driver = `inline-driver-${namespace}`;
  const drivers = "/apis/storage.k8s.io/v1/csidrivers";
  const spec = { volumeLifecycleModes: ["Ephemeral"] };
  await api.create(drivers, { apiVersion: "storage.k8s.io/v1", kind: "CSIDriver", metadata: { name: driver }, spec });
  const volumes = [
    { name: "csi-inline-vol1", csi: { driver } },
    { name: "csi-inline-vol2", csi: { driver, fsType: "ext4", readOnly: true } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
  const inline = pod(
    "inline",
    { containers: [{ name: "c", image: "i", volumeMounts }], volumes },
    { labels: { inline: "yes" } },
  );
  const made = await api.create(pods(namespace), inline);
  const again = await api.call("POST", pods(namespace), inline);
  t.match([again.code, again.body["reason"]], [409, "AlreadyExists"]);
  const read = await api.get(`${pods(namespace)}/inline`);
  t.equal((read["metadata"] as JsonObject)["uid"], (made["metadata"] as JsonObject)["uid"]);
  t.match((read["spec"] as { readonly volumes: readonly JsonObject[] }).volumes, volumes);
  t.equal((await api.list(pods(namespace))).length, 1);
  t.match(await api.list("/api/v1/pods?labelSelector=inline%3Dyes"), [{ metadata: { name: "inline", namespace } }]);
  const annotated = { metadata: { annotations: { patched: "true" } } };
  t.match(await api.patch(`${pods(namespace)}/inline`, annotated), annotated);
  await api.patch(`${pods(namespace)}/inline`, { metadata: { labels: { patched: "true" } } }, "strategic");
  t.match(await api.get(`${pods(namespace)}/inline`), { metadata: { labels: { patched: "true" } } });
  await api.delete(`${pods(namespace)}?labelSelector=patched%3Dtrue`, { gracePeriodSeconds: 0 });
  t.equal((await api.call("GET", `${pods(namespace)}/inline`)).code, 404);
  await api.delete(`${drivers}/${driver}`);
  t.equal((await api.call("GET", `${drivers}/${driver}`)).code, 404);
}

const deployment = (name: string): JsonObject => ({
  ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } },
  spec: {
    selector: { matchLabels: { app: "nginx" } },
    template: {
      metadata: { labels: { app: "nginx" } },
      spec: { containers: [{ name: "nginx", image: "nginx:latest" }] },
    },
  },
});

/** Both creates and applies; Strict refuses and names all, Warn says all in headers, Ignore says nothing. */
async function unknownAndDuplicateFields(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const collection = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const text = JSON.stringify(deployment("fv")).replace(
    '"spec":{',
    '"spec":{"unknown1":"val1","unknownDupe":"valDupe","unknownDupe":"valDupe2","paused":true,"paused":false,"replicas":1,',
  );
  const strict = await api.call("POST", `${collection}?fieldManager=mgr&fieldValidation=Strict`, text);
  t.equal(strict.code, 400);
  const short = text.replace(/"unknownDupe":"valDupe","unknownDupe":"valDupe2",/, "");
  t.match(
    (await api.call("POST", `${collection}?fieldManager=mgr&fieldValidation=Strict`, short)).body["message"],
    'strict decoding error: unknown field "spec.unknown1", duplicate field "spec.paused"',
  );
  for (const said of [
    'unknown field "spec.unknown1"',
    'unknown field "spec.unknownDupe"',
    'duplicate field "spec.paused"',
  ])
    t.match(strict.body["message"], said);
  const warned = await api.call("POST", `${collection}?fieldValidation=Warn`, text);
  t.equal(warned.code, 201);
  const warnings = String(warned.headers["warning"]);
  for (const said of ["spec.unknown1", "spec.unknownDupe", "duplicate field"]) t.match(warnings, said);
  await api.delete(`${collection}/fv`);
  const ignored = await api.call("POST", `${collection}?fieldValidation=Ignore`, text);
  t.match([ignored.code, ignored.headers["warning"]], [201, undefined]);
  const patchText = '{"spec":{"unknown1":"val1","paused":true,"paused":false}}';
  const headers = { "content-type": patchTypes.merge };
  const patched = await api.call("PATCH", `${collection}/fv?fieldValidation=Strict`, patchText, headers);
  t.match([patched.code >= 400, patched.body["message"]], [true, /unknown field "spec\.unknown1"/], "a patch too");
  const put = await api.call("PUT", `${collection}/fv?fieldValidation=Strict`, text);
  t.match([put.code, put.body["message"]], [400, /unknown field "spec\.unknown1"/], "and an update");
  const apply = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fv}\nspec: {unknown1: val1}\n`;
  const query = "fieldManager=field_validation_mgr&fieldValidation=Strict";
  const applied = await api.call("PATCH", `${collection}/fv?${query}`, apply, { "content-type": patchTypes.apply });
  t.match([applied.code >= 400, applied.body["message"]], [true, /unknown1/], "and an apply");
}

async function unknownMetadata(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const collection = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const text = JSON.stringify(deployment("meta"))
    .replace('"metadata":{"name":"meta"', '"metadata":{"unknownMeta":"foo","name":"meta"')
    .replace('"metadata":{"labels"', '"metadata":{"unknownEmbedded":"bar","labels"');
  const { code, body } = await api.call("POST", `${collection}?fieldValidation=Strict`, text);
  t.equal(code, 400);
  t.match(body["message"], 'strict decoding error: unknown field "metadata.unknownMeta"');
  t.match(body["message"], 'unknown field "spec.template.metadata.unknownEmbedded"');
}

const quotas = (namespace: string): string => `/api/v1/namespaces/${namespace}/resourcequotas`;
const quota = (name: string, labels: JsonObject = {}): JsonObject => ({
  ...{ apiVersion: "v1", kind: "ResourceQuota", metadata: { name, labels } },
  spec: { hard: { cpu: "1", memory: "500Mi" } },
});

async function quotaUpdateAndDelete(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `${quotas(namespace)}/test-quota`;
  t.match(await api.create(quotas(namespace), quota("test-quota")), { spec: { hard: { cpu: "1", memory: "500Mi" } } });
  const read = await api.get(path);
  t.match(read, { spec: { hard: { cpu: "1", memory: "500Mi" } } });
  const hard = { cpu: "2", memory: "1Gi" };
  t.match(await api.update(path, { ...read, spec: { hard } }), { spec: { hard } });
  t.match(await api.get(path), { spec: { hard } });
  await api.delete(path);
  t.equal((await api.call("GET", path)).code, 404);
}

async function quotaLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const label = { "e2e-rq-label": namespace };
  const path = `${quotas(namespace)}/e2e-quota`;
  await api.create(quotas(namespace), quota("e2e-quota", label));
  t.match(await api.get(path), { metadata: { name: "e2e-quota" } });
  t.equal((await api.list(`/api/v1/resourcequotas?labelSelector=e2e-rq-label%3D${namespace}`)).length, 1);
  const patched = await api.patch(path, {
    metadata: { labels: { patched: "true" } },
    spec: { hard: { memory: "750Mi" } },
  });
  t.match(patched, { metadata: { labels: { patched: "true" } }, spec: { hard: { cpu: "1", memory: "750Mi" } } });
  await api.delete(`${quotas(namespace)}?labelSelector=e2e-rq-label%3D${namespace}`);
  t.same(await api.list(quotas(namespace)), []);
}

async function volumeLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const volumes = "/api/v1/persistentvolumes";
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const labels = { "e2e-pv-pool": namespace };
  const selected = `labelSelector=e2e-pv-pool%3D${namespace}`;
  const volume = (name: string): JsonObject => ({
    ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name, labels } },
    spec: {
      ...{ capacity: { storage: "2Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: namespace },
      hostPath: { path: "/tmp/e2e" },
    },
  });
  const claim = (name: string): JsonObject => ({
    ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, labels } },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: namespace, resources: { requests: { storage: "1Gi" } } },
  });
  for (const [collection, object] of [
    [volumes, volume(`pv-${namespace}`)],
    [claims, claim("pvc")],
  ] as const) {
    const made = await api.create(collection, object);
    const path = `${collection}/${nameOf(made)}`;
    t.match(await api.list(`${collection}?${selected}`), [{ metadata: { name: nameOf(made) } }], "listed");
    const patched = { metadata: { labels: { [nameOf(made)]: "patched" } } };
    t.match(await api.patch(path, patched, "strategic"), patched, "patched");
    const current = await api.get(path);
    const updated = { ...((current["metadata"] as JsonObject)["labels"] as JsonObject), [nameOf(made)]: "updated" };
    t.match(
      await api.update(path, withMetadata(current, { labels: updated })),
      { metadata: { labels: updated } },
      "updated",
    );
    const { finalizers } = (await api.get(path))["metadata"] as { readonly finalizers: readonly string[] };
    t.match(finalizers, [/^kubernetes\.io\/p/], "guarded");
    await api.patch(path, { metadata: { finalizers: null } });
    await api.delete(`${collection}?${selected}`);
    t.same(await api.list(`${collection}?${selected}`), [], "deleted");
  }
}

async function volumeStatus(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const volumes = "/api/v1/persistentvolumes";
  const name = `pv-${namespace}`;
  const spec = {
    capacity: { storage: "2Gi" },
    accessModes: ["ReadWriteOnce"],
    storageClassName: namespace,
    hostPath: { path: "/tmp" },
  };
  await api.create(volumes, { apiVersion: "v1", kind: "PersistentVolume", metadata: { name }, spec });
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const claimSpec = {
    accessModes: ["ReadWriteOnce"],
    storageClassName: namespace,
    resources: { requests: { storage: "1Gi" } },
  };
  await api.create(claims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "pvc" },
    spec: claimSpec,
  });
  const condition = (type: string): JsonObject => ({
    type,
    status: "True",
    reason: "E2E",
    message: `${type} by an e2e test`,
  });
  const claim = `${claims}/pvc/status`;
  t.match(await api.get(claim), { metadata: { name: "pvc" } });
  t.match(await api.patch(claim, { status: { conditions: [condition("Patched")] } }, "strategic"), {
    status: { conditions: [condition("Patched")] },
  });
  const current = await api.get(claim);
  const { conditions } = current["status"] as { readonly conditions: readonly JsonObject[] };
  const all = [...conditions, condition("Updated")];
  t.match(await api.update(claim, { ...current, status: { ...(current["status"] as JsonObject), conditions: all } }), {
    status: { conditions: all },
  });
  const status = `${volumes}/${name}/status`;
  t.match(await api.get(status), { metadata: { name } });
  t.match(await api.patch(status, { status: { message: "patched", reason: "E2E" } }), {
    status: { message: "patched", reason: "E2E" },
  });
  const before = await api.get(status);
  const next = { ...before, status: { ...(before["status"] as JsonObject), message: "updated" } };
  t.match(await api.update(status, next), { status: { message: "updated" } });
}

const binder = "the binding of the claim to the volume by a controller, and that what is in use is kept";

await conformance(import.meta.filename, {
  "Pods Extended": [
    {
      name: "Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu",
      steps: qosClass,
    },
  ],
  Sysctls: [{ name: "should reject invalid sysctls [LinuxOnly]", steps: invalidSysctls }],
  ServiceAccounts: [{ name: "should allow opting out of API token automount", steps: automount }],
  RuntimeClass: [
    {
      name: "should reject a Pod requesting a non-existent RuntimeClass",
      steps: (t, api, namespace) => rejectsRuntimeClass(t, api, namespace, `${namespace}-nonexistent`),
    },
    { name: "should reject a Pod requesting a deleted RuntimeClass", steps: deletedRuntimeClass },
  ],
  CSIInlineVolumes: [{ name: "should support CSIVolumeSource in Pod API", steps: csiVolume }],
  FieldValidation: [
    { name: "should detect unknown and duplicate fields of a typed object", steps: unknownAndDuplicateFields },
    { name: "should detect unknown metadata fields of a typed object", steps: unknownMetadata },
  ],
  ResourceQuota: [
    { name: "should be able to update and delete ResourceQuota.", steps: quotaUpdateAndDelete },
    { name: "should manage the lifecycle of a ResourceQuota", steps: quotaLifecycle },
  ],
  PersistentVolumes: [
    {
      name: "CSI Conformance should run through the lifecycle of a PV and a PVC",
      steps: volumeLifecycle,
      missing: binder,
    },
    { name: "CSI Conformance should apply changes to a pv/pvc status", steps: volumeStatus, missing: binder },
  ],
});
