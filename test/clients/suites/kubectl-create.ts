// kubectl's generators (their bodies are protobuf), run and expose; creation from files.
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

/** Arguments of `kubectl create` and the line that it prints. */
const generators: readonly (readonly [args: string, printed: string])[] = [
  ["namespace made", "namespace/made created"],
  ["configmap conf --from-literal=a=1 --from-literal=b=2", "configmap/conf created"],
  ["secret generic word --from-literal=p=q", "secret/word created"],
  ["secret docker-registry reg --docker-username=u --docker-password=p --docker-server=s", "secret/reg created"],
  ["serviceaccount robot", "serviceaccount/robot created"],
  ["deployment web --image=web:1 --replicas=2 --port=80", "deployment.apps/web created"],
  ["job once --image=once:1", "job.batch/once created"],
  ["cronjob often --image=often:1 --schedule=@hourly", "cronjob.batch/often created"],
  ["job by-hand --from=cronjob/often", "job.batch/by-hand created"],
  ["role reader --verb=get,list --resource=pods,configmaps", "role.rbac.authorization.k8s.io/reader created"],
  ["clusterrole reader --verb=get --resource=nodes", "clusterrole.rbac.authorization.k8s.io/reader created"],
  [
    "rolebinding readers --role=reader --serviceaccount=default:robot",
    "rolebinding.rbac.authorization.k8s.io/readers created",
  ],
  [
    "clusterrolebinding readers --clusterrole=reader --user=jo --group=staff",
    "clusterrolebinding.rbac.authorization.k8s.io/readers created",
  ],
  ["service clusterip inner --tcp=80:8080", "service/inner created"],
  ["service nodeport outer --tcp=80", "service/outer created"],
  ["service loadbalancer front --tcp=80", "service/front created"],
  ["service externalname away --external-name=example.com", "service/away created"],
  ["ingress door --rule=example.com/*=inner:80", "ingress.networking.k8s.io/door created"],
  ["quota cap --hard=pods=30", "resourcequota/cap created"],
  ["poddisruptionbudget keep --selector=app=web --min-available=1", "poddisruptionbudget.policy/keep created"],
  ["priorityclass soon --value=10", "priorityclass.scheduling.k8s.io/soon created"],
];

export async function kubectlCreates(t: Test, { step, must, file }: Kubectl): Promise<void> {
  for (const [args, printed] of generators) await step(`create ${args}`, { stdout: printed });
  await step("create configmap conf", { exitCode: 1, stderr: 'configmaps "conf" already exists' });
  const conf = JSON.parse(await must(["get", "configmap", "conf", "-o", "json"])) as { readonly data: object };
  t.same(conf.data, { a: "1", b: "2" });
  t.equal(await must(["get", "secret", "word", "-o", "jsonpath={.data.p}"]), Buffer.from("q").toString("base64"));

  const managers = ["get", "deployment", "web", "--show-managed-fields", "-o", "jsonpath={..manager}"];
  t.equal(await must(managers), "kubectl-create", "the program is written down as owner");
  await step("create configmap dry --from-literal=a=1 --dry-run=server -o yaml", { stdout: /\n {2}uid: / });
  await step("get configmap dry", { exitCode: 1, stderr: 'configmaps "dry" not found' });

  await step("run lone --image=lone:1 --labels=app=lone --port=8080 --env=A=1 -- sleep 9", {
    stdout: "pod/lone created",
  });
  t.equal(await must(["get", "pod", "lone", "-o", "jsonpath={.spec.containers[0].args}"]), '["sleep","9"]');
  await step("expose pod lone --name=lone-service --port=80 --target-port=8080", {
    stdout: "service/lone-service exposed",
  });
  await step("expose deployment web", { stdout: "service/web exposed" });
  t.equal(
    await must(["get", "service", "web", "-o", "jsonpath={.spec.ports[0].port}{.spec.selector}"]),
    '80{"app":"web"}',
  );
  await step("autoscale deployment web --min=1 --max=3 --cpu-percent=50", {
    stdout: "horizontalpodautoscaler.autoscaling/web autoscaled",
    stderr: /^$|deprecated/,
  });
  await fromFiles({ step, file });
}

async function fromFiles({ step, file }: Pick<Kubectl, "step" | "file">): Promise<void> {
  const map = (name: string, more = ""): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {${name}}\n${more}`;
  const two = await file("two.yaml", `${map("name: one")}---\n${map("name: two")}`);
  await step(`create -f ${two}`, { stdout: "configmap/one created\nconfigmap/two created\n" });
  await step("create -f - -o name", { input: map("generateName: gen-"), stdout: /^configmap\/gen-[a-z0-9]{5}\n$/ });
  const unknown = map("name: strict", "dat: {a: b}\n");
  await step("create -f -", { input: unknown, exitCode: 1, stderr: 'strict decoding error: unknown field "dat"' });
  await step("create --validate=warn -f -", { input: unknown, stderr: 'Warning: unknown field "dat"' });
  await step("create -f -", {
    input: map("name: Bad_Name"),
    exitCode: 1,
    stderr: /ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value/,
  });
  await step("create -f -", {
    input: map("name: a, namespace: nowhere"),
    exitCode: 1,
    stderr: 'namespaces "nowhere" not found',
  });
  await step("create --raw /api/v1/namespaces/default/configmaps -f -", {
    input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}',
    stdout: /"kind":"ConfigMap"/,
  });
}
