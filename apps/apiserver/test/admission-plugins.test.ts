// Admission plug-ins that are on by default: classes of runtimes, storage, ingresses and priority; claims that grow; the
// zone of a pod's node.
import t, { type Test } from "tap";
import { type JsonObject, listAt, objectAt } from "@triarch/api";
import { newestName } from "../src/admission/default-classes.ts";
import { mergeTolerations } from "../src/admission/tolerations.ts";
import { type Answer, pod, startTestServer, type TestServer } from "./support/test-server.ts";

const pods = "/api/v1/namespaces/default/pods";
const specOf = ({ body }: Answer): JsonObject => objectAt(body, "spec") ?? {};
const refusal = (message: string): object => ({ statusCode: 403, body: { reason: "Forbidden", message } });

async function started(t: Test): Promise<TestServer> {
  const server = await startTestServer();
  t.teardown(() => server.close());
  return server;
}

async function merge({ call }: TestServer, path: string, document: JsonObject): Promise<Answer> {
  return call("PATCH", path, JSON.stringify(document), { "content-type": "application/merge-patch+json" });
}

t.test("a pod gets the overhead and the place of its runtime class, and no other overhead", async (t) => {
  const server = await started(t);
  const { call } = server;
  const classes = "/apis/node.k8s.io/v1/runtimeclasses";
  const key = "runtime";
  const scheduling = { nodeSelector: { kind: "vm" }, tolerations: [{ key, operator: "Exists", effect: "NoSchedule" }] };
  const overhead = { podFixed: { cpu: "250m", memory: "120Mi" } };
  await call("POST", classes, { metadata: { name: "vm" }, handler: "vm", overhead, scheduling });
  await call("POST", classes, { metadata: { name: "plain" }, handler: "plain" });

  const made = await call("POST", pods, pod("a", { runtimeClassName: "vm", nodeSelector: { zone: "z" } }));
  t.match(made, { statusCode: 201 });
  t.match(specOf(made), { overhead: overhead.podFixed, nodeSelector: { zone: "z", kind: "vm" } });
  t.equal(listAt(specOf(made), "tolerations").length, 3, "the class's beside the two of every pod");
  const same = pod("b", { runtimeClassName: "vm", overhead: { memory: "122880Ki", cpu: "0.25" } });
  t.equal((await call("POST", pods, same)).statusCode, 201, "equal amounts in other words");
  const plain = await call("POST", pods, pod("c", { runtimeClassName: "plain" }));
  t.notOk("overhead" in specOf(plain) || "nodeSelector" in specOf(plain));

  t.match(
    await call("POST", pods, pod("d", { runtimeClassName: "none" })),
    refusal('pods "d" is forbidden: pod rejected: RuntimeClass "none" not found'),
  );
  const differs = "pods \"d\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
  t.match(await call("POST", pods, pod("d", { runtimeClassName: "vm", overhead: { cpu: "1" } })), refusal(differs));
  const unfounded =
    'pods "d" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
  t.match(await call("POST", pods, pod("d", { overhead: { cpu: "1" } })), refusal(unfounded));
  t.match(
    await call("POST", pods, pod("d", { runtimeClassName: "plain", overhead: { cpu: "1" } })),
    refusal(unfounded),
  );
  const conflict =
    'pods "d" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kind] = vm; pod.spec.nodeSelector[kind] = metal';
  const other = pod("d", { runtimeClassName: "vm", nodeSelector: { kind: "metal" } });
  t.match(await call("POST", pods, other), refusal(conflict));
});

t.test("tolerations that others cover are left out", (t) => {
  const of = (key: string, operator: string, more: JsonObject = {}): JsonObject => ({ key, operator, ...more });
  const one = of("a", "Equal", { value: "1", effect: "NoSchedule" });
  const all = of("", "Exists");
  const long = of("a", "Exists", { effect: "NoExecute" });
  const short = of("a", "Exists", { effect: "NoExecute", tolerationSeconds: 5 });
  const cases: readonly (readonly [readonly JsonObject[], readonly JsonObject[]])[] = [
    [[one, one], [one]],
    [[one, all], [all]],
    [[all, long], [all]],
    [[one, of("a", "Exists")], [of("a", "Exists")]],
    [
      [one, of("b", "Exists")],
      [one, of("b", "Exists")],
    ],
    [[short, long], [long]],
    [[long, short], [long]],
    [
      [one, of("a", "Equal", { value: "2" })],
      [one, of("a", "Equal", { value: "2" })],
    ],
    [[one, of("a", "Equal", { value: "1" })], [of("a", "Equal", { value: "1" })]],
    [[short, of("a", "Exists", { effect: "NoExecute", tolerationSeconds: 4 })], [short]],
  ];
  for (const [given, merged] of cases) t.same(mergeTolerations(given), merged, JSON.stringify(given));
  t.end();
});

t.test("claims and ingresses without a class get the default one, of several the newest", async (t) => {
  const { call } = await started(t);
  const classes = "/apis/storage.k8s.io/v1/storageclasses";
  const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const claim = (name: string, more: JsonObject = {}, annotations: JsonObject = {}): JsonObject => ({
    metadata: { name, annotations },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...more },
  });
  const isDefault = (key: string): JsonObject => ({ [`${key}.kubernetes.io/is-default-class`]: "true" });
  const provisioner = "example.com/p";
  t.notOk("storageClassName" in specOf(await call("POST", claims, claim("none"))), "there is no default class");
  for (const name of ["b", "a"]) {
    await call("POST", classes, { metadata: { name, annotations: isDefault("storageclass") }, provisioner });
  }
  await call("POST", classes, { metadata: { name: "0" }, provisioner });
  t.equal(specOf(await call("POST", claims, claim("auto")))["storageClassName"], "a");
  t.equal(specOf(await call("POST", claims, claim("named", { storageClassName: "0" })))["storageClassName"], "0");
  t.equal(specOf(await call("POST", claims, claim("empty", { storageClassName: "" })))["storageClassName"], "");
  const beta = await call("POST", claims, claim("beta", {}, { "volume.beta.kubernetes.io/storage-class": "0" }));
  t.notOk("storageClassName" in specOf(beta));

  const ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  const backend = { service: { name: "s", port: { number: 80 } } };
  const ingress = (name: string, more: JsonObject = {}, annotations: JsonObject = {}): JsonObject => ({
    metadata: { name, annotations },
    spec: { defaultBackend: backend, ...more },
  });
  const annotations = isDefault("ingressclass");
  await call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {
    metadata: { name: "front", annotations },
    spec: { controller: "example.com/c" },
  });
  t.equal(specOf(await call("POST", ingresses, ingress("auto")))["ingressClassName"], "front");
  t.equal(specOf(await call("POST", ingresses, ingress("own", { ingressClassName: "x" })))["ingressClassName"], "x");
  const old = await call("POST", ingresses, ingress("old", {}, { "kubernetes.io/ingress.class": "y" }));
  t.notOk("ingressClassName" in specOf(old));
});

t.test("the newest class is the default, and within a second the first by name", (t) => {
  const born = (name: string, second: number): JsonObject => ({
    metadata: { name, creationTimestamp: `2030-01-01T00:00:0${second}Z` },
  });
  t.equal(newestName([born("a", 1), born("c", 2), born("b", 2), born("0", 0)]), "b");
  t.equal(newestName([]), undefined);
  t.end();
});

t.test("a claim grows when it is bound and its class says so", async (t) => {
  const server = await started(t);
  const { call } = server;
  const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const provisioner = "example.com/p";
  const classes = "/apis/storage.k8s.io/v1/storageclasses";
  await call("POST", classes, { metadata: { name: "grows" }, provisioner, allowVolumeExpansion: true });
  await call("POST", classes, { metadata: { name: "stays" }, provisioner });
  const grow = (name: string, storage: string): Promise<Answer> =>
    merge(server, `${claims}/${name}`, { spec: { resources: { requests: { storage } } } });
  for (const name of ["grows", "stays"]) {
    await call("POST", claims, {
      metadata: { name },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        storageClassName: name,
        volumeName: `pv-${name}`,
      },
    });
    const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
    await merge(server, `${claims}/${name}/status`, bound);
  }
  t.equal((await grow("grows", "2Gi")).statusCode, 200);
  t.match(
    await grow("stays", "2Gi"),
    refusal(
      'persistentvolumeclaims "stays" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    ),
  );
});

t.test("one priority class is the default, and a pod's policy is its class's", async (t) => {
  const server = await started(t);
  const { call } = server;
  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  const made = { metadata: { name: "usual" }, value: 7, globalDefault: true, preemptionPolicy: "Never" };
  t.equal((await call("POST", classes, made)).statusCode, 201);
  const already = "PriorityClass usual is already marked as default. Only one default can exist";
  const second = { metadata: { name: "second" }, value: 8, globalDefault: true };
  t.match(
    await call("POST", classes, second),
    refusal(`priorityclasses.scheduling.k8s.io "second" is forbidden: ${already}`),
  );
  t.equal((await call("POST", classes, { metadata: { name: "second" }, value: 8 })).statusCode, 201);
  t.match(
    await merge(server, `${classes}/second`, { globalDefault: true }),
    refusal(`priorityclasses.scheduling.k8s.io "second" is forbidden: ${already}`),
  );
  t.equal((await merge(server, `${classes}/usual`, { description: "of most" })).statusCode, 200);

  t.match(specOf(await call("POST", pods, pod("a"))), {
    priorityClassName: "usual",
    priority: 7,
    preemptionPolicy: "Never",
  });
  const computed = "priority admission controller computed";
  t.match(
    await call("POST", pods, pod("b", { preemptionPolicy: "PreemptLowerPriority" })),
    refusal(
      `pods "b" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; ${computed} Never from the given PriorityClass name`,
    ),
  );
  t.match(
    await call("POST", pods, pod("b", { priority: 9 })),
    refusal(
      `pods "b" is forbidden: the integer value of priority (9) must not be provided in pod spec; ${computed} 7 from the given PriorityClass name`,
    ),
  );
});

t.test("a pod carries the zone and region of its node, and keeps those it has", async (t) => {
  const { call } = await started(t);
  const zone = "topology.kubernetes.io/zone";
  const region = "topology.kubernetes.io/region";
  const labels = { [zone]: "z1", [region]: "r1", "kubernetes.io/hostname": "n" };
  await call("POST", "/api/v1/nodes", { metadata: { name: "n", labels } });
  const labelsOf = ({ body }: Answer): JsonObject => objectAt(objectAt(body, "metadata") ?? {}, "labels") ?? {};
  t.same(labelsOf(await call("POST", pods, pod("placed", { nodeName: "n" }))), { [zone]: "z1", [region]: "r1" });
  t.same(labelsOf(await call("POST", pods, pod("nowhere", { nodeName: "gone" }))), {});

  await call("POST", pods, { ...pod("bound"), metadata: { name: "bound", labels: { a: "b" } } });
  const binding = { metadata: { name: "bound", labels: { [region]: "own" } }, target: { kind: "Node", name: "n" } };
  t.equal((await call("POST", `${pods}/bound/binding`, binding)).statusCode, 201);
  t.same(labelsOf(await call("GET", `${pods}/bound`)), { a: "b", [zone]: "z1", [region]: "own" });
});
