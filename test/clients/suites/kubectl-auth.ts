// kubectl about who may what: reviews, tokens, reconciliation of roles; and its own configuration.
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

export async function kubectlAsksWhoMay(t: Test, { step, must }: Kubectl): Promise<void> {
  await step("auth whoami", { stdout: /Username +admin\n[^]*system:masters/ });
  t.match(JSON.parse(await must(["auth", "whoami", "-o", "json"])), { status: { userInfo: { username: "admin" } } });
  await step("auth can-i create deployments.apps", { stdout: /^yes\n$/ });
  await step("auth can-i get /metrics", { stdout: /^yes\n$/ });
  await step("auth can-i --list", { stdout: /Resources +Non-Resource URLs +Resource Names +Verbs\n[^]*\*\.\*/ });

  const role = (verb: string): string =>
    JSON.stringify({
      ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "rec", namespace: "default" } },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: [verb] }],
    });
  const reconciled = { stdout: "role.rbac.authorization.k8s.io/rec reconciled" };
  await step("auth reconcile -f -", { input: role("get"), ...reconciled, stderr: "reconciliation required create" });
  await step("auth reconcile -f -", { input: role("list"), ...reconciled, stderr: /missing rules added:[^]*\[list\]/ });
  t.equal(await must(["get", "role", "rec", "-o", "jsonpath={.rules[*].verbs}"]), '["get"] ["list"]');

  await must(["create", "serviceaccount", "robot"]);
  const token = await step("create token robot --duration=1h", { stdout: /^[\w-]+\.[\w-]+\.[\w-]+\n?$/ });
  t.match(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()), {
    sub: "system:serviceaccount:default:robot",
  });
  await step("create token nobody", { exitCode: 1, stderr: 'serviceaccounts "nobody" not found' });
}

export async function kubectlConfigures(_t: Test, { step, folder }: Kubectl): Promise<void> {
  const env = { KUBECONFIG: `${folder}/kubeconfig:${folder}/more` };
  await step("config current-context", { env, stdout: /^test\n$/ });
  await step("config set-context other --cluster=test --user=admin --namespace=kube-system", {
    env,
    stdout: "created",
  });
  await step("config get-contexts -o name", { env, stdout: /^other\ntest\n$/ });
  await step("config view --minify -o jsonpath={.clusters[0].cluster.server}", { env, stdout: /^https:\/\/127/ });
  await step("get configmaps --context=other", { env, stdout: /^$/, stderr: "No resources found in kube-system" });
  await step("get pods --token=wrong", { exitCode: 1, stderr: /Unauthorized|must be logged in/ });
}
