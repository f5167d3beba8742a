// Unmodified kubectl against the cluster: the kinds and commands that a user meets first.
import type { Test } from "tap";
import { stringify } from "yaml";
import type { TestCluster } from "../../support/cluster.ts";
import { until } from "../../support/until.ts";

const namespace = "shop";
const labels = { app: "till" };
const image = "triarch/busybox:local";
/** The first process of a container ends on SIGTERM only when it says so. */
const untilToldToStop = "trap 'exit 0' TERM; while :; do sleep 0.2; done";
const container = {
  name: "main",
  image,
  command: ["sh", "-c", "echo open; exec sleep 3600"],
};
const template = {
  metadata: { labels },
  spec: { terminationGracePeriodSeconds: 1, containers: [container] },
};

/** Default headings as kubectl prints them. */
const headings = {
  namespaces: "NAME STATUS AGE",
  nodes: "NAME STATUS ROLES AGE VERSION",
  pods: "NAME READY STATUS RESTARTS AGE",
  deployments: "NAME READY UP-TO-DATE AVAILABLE AGE",
  replicasets: "NAME DESIRED CURRENT READY AGE",
  services: "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
  endpointslices: "NAME ADDRESSTYPE PORTS ENDPOINTS AGE",
  configmaps: "NAME DATA AGE",
  secrets: "NAME TYPE DATA AGE",
  events: "LAST SEEN TYPE REASON OBJECT MESSAGE",
} as const;

/** One object of each kind that a client makes itself. */
const manifests: readonly { readonly kind: string; readonly [field: string]: unknown }[] = [
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "till" }, data: { currency: "EUR", open: "daily" } },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "till" }, type: "Opaque", stringData: { pin: "0000" } },
  { apiVersion: "v1", kind: "Pod", metadata: { name: "lone", labels }, spec: template.spec },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "till" },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "till" },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  },
  {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "drawer" },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "drawer" } },
      template: { ...template, metadata: { labels: { app: "drawer" } } },
    },
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "outside", labels: { "kubernetes.io/service-name": "outside" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.7"] }],
    ports: [{ port: 443 }],
  },
];

export function kubectlWorks(t: Test, cluster: TestCluster): void {
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    cluster.mustKubectl(["-n", namespace, ...args], { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) });

  t.test("kubectl apply makes every kind, and again changes nothing", async (t) => {
    t.equal(await cluster.mustKubectl(["create", "namespace", namespace]), `namespace/${namespace} created\n`);
    const list = manifests.map((one) => stringify(one)).join("---\n");
    const first = (await kubectl(["apply", "-f", "-"], list)).trim().split("\n");
    t.equal(first.length, manifests.length);
    for (const line of first) t.match(line, / created$/);
    const second = (await kubectl(["apply", "-f", "-"], list)).trim().split("\n");
    for (const line of second) t.match(line, / (unchanged|configured)$/);
    const changed = JSON.stringify({ ...manifests[0], data: { currency: "CHF" } });
    t.equal(await kubectl(["apply", "-f", "-"], changed), "configmap/till configured\n");
    t.same(JSON.parse(await kubectl(["get", "configmap", "till", "-o", "jsonpath={.data}"])), { currency: "CHF" });
  });

  t.test("a List, whose validation needs OpenAPI v2, and explain", async (t) => {
    const items = ["one", "two"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } }));
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    t.equal(await kubectl(["apply", "-f", "-"], list), "configmap/one created\nconfigmap/two created\n");
    const wrong = JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ ...items[0], dta: {} }] });
    t.match(
      (await cluster.kubectl(["-n", namespace, "apply", "-f", "-"], { input: wrong })).stderr,
      /unknown field "dta"/,
    );
    t.match(await kubectl(["explain", "pod.spec.containers", "--recursive"]), /^ {2}imagePullPolicy\t<string>$/m);
    t.match(await kubectl(["explain", "deployment.spec"]), /^ {2}replicas\t<integer>$/m);
  });

  t.test("kubectl get prints the server's tables", async (t) => {
    await kubectl(["rollout", "status", "deployment/till", "--timeout=50s"]);
    for (const [resource, heading] of Object.entries(headings)) {
      const [first = "", ...rows] = (await kubectl(["get", resource])).trimEnd().split("\n");
      t.equal(first.trim().replaceAll(/ {2,}/g, " "), heading, resource);
      t.ok(rows.length > 0, `${resource}: rows`);
    }
    t.match(await kubectl(["get", "pod", "lone"]), /^lone +[01]\/1 +(Running|ContainerCreating|Pending) /m);
    t.match(await kubectl(["get", "deployment", "till"]), /^till +1\/1 +1 +1 +\d+s$/m);
    t.match(await kubectl(["get", "pods", "-o", "wide"]), /^NAME .* IP +NODE +NOMINATED NODE +READINESS GATES$/m);
  });

  t.test("kubectl describe tells of every kind", async (t) => {
    const objects = [
      ...["namespace/shop", "node/w1", "pod/lone", "deployment/till", "replicaset/drawer", "service/till"],
      ...["endpointslice/outside", "configmap/till", "secret/till"],
    ];
    for (const one of objects) {
      const text = await kubectl(["describe", one]);
      t.match(text, new RegExp(`^Name: +${one.split("/")[1]}$`, "m"), one);
    }
    t.match(await kubectl(["describe", "events"]), /^Reason: +Scheduled$/m);
    t.match(await kubectl(["describe", "deployment", "till"]), /ScalingReplicaSet.*Scaled up replica set/);
  });

  t.test("create deployment, expose, scale and rollout status", async (t) => {
    const create = ["create", "deployment", "kiosk", `--image=${image}`, "--replicas=2", "--"];
    t.equal(await kubectl([...create, "sh", "-c", untilToldToStop]), "deployment.apps/kiosk created\n");
    t.match(await kubectl(["rollout", "status", "deployment/kiosk", "--timeout=50s"]), "successfully rolled out");
    t.equal(
      await kubectl(["expose", "deployment", "kiosk", "--port=80", "--target-port=8080"]),
      "service/kiosk exposed\n",
    );
    t.match(await kubectl(["get", "service", "kiosk"]), /^kiosk +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP /m);
    t.equal(await kubectl(["scale", "deployment", "kiosk", "--replicas=4"]), "deployment.apps/kiosk scaled\n");
    t.match(await kubectl(["rollout", "status", "deployment/kiosk", "--timeout=50s"]), "successfully rolled out");
    t.match(await kubectl(["get", "deployment", "kiosk"]), /^kiosk +4\/4 +4 +4 /m);
    t.equal((await kubectl(["get", "endpointslices", "-o", "name"])).match(/kiosk-/g)?.length, 1);
  });

  t.test("a new image rolls out", async (t) => {
    const before = await kubectl(["get", "replicasets", "-l", "app=kiosk", "-o", "name"]);
    await kubectl(["set", "env", "deployment/kiosk", "SEASON=winter"]);
    t.match(await kubectl(["rollout", "status", "deployment/kiosk", "--timeout=90s"]), "successfully rolled out");
    const after = await kubectl(["get", "replicasets", "-l", "app=kiosk", "-o", "name"]);
    t.equal(after.trim().split("\n").length, before.trim().split("\n").length + 1, "the old set stays for a rollback");
  });

  t.test("logs", async (t) => {
    await kubectl(["wait", "--for=condition=Ready", "pod/lone", "--timeout=40s"]);
    t.equal(await kubectl(["logs", "lone"]), "open\n");
  });

  t.test("get -w shows changes as they happen", async (t) => {
    const watch = cluster.kubectlInBackground(["-n", namespace, "get", "configmaps", "-w"]);
    t.teardown(() => watch.signal("SIGKILL"));
    await watch.waitForOutput(/^till +1 /m, 20_000);
    await kubectl(["create", "configmap", "late", "--from-literal=a=1", "--from-literal=b=2"]);
    await watch.waitForOutput(/^late +2 /m, 10_000);
  });

  t.test("delete", async (t) => {
    t.match(await kubectl(["delete", "pod", "lone"]), `pod "lone" deleted`);
    t.match((await cluster.kubectl(["-n", namespace, "get", "pod", "lone"])).stderr, "NotFound");
    await kubectl(["delete", "deployment", "kiosk"]);
    await until("the pods of the deleted deployment to go", 40_000, async () =>
      (await kubectl(["get", "pods", "-l", "app=kiosk", "-o", "name"])) === "" ? true : undefined,
    );
    await cluster.mustKubectl(["delete", "namespace", namespace], { timeoutMs: 90_000 });
    t.match((await cluster.kubectl(["get", "namespace", namespace])).stderr, "NotFound");
    t.equal(await kubectl(["get", "configmaps,secrets,services,pods", "-o", "name"]), "", "its objects went with it");
  });
}
