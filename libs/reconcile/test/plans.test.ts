import t from "tap";
import type { Deployment, Pod, ReplicaSet, Service } from "@triarch/api";
import { choosePodCidr, planDeployment, planEndpointSlices, planReplicaSet, timeMs } from "@triarch/reconcile";

const now = { ms: Date.UTC(2026, 0, 1), text: "2026-01-01T00:00:00Z" };
const labels = { app: "web" };

function pod(name: string, more: Partial<Pod> = {}, ready = true): Pod {
  return {
    metadata: {
      name,
      namespace: "d",
      uid: name,
      labels,
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "r", controller: true }],
    },
    spec: { nodeName: "n1", containers: [{ name: "c", ports: [{ name: "http", containerPort: 8080 }] }] },
    status: {
      phase: "Running",
      podIP: `10.244.0.${name.length}`,
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: "2025-12-31T23:00:00Z" }],
    },
    ...more,
  };
}

const set: ReplicaSet = {
  metadata: { name: "r", namespace: "d", uid: "r", generation: 1 },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c" }] } },
  },
};

t.test("times are read without the platform's calendar", async (t) => {
  for (const text of ["1970-01-01T00:00:00Z", "2024-02-29T12:34:56Z", "2026-11-21T13:53:20.250000Z"]) {
    t.equal(timeMs(text), Math.trunc(Date.parse(text)));
  }
});

t.test("a ReplicaSet makes what is missing, removes the least wanted, adopts and releases", async (t) => {
  t.equal(planReplicaSet(set, [pod("a")], now).createCount, 1);
  const unplaced = pod("unplaced", { spec: { containers: [] } });
  t.same(planReplicaSet(set, [pod("a"), pod("b"), unplaced], now).remove, [unplaced]);
  const failed = pod("failed", { status: { phase: "Failed" } });
  t.equal(planReplicaSet(set, [pod("a"), failed], now).createCount, 1, "an ended pod does not count");
  const orphan = pod("o", { metadata: { name: "o", labels } });
  t.same(planReplicaSet(set, [pod("a"), orphan], now).adopt, [orphan]);
  const stray = pod("s", { metadata: { ...pod("s").metadata, labels: { app: "other" } } });
  t.same(planReplicaSet(set, [pod("a"), pod("b"), stray], now).release, [stray]);
});

/** Plays the rounds: applies a plan's actions to the sets, with pods that become available at once. */
function rollOut(
  deployment: Deployment,
  sets: ReplicaSet[],
  rounds = 50,
): { steps: string[]; deployment: Deployment; sets: ReplicaSet[] } {
  const steps: string[] = [];
  let current = deployment;
  for (let i = 0; i < rounds; i++) {
    const plan = planDeployment(current, sets, now);
    if (plan.actions.length === 0 && JSON.stringify(plan.status) === JSON.stringify(current.status)) break;
    current = { ...current, status: plan.status };
    for (const action of plan.actions) {
      if (action.kind === "setRevision") {
        current = {
          ...current,
          metadata: {
            ...current.metadata,
            annotations: { ...current.metadata?.annotations, "deployment.kubernetes.io/revision": action.revision },
          },
        };
        continue;
      }
      const name = action.set.metadata?.name ?? "";
      if (action.kind === "create")
        sets.push({ ...action.set, metadata: { ...action.set.metadata, uid: name, generation: 1 } });
      if (action.kind === "remove")
        sets.splice(
          sets.findIndex((one) => one.metadata?.name === name),
          1,
        );
      const at = sets.findIndex((one) => one.metadata?.name === name);
      const one = sets[at];
      if (one?.spec === undefined) continue;
      if (action.kind === "scale") steps.push(`${name.split("-")[0]} ${action.from}>${action.to}`);
      const replicas = action.kind === "scale" ? action.to : (one.spec.replicas ?? 0);
      const annotations =
        action.kind === "scale" || action.kind === "annotate"
          ? { ...one.metadata?.annotations, ...action.annotations }
          : (one.metadata?.annotations ?? {});
      sets[at] = {
        ...one,
        metadata: { ...one.metadata, annotations },
        spec: { ...one.spec, replicas },
        status: { replicas, readyReplicas: replicas, availableReplicas: replicas, observedGeneration: 1 },
      };
    }
  }
  return { steps, deployment: current, sets };
}

const web = (image: string, more: object = {}): Deployment => ({
  metadata: { name: "web", namespace: "d", uid: "web", generation: 1 },
  spec: {
    replicas: 4,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image }] } },
    ...more,
  },
});

t.test("a roll-out keeps within its bounds and ends with the new set alone", async (t) => {
  const first = rollOut(web("img:1"), []);
  t.equal(first.sets.length, 1);
  t.equal(
    first.deployment.status?.conditions?.find((one) => one.type === "Progressing")?.reason,
    "NewReplicaSetAvailable",
  );
  const next: Deployment = {
    ...first.deployment,
    spec: web("img:2").spec as NonNullable<Deployment["spec"]>,
    metadata: { ...first.deployment.metadata, generation: 2 },
  };
  const second = rollOut(next, first.sets);
  t.same(second.sets.map((one) => one.spec?.replicas).sort(), [0, 4]);
  t.equal(second.deployment.metadata?.annotations?.["deployment.kubernetes.io/revision"], "2");
  t.equal(second.deployment.status?.updatedReplicas, 4);
});

t.test("back to an old template takes its set again, with a new revision", async (t) => {
  const first = rollOut(web("img:1"), []);
  const second = rollOut(
    { ...first.deployment, spec: web("img:2").spec as NonNullable<Deployment["spec"]> },
    first.sets,
  );
  const third = rollOut(
    { ...second.deployment, spec: web("img:1").spec as NonNullable<Deployment["spec"]> },
    second.sets,
  );
  t.equal(third.sets.length, 2);
  t.equal(third.deployment.metadata?.annotations?.["deployment.kubernetes.io/revision"], "3");
});

t.test("a size that a set's status does not show yet is not spent twice", async (t) => {
  const bounds = { replicas: 5, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } };
  const sized = (image: string, replicas: number, status: ReplicaSet["status"]): ReplicaSet => ({
    metadata: {
      name: image,
      uid: image,
      labels,
      annotations: {
        "deployment.kubernetes.io/desired-replicas": "5",
        "deployment.kubernetes.io/revision": image.slice(4),
      },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "web", controller: true }],
    },
    spec: { replicas, selector: {}, template: web(image).spec?.template ?? {} },
    ...(status === undefined ? {} : { status }),
  });
  // Scaled from 8 to 5 a moment ago: its status still counts 8.
  const old = sized("img:1", 5, { replicas: 8, availableReplicas: 8 });
  const bad = sized("img:2", 5, { replicas: 5 });
  const { actions } = planDeployment(web("img:2", bounds), [old, bad], now);
  const scaled = actions.flatMap((one) =>
    one.kind === "scale" ? [`${one.set.metadata?.name} ${one.from}>${one.to}`] : [],
  );
  t.same(scaled, ["img:1 5>3"], "three of five must stay available");
});

t.test("endpoints follow readiness; an endpoint stays in its slice", async (t) => {
  const service: Service = {
    metadata: { name: "s", namespace: "d", uid: "s" },
    spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] },
  };
  const plan = planEndpointSlices(service, [pod("a"), pod("bb", {}, false)], new Map(), []);
  t.equal(plan.create.length, 1);
  t.match(plan.create[0]?.endpoints, [
    { conditions: { ready: true } },
    { conditions: { ready: false, serving: false } },
  ]);
  t.match(plan.create[0]?.ports, [{ name: "", port: 8080, protocol: "TCP" }]);
  const slice = { ...plan.create[0], metadata: { ...plan.create[0]?.metadata, name: "s-1" } } as NonNullable<
    (typeof plan.create)[0]
  >;
  t.same(planEndpointSlices(service, [pod("a"), pod("bb", {}, false)], new Map(), [slice]), {
    create: [],
    update: [],
    remove: [],
  });
  t.equal(planEndpointSlices(service, [pod("bb")], new Map(), [slice]).update[0]?.endpoints?.length, 1);
});

t.test("each node gets the first free network", async (t) => {
  const taken = [{ spec: { podCIDR: "10.244.0.0/24" } }, { spec: { podCIDR: "10.244.2.0/24" } }];
  t.same(choosePodCidr({}, taken, "10.244.0.0/16"), { kind: "assign", podCidr: "10.244.1.0/24" });
  t.same(choosePodCidr({}, taken, "10.244.0.0/24"), { kind: "exhausted" });
});
