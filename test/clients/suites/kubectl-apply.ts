// kubectl's ways of changing an object as a whole: apply in both forms, prune, diff, edit, patch, replace, kustomize.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

const manifest = (image: string, data: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, labels: {set: one}}
data: ${data}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {set: one}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "${image}", env: [{name: A, value: "1"}]}
      - {name: side, image: "side:1"}
`;

export async function kubectlApplies(t: Test, { step, must, file }: Kubectl): Promise<void> {
  const name = await file("app.yaml", manifest("web:1", '{a: "1", b: "2"}'));
  await step(`apply -f ${name}`, { stdout: "configmap/conf created\ndeployment.apps/web created\n" });
  await step(`apply -f ${name}`, { stdout: "configmap/conf unchanged\ndeployment.apps/web unchanged\n" });
  await step(`diff -f ${name}`, { stdout: /^$/ });

  await file("app.yaml", manifest("web:2", '{a: "1"}'));
  const difference = await step(`diff -f ${name}`, { exitCode: 1 });
  t.match(difference, /\n-  b: "2"\n/);
  t.match(difference, /\n-.*image: web:1\n\+.*image: web:2\n/);
  await step(`apply -f ${name} --dry-run=server`, { stdout: "configmap/conf configured (server dry run)" });
  t.equal(
    await must(["get", "configmap", "conf", "-o", "jsonpath={.data}"]),
    '{"a":"1","b":"2"}',
    "nothing is written",
  );
  await must(["scale", "deployment", "web", "--replicas=4"]);
  await step(`apply -f ${name}`, { stdout: "configmap/conf configured\ndeployment.apps/web configured\n" });
  t.equal(await must(["get", "configmap", "conf", "-o", "jsonpath={.data}"]), '{"a":"1"}', "what is taken out goes");
  t.equal(await must(["get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {..image}"]), "1 web:2 side:1");
  await step("apply view-last-applied configmap/conf", { stdout: /data:\n {2}a: "1"\n/ });
  await step(`apply set-last-applied -f ${name}`, { stdout: /configmap\/conf (configured|annotation)/ });

  const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, labels: {set: one}}\n";
  await step("apply -f -", { input: other, stdout: "configmap/other created" });
  const pruning = "--prune -l set=one --prune-allowlist=core/v1/ConfigMap";
  await step(`apply -f ${name} ${pruning}`, { stdout: "configmap/other pruned", stderr: /^$|alpha|Deprecated/ });
}

export async function kubectlAppliesOnTheServer(t: Test, { step, must, file }: Kubectl): Promise<void> {
  const name = await file(
    "ssa.yaml",
    manifest("web:1", '{a: "1", b: "2"}').replaceAll(/name: (conf|web),/g, "name: s$1,"),
  );
  await step(`apply --server-side -f ${name}`, { stdout: "configmap/sconf serverside-applied" });
  const version = ["get", "deployment", "sweb", "-o", "jsonpath={.metadata.resourceVersion}"];
  const before = await must(version);
  await step(`apply --server-side -f ${name}`, { stdout: "deployment.apps/sweb serverside-applied" });
  t.equal(await must(version), before, "the same again changes nothing");
  const input = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sconf}\ndata: {a: "2"}\n';
  await step("apply --server-side --field-manager=other -f -", {
    ...{ input, exitCode: 1, stderr: /conflict with "kubectl": \.data\.a/ },
  });
  await step("apply --server-side --field-manager=other --force-conflicts -f -", { input });
  t.equal(await must(["get", "configmap", "sconf", "-o", "jsonpath={.data}"]), '{"a":"2","b":"2"}');
  await step(`diff --server-side --force-conflicts -f ${name}`, { exitCode: 1, stdout: /-  a: "2"\n\+  a: "1"/ });
}

export async function kubectlEdits(t: Test, { step, must }: Kubectl): Promise<void> {
  await must(["create", "deployment", "edited", "--image=old:1"]);
  const editor = (script: string) => ({ env: { EDITOR: `sed -i ${script}` } });
  await step("edit deployment edited", { ...editor("s/old:1/new:1/"), stdout: "deployment.apps/edited edited" });
  t.equal(await must(["get", "deployment", "edited", "-o", "jsonpath={..image}"]), "new:1");
  await step("edit deployment edited", { env: { EDITOR: "true" }, stderr: "Edit cancelled, no changes made." });
  await step("edit deployment edited", {
    ...{ ...editor("s/replicas:.1/replicas:\\ -1/"), exitCode: 1, stderr: 'deployments.apps "edited" is invalid' },
  });
  await step("edit deployment edited --subresource=status", {
    ...editor("s/^status:.{}/status:\\ {replicas:\\ 3}/"),
    stdout: "deployment.apps/edited edited",
  });
  t.equal(await must(["get", "deployment", "edited", "-o", "jsonpath={.status.replicas}"]), "3");
}

export async function kubectlPatches(t: Test, { step, must }: Kubectl): Promise<void> {
  await must(["create", "deployment", "patched", "--image=main:1"]);
  const patch = (body: unknown, more: string): readonly string[] => [
    ...["patch", "deployment", "patched", "-p", JSON.stringify(body)],
    ...more.split(" "),
  ];
  const containers = { spec: { template: { spec: { containers: [{ name: "side", image: "side:1" }] } } } };
  const patched = { stdout: "deployment.apps/patched patched" };
  await step(patch(containers, "--type=strategic"), patched);
  const images = ["get", "deployment", "patched", "-o", "jsonpath={..image}"];
  t.equal(await must(images), "side:1 main:1");
  await step(patch(containers, "--type=merge"), patched);
  t.equal(await must(images), "side:1", "a merge patch replaces the list");
  const operations = [
    { op: "test", path: "/spec/replicas", value: 1 },
    { op: "replace", path: "/spec/replicas", value: 5 },
  ];
  await step(patch(operations, "--type=json"), patched);
  await step(patch(operations, "--type=json"), { exitCode: 1, stderr: "the server rejected our request" });
  await step(patch({ spec: { replicas: 5 } }, "--type=merge"), { stdout: "patched (no change)" });
  await step(patch({ status: { replicas: 5, readyReplicas: 2 } }, "--type=merge --subresource=status"), patched);
  await step("get deployment patched", { stdout: /patched +2\/5 / });
  await step(patch({ spec: { replicas: 2 } }, "--type=merge --subresource=scale"), {
    stdout: /(scale.autoscaling|deployment.apps)\/patched patched/,
  });
  t.equal(await must(["get", "deployment", "patched", "-o", "jsonpath={.spec.replicas}"]), "2");
  await step(patch({ spec: { selector: { matchLabels: { app: "x" } } } }, "--type=merge"), {
    ...{ exitCode: 1, stderr: /is invalid.*spec\.selector|field is immutable/ },
  });
  await step(["patch", "pod", "nobody", "-p", "{}"], { exitCode: 1, stderr: 'pods "nobody" not found' });
}

export async function kubectlReplaces(t: Test, { step, must, file }: Kubectl): Promise<void> {
  await must(["create", "configmap", "replaced", "--from-literal=a=1"]);
  const saved = await file("saved.yaml", await must(["get", "configmap", "replaced", "-o", "yaml"]));
  await step(`replace -f ${saved}`, { stdout: "configmap/replaced replaced" });
  await must(["annotate", "configmap", "replaced", "x=y"]);
  await step(`replace -f ${saved}`, { exitCode: 1, stderr: /the object has been modified/ });
  const uid = ["get", "configmap", "replaced", "-o", "jsonpath={.metadata.uid}"];
  const before = await must(uid);
  await step(`replace --force -f ${saved}`, {
    stdout: /configmap "replaced" deleted.*\nconfigmap\/replaced replaced\n/,
  });
  t.not(await must(uid), before, "it is another object");
  await step("replace -f -", {
    input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: absent}\n",
    ...{ exitCode: 1, stderr: 'configmaps "absent" not found' },
  });
}

export async function kubectlBuilds(_t: Test, { step, folder }: Kubectl): Promise<void> {
  const base = join(folder, "kustomized");
  await mkdir(base);
  const generator = "configMapGenerator: [{name: gen, literals: [a=b]}]";
  await writeFile(join(base, "kustomization.yaml"), `namePrefix: kz-\n${generator}\n`);
  await step(`kustomize ${base}`, { stdout: /name: kz-gen-[a-z0-9]{10}/ });
  await step(`apply -k ${base}`, { stdout: /configmap\/kz-gen-[a-z0-9]{10} created/ });
  await step(`delete -k ${base}`, { stdout: /configmap "kz-gen-[a-z0-9]{10}" deleted/ });
}
