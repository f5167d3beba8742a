// kubectl's small changes: labels, images, replicas, nodes, rollouts; and deletion in all its forms.
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

const deployment = (name: string, image = "web:1"): readonly string[] => [
  ...["create", "deployment", name, `--image=${image}`, "--replicas=2"],
];

export async function kubectlLabels(t: Test, { step, must }: Kubectl): Promise<void> {
  for (const name of ["l1", "l2"]) await must(["create", "configmap", name]);
  await step("label configmap l1 q=1", { stdout: "configmap/l1 labeled" });
  await step("label configmap l1 q=2", { exitCode: 1, stderr: "already has a value (1), and --overwrite is false" });
  await step("label configmap l1 q=2 --overwrite", { stdout: "configmap/l1 labeled" });
  await step("label configmap l1 l2 all=yes --resource-version=1", {
    exitCode: 1,
    stderr: /may only be used|resource/,
  });
  await step("label configmaps -l q=2 all=yes", { stdout: /^configmap\/l1 labeled\n$/ });
  await step("label configmap l1 q-", { stdout: "configmap/l1 unlabeled" });
  t.equal(await must(["get", "configmap", "l1", "-o", "jsonpath={.metadata.labels}"]), '{"all":"yes"}');
  await step("annotate configmap l1 l2 note=x", { stdout: "configmap/l1 annotated\nconfigmap/l2 annotated\n" });
  await step("annotate configmap l1 note-", { stdout: "configmap/l1 annotated" });
}

export async function kubectlSets(t: Test, { step, must }: Kubectl): Promise<void> {
  await must(deployment("set"));
  await step("set image deployment/set web=web:2", { stdout: "deployment.apps/set image updated" });
  await step("set env deployment/set COLOUR=red", { stdout: "deployment.apps/set env updated" });
  await step("set env deployment/set --list", { stdout: /COLOUR=red/ });
  await step("set resources deployment/set --limits=cpu=1,memory=1Gi", { stdout: "resource requirements updated" });
  await step("set serviceaccount deployment set robot", { stdout: "serviceaccount updated" });
  const container = "jsonpath={..containers[0]['image','env','resources']} {..serviceAccountName}";
  t.equal(
    await must(["get", "deployment", "set", "-o", container]),
    'web:2 [{"name":"COLOUR","value":"red"}] {"limits":{"cpu":"1","memory":"1Gi"}} robot',
  );
  await must(["create", "service", "clusterip", "sel", "--tcp=80"]);
  await step("set selector service sel app=set", { stdout: "service/sel selector updated" });
  await must(["create", "rolebinding", "subjects", "--clusterrole=view", "--user=a"]);
  await step("set subject rolebinding subjects --user=b", { stdout: "subjects updated" });
  await step("scale deployment set --replicas=5", { stdout: "deployment.apps/set scaled" });
  await step("scale deployment set --replicas=1 --current-replicas=9", { exitCode: 1, stderr: "to be 9, was 5" });
  await step("scale configmap kube-root-ca.crt --replicas=1", {
    exitCode: 1,
    stderr: /NotFound|not found|could not find/,
  });
  t.equal(await must(["get", "deployment", "set", "-o", "jsonpath={.spec.replicas}"]), "5");
}

export async function kubectlTendsNodes(t: Test, { step }: Kubectl): Promise<void> {
  await step("create -f -", { input: '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w1"}}' });
  await step("cordon w1", { stdout: "node/w1 cordoned" });
  await step("get node w1", { stdout: /SchedulingDisabled/ });
  await step("taint node w1 a=b:NoSchedule", { stdout: "node/w1 tainted" });
  await step("taint node w1 a=b:NoSchedule", { exitCode: 1, stderr: "already has a taint" });
  t.match(await step("get node w1 -o jsonpath={.spec.taints}"), '{"effect":"NoSchedule","key":"a","value":"b"}');
  await step("taint node w1 a-", { stdout: "node/w1 untainted" });
  const spec = { nodeName: "w1", containers: [{ name: "c", image: "i" }] };
  const pod = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "on-w1" }, spec });
  await step("create -f -", { input: pod });
  await step("drain w1", { exitCode: 1, stderr: /declare no controller.*on-w1/ });
  await step("drain w1 --force --dry-run=server", { stdout: /on-w1/, stderr: /declare no controller/ });
  await step("uncordon w1", { stdout: "node/w1 uncordoned" });
  await step("delete pod on-w1 --force --grace-period=0", { stdout: "on-w1", stderr: /Immediate deletion/ });
  await step("delete node w1", { stdout: 'node "w1" deleted' });
}

/** What the controller would write: a ReplicaSet per template, and how far it is. */
const replicaSet = (name: string, revision: number, uid: string): string => `
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: rolled-${name}
  labels: {app: rolled}
  annotations: {deployment.kubernetes.io/revision: "${revision}", kubernetes.io/change-cause: "cause ${revision}"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: rolled, uid: "${uid}", controller: true}]
spec:
  replicas: 2
  selector: {matchLabels: {app: rolled, set: ${name}}}
  template: {metadata: {labels: {app: rolled, set: ${name}}}, spec: {containers: [{name: web, image: "web:${revision}"}]}}
`;

export async function kubectlRollsOut(t: Test, { step, must }: Kubectl): Promise<void> {
  await must(deployment("rolled"));
  const uid = await must(["get", "deployment", "rolled", "-o", "jsonpath={.metadata.uid}"]);
  for (const [name, revision] of [
    ["a", 1],
    ["b", 2],
  ] as const) {
    await must(["create", "-f", "-"], { input: replicaSet(name, revision, uid) });
  }
  await must(["set", "image", "deployment/rolled", "web=web:2"]);
  await must(["annotate", "deployment", "rolled", "deployment.kubernetes.io/revision=2"]);
  await step("rollout history deployment/rolled", { stdout: /REVISION +CHANGE-CAUSE\n1 +cause 1\n2 +cause 2\n/ });
  await step("rollout history deployment/rolled --revision=1", { stdout: /Image:\s+web:1/ });
  await step("rollout undo deployment/rolled", { stdout: "deployment.apps/rolled rolled back" });
  t.equal(await must(["get", "deployment", "rolled", "-o", "jsonpath={..image}"]), "web:1");
  await step("rollout undo deployment/rolled --to-revision=9", { exitCode: 1, stderr: "unable to find" });
  await step("rollout restart deployment/rolled", { stdout: "deployment.apps/rolled restarted" });
  await step("rollout pause deployment/rolled", { stdout: "deployment.apps/rolled paused" });
  await step("rollout pause deployment/rolled", { exitCode: 1, stderr: "is already paused" });
  await step("rollout undo deployment/rolled", { exitCode: 1, stderr: /cannot rollback a paused deployment/ });
  await step("rollout resume deployment/rolled", { stdout: "deployment.apps/rolled resumed" });

  await step("rollout status deployment/rolled --timeout=1s", {
    exitCode: 1,
    stdout: "Waiting for",
    stderr: "timed out",
  });
  const generation = await must(["get", "deployment", "rolled", "-o", "jsonpath={.metadata.generation}"]);
  const counts = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
  const status = JSON.stringify({ status: { observedGeneration: Number(generation), ...counts } });
  await step(["patch", "deployment", "rolled", "--subresource=status", "--type=merge", "-p", status]);
  await step("rollout status deployment/rolled --timeout=10s", { stdout: "successfully rolled out" });
}

export async function kubectlDeletes(t: Test, { step, must }: Kubectl): Promise<void> {
  for (const name of ["d1", "d2", "d3", "d4"]) await must(["create", "configmap", name]);
  await must(["label", "configmap", "d1", "d2", "gone=soon"]);
  await step("delete configmap -l gone=soon", { stdout: /configmap "d1" deleted.*\nconfigmap "d2" deleted.*\n$/ });
  await step("delete configmap d3 --dry-run=server", { stdout: "(server dry run)" });
  await step("delete configmap d3 nobody", { exitCode: 1, stdout: '"d3" deleted', stderr: '"nobody" not found' });
  await step("delete configmap nobody --ignore-not-found", { stdout: /^$/ });
  await step("delete configmap --field-selector=metadata.name=d4", { stdout: 'configmap "d4" deleted' });
  await step("delete --raw /api/v1/namespaces/default/configmaps/nobody", { exitCode: 1, stderr: "not found" });

  await must(["run", "doomed", "--image=i"]);
  await step("delete pod doomed", { stdout: 'pod "doomed" deleted' });
  // Nobody collects garbage here: what waits for its dependents stays, marked.
  for (const [cascade, finalizer] of [
    ["foreground", "foregroundDeletion"],
    ["orphan", "orphan"],
  ] as const) {
    await must(deployment(`by-${cascade}`));
    await step(`delete deployment by-${cascade} --cascade=${cascade} --wait=false`, { stdout: "deleted" });
    t.equal(
      await must(["get", "deployment", `by-${cascade}`, "-o", "jsonpath={.metadata.finalizers}"]),
      `["${finalizer}"]`,
    );
  }
  await step("delete deployment by-foreground --cascade=foreground --timeout=1s", {
    ...{ exitCode: 1, stdout: "deleted", stderr: "timed out waiting" },
  });
  await step("delete deployment by-orphan", { stdout: "deleted" }); // in the background: its finalizer goes
  await step("get deployment by-orphan", { exitCode: 1, stderr: "not found" });
  await must(deployment("by-background"));
  await step("delete deployment by-background", { stdout: 'deployment.apps "by-background" deleted' });

  await must(["create", "namespace", "closing"]);
  await step("delete namespace closing --wait=false", { stdout: 'namespace "closing" deleted' });
  await step("get namespace closing", { stdout: /closing +Terminating/ });
  await step("create configmap late -n closing", { exitCode: 1, stderr: /because it is being terminated/ });
  await step("delete namespace default", { exitCode: 1, stderr: /Forbidden|forbidden/ });
}
