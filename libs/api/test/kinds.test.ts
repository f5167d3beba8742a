import t from "tap";
import {
  bindPod,
  deepCopy,
  findResource,
  goesAfterUpdate,
  type JsonObject,
  type MutableObject,
  namespaceFinalize,
  planDeletion,
  qosClass,
  type ResourceInfo,
  strategyFor,
  timeText,
  validateScale,
} from "@triarch/api";
import { create, nowMs, update } from "./strategy-server.ts";

function resource(group: string, name: string): ResourceInfo {
  const found = findResource(group, "v1", name);
  if (found === undefined) throw new Error(`${name} is not served`);
  return found;
}
const pods = resource("", "pods");
const deployments = resource("apps", "deployments");
const services = resource("", "services");

function made(target: ResourceInfo, body: JsonObject): MutableObject {
  const answer = create(target, target.namespaced ? "default" : "", body);
  if (!("object" in answer)) throw new Error(answer.text);
  return answer.object;
}
function changed(target: ResourceInfo, old: JsonObject, change: (next: MutableObject) => void): MutableObject {
  const next = deepCopy(old);
  change(next);
  const answer = update(target, target.namespaced ? "default" : "", old, next);
  if (!("object" in answer)) throw new Error(answer.text);
  return answer.object;
}
const part = (object: JsonObject, key: string): MutableObject => object[key] as MutableObject;
const generation = (object: JsonObject): unknown => part(object, "metadata")["generation"];

const deploymentBody: JsonObject = {
  metadata: { name: "d" },
  spec: {
    selector: { matchLabels: { app: "d" } },
    template: { metadata: { labels: { app: "d" } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
  },
  status: { replicas: 9 },
};
const podBody = (spec: JsonObject = {}): JsonObject => ({
  metadata: { name: "p" },
  spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
});

t.test("spec and status are kept apart, generations count what is asked", async (t) => {
  const deployment = made(deployments, deploymentBody);
  t.strictSame(deployment["status"], {}, "a new object has no status from its client");
  t.equal(generation(deployment), 1);

  const scaled = changed(deployments, deployment, (next) => {
    part(next, "spec")["replicas"] = 5;
    next["status"] = { replicas: 5 };
  });
  t.equal(generation(scaled), 2);
  t.strictSame(scaled["status"], {}, "an update leaves status alone");
  const labelled = changed(deployments, scaled, (next) => (part(next, "metadata")["labels"] = { a: "b" }));
  t.equal(generation(labelled), 2, "labels ask nothing of the controller");
  const annotated = changed(deployments, labelled, (next) => (part(next, "metadata")["annotations"] = { a: "b" }));
  t.equal(generation(annotated), 3, "a Deployment's annotations do");

  const reported = deepCopy(annotated);
  part(reported, "spec")["replicas"] = 99;
  part(reported, "metadata")["labels"] = { ignored: "yes" };
  reported["status"] = { replicas: 5, observedGeneration: 3 };
  strategyFor(deployments).prepareForStatusUpdate(reported, annotated, { nowMs: 0 });
  t.equal(part(reported, "spec")["replicas"], 5);
  t.strictSame(part(reported, "metadata")["labels"], { a: "b" });
  t.strictSame(reported["status"], { replicas: 5, observedGeneration: 3 });
  t.strictSame(strategyFor(deployments).validateStatusUpdate(reported, annotated), []);
});

t.test("scale", async (t) => {
  const { scale } = strategyFor(deployments);
  const deployment = made(deployments, deploymentBody);
  t.match(scale?.get(deployment), {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name: "d", namespace: "default" },
    spec: { replicas: 1 },
    status: { replicas: 0, selector: "app=d" },
  });
  scale?.set(deployment, 4);
  t.equal(part(deployment, "spec")["replicas"], 4);
  t.match(validateScale({ spec: { replicas: -1 } }), [{ field: "spec.replicas", type: "FieldValueInvalid" }]);
  t.equal(strategyFor(pods).scale, undefined);
});

t.test("the QoS class comes from requests and limits", async (t) => {
  const withResources = (...resources: JsonObject[]): JsonObject => ({
    spec: { containers: resources.map((one, i) => ({ name: `c${i}`, resources: one })) },
  });
  const full = { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1000m", memory: "1024Mi" } };
  t.equal(qosClass(withResources({}, {})), "BestEffort");
  t.equal(qosClass(withResources(full)), "Guaranteed");
  t.equal(qosClass(withResources(full, {})), "Burstable");
  t.equal(qosClass(withResources({ requests: { cpu: "1" } })), "Burstable");
  t.equal(qosClass(withResources({ limits: { cpu: "1", memory: "1" } })), "Guaranteed", "requests default to limits");
  const together = (resources: JsonObject): JsonObject => ({ spec: { containers: [{ name: "c" }], resources } });
  t.equal(qosClass(together(full)), "Guaranteed", "what the pod has counts for its containers");
  t.equal(qosClass(together({ requests: { cpu: "1" } })), "Burstable");
  t.equal(qosClass(together({})), "BestEffort");
  t.match(made(pods, podBody()), { status: { phase: "Pending", qosClass: "BestEffort" } });
});

t.test("pods go with grace", async (t) => {
  const strategy = strategyFor(pods);
  const bound = made(pods, podBody({ nodeName: "n1", terminationGracePeriodSeconds: 40 }));
  const marked = planDeletion(strategy, bound, { nowMs });
  t.equal(marked.kind, "mark");
  if (marked.kind !== "mark") return;
  t.match(marked.object, {
    metadata: { deletionTimestamp: timeText(nowMs + 40_000), deletionGracePeriodSeconds: 40, generation: 2 },
  });
  t.equal(planDeletion(strategy, marked.object, { nowMs, gracePeriodSeconds: 100 }).kind, "pending", "never longer");
  t.equal(planDeletion(strategy, marked.object, { nowMs }).kind, "pending");
  const shorter = planDeletion(strategy, marked.object, { nowMs, gracePeriodSeconds: 5 });
  t.match(shorter, {
    kind: "mark",
    object: { metadata: { deletionTimestamp: timeText(nowMs + 5_000), deletionGracePeriodSeconds: 5, generation: 2 } },
  });
  t.match(planDeletion(strategy, marked.object, { nowMs, gracePeriodSeconds: 0 }), { kind: "remove", graceful: true });
  t.equal(planDeletion(strategy, bound, { nowMs, gracePeriodSeconds: 0 }).kind, "remove");
  t.match(planDeletion(strategy, made(pods, podBody()), { nowMs }), {
    kind: "remove",
    object: { metadata: { deletionGracePeriodSeconds: 0, generation: 2 } },
  });
  const finished = deepCopy(bound);
  part(finished, "status")["phase"] = "Succeeded";
  t.equal(planDeletion(strategy, finished, { nowMs }).kind, "remove", "nothing is left to stop");
});

t.test("finalizers keep an object, propagation adds them", async (t) => {
  const strategy = strategyFor(deployments);
  const deployment = made(deployments, deploymentBody);
  t.match(planDeletion(strategy, deployment, { nowMs }), { kind: "remove", graceful: false });
  t.equal(part(planned(planDeletion(strategy, deployment, { nowMs })), "metadata")["deletionTimestamp"], undefined);
  const foreground = planDeletion(strategy, deployment, { nowMs, propagationPolicy: "Foreground" });
  t.match(foreground, {
    kind: "mark",
    object: { metadata: { finalizers: ["foregroundDeletion"], deletionGracePeriodSeconds: 0, generation: 2 } },
  });
  const orphaned = planDeletion(strategy, planned(foreground), { nowMs, propagationPolicy: "Orphan" });
  t.match(orphaned, { kind: "mark", object: { metadata: { finalizers: ["orphan"], generation: 2 } } });
  t.equal(goesAfterUpdate(strategy, planned(orphaned)), false);
  const released = deepCopy(planned(orphaned));
  delete part(released, "metadata")["finalizers"];
  t.equal(goesAfterUpdate(strategy, released), true);
  t.equal(goesAfterUpdate(strategy, deployment), false, "nobody deleted it");
  const job = made(resource("batch", "jobs"), {
    metadata: { name: "j" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i:1" }] } } },
  });
  t.match(planDeletion(strategyFor(resource("batch", "jobs")), job, { nowMs }), {
    kind: "mark",
    object: { metadata: { finalizers: ["orphan"] } },
  });
});

function planned(plan: ReturnType<typeof planDeletion>): MutableObject {
  if (plan.kind === "pending") throw new Error("nothing to do");
  return plan.object;
}

t.test("namespaces go once their content has", async (t) => {
  const namespaces = resource("", "namespaces");
  const strategy = strategyFor(namespaces);
  const namespace = made(namespaces, { metadata: { name: "team" } });
  t.match(namespace, {
    metadata: { labels: { "kubernetes.io/metadata.name": "team" } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  });
  const kept = changed(namespaces, namespace, (next) => {
    part(next, "spec")["finalizers"] = [];
    part(next, "metadata")["labels"] = {};
  });
  t.match(kept, {
    spec: { finalizers: ["kubernetes"] },
    metadata: { labels: { "kubernetes.io/metadata.name": "team" } },
  });
  const marked = planned(planDeletion(strategy, namespace, { nowMs }));
  t.equal(part(marked, "status")["phase"], "Terminating");
  t.equal(part(marked, "metadata")["deletionGracePeriodSeconds"], undefined);
  t.equal(planDeletion(strategy, marked, { nowMs }).kind, "pending");
  const finalized = deepCopy(marked);
  part(finalized, "spec")["finalizers"] = [];
  finalized["status"] = { phase: "Active" };
  namespaceFinalize.prepare(finalized, marked);
  t.strictSame(namespaceFinalize.validate({ spec: { finalizers: ["kubernetes", "a.b/c"] } }), []);
  t.match(namespaceFinalize.validate({ spec: { finalizers: ["kubernetes", "x"] } }), [{ field: "spec.finalizers[1]" }]);
  t.strictSame(finalized["status"], { phase: "Terminating" }, "finalize changes nothing else");
  t.equal(goesAfterUpdate(strategy, finalized), true);
});

t.test("binding", async (t) => {
  const pod = made(pods, podBody());
  const binding = { metadata: { name: "p", annotations: { a: "1" } }, target: { kind: "Node", name: "n1" } };
  t.equal(bindPod(pod, binding, nowMs), undefined);
  t.match(pod, {
    metadata: { annotations: { a: "1" }, generation: 1 },
    spec: { nodeName: "n1" },
    status: { conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: timeText(nowMs) }] },
  });
  t.equal(bindPod(pod, binding, nowMs), 'pod p is already assigned to node "n1"');
  t.match(bindPod(made(pods, podBody({ schedulingGates: [{ name: "g" }] })), binding, nowMs), /schedulingGates/);
});

t.test("a Service keeps its addresses and drops what its new type has not", async (t) => {
  const allocated = (spec: JsonObject): MutableObject =>
    Object.assign(made(services, { metadata: { name: "s" }, spec }), {
      spec: {
        ...spec,
        clusterIP: "10.96.1.1",
        clusterIPs: ["10.96.1.1"],
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        externalTrafficPolicy: "Cluster",
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "None",
      },
    });
  const nodePort = allocated({
    type: "NodePort",
    ports: [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: 30001 }],
  });
  const replaced = changed(services, nodePort, (next) => {
    next["spec"] = { type: "NodePort", ports: [{ port: 8080 }] };
  });
  t.match(replaced["spec"], {
    clusterIP: "10.96.1.1",
    clusterIPs: ["10.96.1.1"],
    ports: [{ port: 8080, nodePort: 30001 }],
  });
  const renamed = changed(services, nodePort, (next) => {
    next["spec"] = { type: "NodePort", ports: [{ name: "a", port: 80 }] };
  });
  const [port] = part(renamed, "spec")["ports"] as MutableObject[];
  t.equal(port?.["nodePort"], undefined, "a port of another name is another port");
  const inside = changed(services, nodePort, (next) => (part(next, "spec")["type"] = "ClusterIP"));
  t.equal((part(inside, "spec")["ports"] as MutableObject[])[0]?.["nodePort"], undefined);
  t.equal(part(inside, "spec")["externalTrafficPolicy"], undefined);
  const external = changed(services, nodePort, (next) => {
    part(next, "spec")["type"] = "ExternalName";
    part(next, "spec")["externalName"] = "a.example.com";
  });
  t.strictSame(
    Object.keys(part(external, "spec")).filter((key) => /clusterIP|ipFamil/.test(key)),
    [],
  );
  const moved = update(services, "default", nodePort, {
    ...nodePort,
    spec: { ...part(nodePort, "spec"), clusterIP: "10.96.9.9", clusterIPs: ["10.96.9.9"] },
  });
  t.match(moved, { status: 422, errors: [{ field: "spec.clusterIPs[0]", detail: "may not change once set" }] });
});

t.test("Secrets fold their texts and never change type", async (t) => {
  const secrets = resource("", "secrets");
  const secret = made(secrets, {
    metadata: { name: "s" },
    stringData: { user: "admin" },
    data: { user: "b2xk" },
  });
  t.equal(secret["stringData"], undefined);
  t.match(secret, { type: "Opaque", data: { user: "YWRtaW4=" } });
});

t.test("fields for selectors", async (t) => {
  const strategy = strategyFor(pods);
  const fields = strategy.fieldsForSelector(made(pods, podBody({ nodeName: "n1" })));
  t.match(fields, {
    "metadata.name": "p",
    "metadata.namespace": "default",
    "spec.nodeName": "n1",
    "status.phase": "Pending",
    "spec.hostNetwork": "false",
  });
  for (const field of Object.keys(fields)) t.ok(strategy.supportedFieldSelectors.includes(field), field);
  const event = {
    metadata: { name: "e", namespace: "n" },
    regarding: { kind: "Pod", name: "p" },
    reason: "R",
    type: "Normal",
  };
  t.match(strategyFor(resource("events.k8s.io", "events")).fieldsForSelector(event), {
    "involvedObject.name": "p",
    "regarding.name": "p",
    reason: "R",
  });
  const [old, young] = ["", "events.k8s.io"].map((group) => strategyFor(resource(group, "events")));
  t.ok(old?.supportedFieldSelectors.includes("source") && !old.supportedFieldSelectors.includes("regarding.name"));
  t.ok(young?.supportedFieldSelectors.includes("reportingController"), "each group selects by its own form's names");
  t.equal(strategyFor(resource("rbac.authorization.k8s.io", "roles")).allowCreateOnUpdate, true);
});
