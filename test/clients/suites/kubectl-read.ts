// kubectl's ways of looking: get in every output form, watch, describe, explain, wait, what the server offers.
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

/** Headings as `kubectl get` prints them. */
const headings: Readonly<Record<string, string>> = {
  pods: "NAME READY STATUS RESTARTS AGE",
  services: "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
  deployments: "NAME READY UP-TO-DATE AVAILABLE AGE",
  configmaps: "NAME DATA AGE",
  namespaces: "NAME STATUS AGE",
  nodes: "NAME STATUS ROLES AGE VERSION",
};

export async function kubectlReads(t: Test, kubectl: Kubectl): Promise<void> {
  const { step, must } = kubectl;
  await must(["create", "-f", await kubectl.file("objects.yaml", objects)]);
  for (const [what, heading] of Object.entries(headings)) {
    const [first = ""] = (await step(`get ${what}`)).split("\n");
    t.equal(first.replaceAll(/ +/g, " ").trimEnd(), heading, what);
  }
  await step("get pods -o wide", { stdout: /NOMINATED NODE +READINESS GATES\na .*<none>/ });
  await step("get pod,service -o name", { stdout: /^pod\/a\npod\/b\nservice\/kubernetes\n$/ });
  await step("get pod a -o yaml", { stdout: /^apiVersion: v1\nkind: Pod\n/ });
  t.match(JSON.parse(await step("get pods -o json")), { kind: "List", items: [{ kind: "Pod" }, { kind: "Pod" }] });
  await step("get pod a -o jsonpath={.spec.containers[0].image}", { stdout: /^a:1$/ });
  await step(["get", "pod", "a", "-o", "go-template={{.metadata.name}} {{.status.phase}}"], { stdout: /^a Pending$/ });
  await step("get pods -o custom-columns=N:.metadata.name,Q:.status.qosClass", { stdout: /^N +Q\na +BestEffort\nb/ });
  await step("get pods --sort-by={.metadata.labels.rank} -o name", { stdout: /^pod\/b\npod\/a\n$/ });
  await step("get pods --show-labels", { stdout: /app=x,rank=2/ });
  await step("get pods -L rank", { stdout: /RANK\na .* 2\nb .* 1\n/ });
  await step("get pods -l rank=1,app -o name", { stdout: /^pod\/b\n$/ });
  await step(["get", "pods", "-l", "rank notin (1)", "-o", "name"], { stdout: /^pod\/a\n$/ });
  await step("get pods --field-selector=metadata.name!=a,status.phase=Pending -o name", { stdout: /^pod\/b\n$/ });
  await step("get pods -A --no-headers", { stdout: /^default +a +0\/1 +Pending/ });
  await step("get all -A", { stdout: /service\/kubernetes/ });
  await step("get pods --chunk-size=1 -o name", { stdout: /^pod\/a\npod\/b\n$/ });
  await step("get pods --server-print=false", { stdout: /^NAME +AGE\na / });
  await step("get --raw /readyz", { stdout: /^ok$/ });
  await step("get pod nobody", { exitCode: 1, stderr: 'pods "nobody" not found' });
  await step("get pod nobody --ignore-not-found", { stdout: /^$/ });
  await step("get nothings", { exitCode: 1, stderr: `the server doesn't have a resource type "nothings"` });
  await step("get pods --field-selector=spec.colour=red", { exitCode: 1, stderr: /field label not supported/ });
  await step(["get", "pods", "-l", "=="], { exitCode: 1, stderr: /unable to parse requirement|found '=='/ });
  await watches(t, kubectl);
  await describes(kubectl);
  await waits(kubectl);
  await offers(t, kubectl);
}

async function watches(t: Test, { background, must }: Kubectl): Promise<void> {
  const selected = background(["get", "configmaps", "-w", "-l", "seen=yes"]);
  const all = background(["get", "configmaps", "-w", "--output-watch-events"]);
  try {
    await all.waitForOutput(/EVENT +NAME +DATA +AGE\nADDED +c +1 /, 10_000);
    await must(["create", "configmap", "watched", "--from-literal=a=1"]);
    await must(["label", "configmap", "watched", "seen=yes"]);
    await selected.waitForOutput(/NAME +DATA +AGE\nwatched +1 /, 10_000);
    await must(["delete", "configmap", "watched"]);
    await all.waitForOutput(/DELETED +watched +1 /, 10_000);
    await selected.waitForOutput(/watched +1 .*\nwatched +1 /, 10_000);
    t.match(all.output(), /ADDED +watched +1 .*\nMODIFIED +watched +1 .*\nDELETED +watched /);
  } finally {
    for (const one of [selected, all]) one.signal("SIGKILL");
    await Promise.all([selected.ended(10_000), all.ended(10_000)]);
  }
}

async function describes({ step }: Kubectl): Promise<void> {
  await step("describe pod a", {
    stdout: /Name: +a\n[^]*Status: +Pending\n[^]*Image: +a:1\n[^]*Tolerations: .*not-ready/,
  });
  await step("describe deployment d", { stdout: /Replicas: +2 desired \| 0 updated/ });
  await step("describe service kubernetes", { stdout: /Type: +ClusterIP\n[^]*IP: +10\.96\.0\.1\n/ });
  await step("describe configmap c", { stdout: /Data\n====\nkey:\n----\nvalue\n/ });
  await step("describe secret s", { stdout: /Type: +Opaque\n[^]*word: +4 bytes/ });
  await step("describe node node-1", { stdout: /Name: +node-1\n[^]*Non-terminated Pods: +\(0 in total\)/ });
  await step("describe namespace default", { stdout: /Status: +Active/ });
  await step("describe job j", { stdout: /Completions: +3\n/ });
  await step("describe statefulset,daemonset", { stdout: /Name: +st\n[^]*Name: +ds\n/ });
  await step("describe ingress i", { stdout: /example\.com +\n +\/ +kubernetes:443/ });
  await step("describe networkpolicy np", { stdout: /Allowing ingress traffic:/ });
  await step("describe persistentvolumeclaim claim", { stdout: /Status: +Pending/ });
  await step("describe lease l -n kube-node-lease", { stdout: /Holder Identity: +me/ });
  await step("events", { stdout: /Warning +Odd +Pod\/a +something is odd/ });
  await step("events --for pod/b", { stderr: "No events found in default namespace." });
  await step("get events", { stdout: /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n.*Odd +pod\/a +something is odd/ });
}

async function waits({ step }: Kubectl): Promise<void> {
  await step("wait --for=jsonpath={.status.phase}=Pending pod/a --timeout=10s", { stdout: "pod/a condition met" });
  await step("wait --for=condition=Ready pod/a --timeout=1s", { exitCode: 1, stderr: "timed out waiting" });
  await step("wait --for=create pod/a --timeout=10s", { stdout: "pod/a condition met" });
  await step("wait --for=delete pod/nobody --timeout=1s");
}

async function offers(t: Test, { step, must }: Kubectl): Promise<void> {
  await step("version", { stdout: /Server Version: v1\.36\.\d+/, stderr: /^$|version difference/ });
  await step("cluster-info", { stdout: /control plane is running at https:\/\/127\.0\.0\.1/ });
  await step("api-versions", { stdout: /(^|\n)apps\/v1\n[^]*\nv1\n$/ });
  const wide = await must(["api-resources", "--api-group=apps", "-o", "wide", "--no-headers"]);
  t.match(
    wide,
    /deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all/,
  );
  await step("api-resources --namespaced=false -o name", {
    stdout: /^(componentstatuses\n)?namespaces\nnodes\npersistentvolumes\n/,
  });
  await step("explain pod.spec.containers --recursive", { stdout: /livenessProbe\t<Probe>\n {4}exec\t<ExecAction>/ });
  await step("explain deployments.spec.strategy.type", { stdout: /FIELD: type <string>[^]*RollingUpdate/ });
  await step("explain pods.spec.colour", { exitCode: 1, stderr: 'field "colour" does not exist' });
  await step("top nodes", { exitCode: 1, stderr: "Metrics API not available" });
}

const objects = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 2
  selector: {matchLabels: {app: d}}
  template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: "d:1"}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: x, rank: "2"}}, spec: {containers: [{name: c, image: "a:1"}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: x, rank: "1"}}, spec: {containers: [{name: c, image: "b:1"}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: st}
spec:
  serviceName: st
  selector: {matchLabels: {app: st}}
  template: {metadata: {labels: {app: st}}, spec: {containers: [{name: c, image: "st:1"}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {app: ds}}
  template: {metadata: {labels: {app: ds}}, spec: {containers: [{name: c, image: "ds:1"}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {completions: 3, template: {spec: {restartPolicy: Never, containers: [{name: c, image: "j:1"}]}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {key: value}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {word: abcd}}
---
{apiVersion: v1, kind: Node, metadata: {name: node-1}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec:
  rules:
  - host: example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: kubernetes, port: {number: 443}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np}
spec: {podSelector: {matchLabels: {app: x}}, ingress: [{from: [{podSelector: {}}]}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: l, namespace: kube-node-lease}
spec: {holderIdentity: me}
---
apiVersion: v1
kind: Event
metadata: {name: a.1}
involvedObject: {apiVersion: v1, kind: Pod, name: a, namespace: default}
type: Warning
reason: Odd
message: something is odd
source: {component: test}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 1
`;
