// The tests of kubectl that need no running pod, and those of tokens and reviews.
import { join } from "node:path";
import t, { type Test } from "tap";
import { Agent, request } from "undici";
import type { JsonObject } from "@triarch/api";
import type { ApiClient } from "./api-client.ts";
import { conformance, type TestCase } from "./conformance.ts";
import { findKubectl } from "../../tools/test/client-programs.ts";
import { clientProgram, type ClientProgram } from "../support/api-process.ts";
import { top } from "../support/cluster.ts";
import { needsKubectl } from "../support/requirements.ts";

const skip = await needsKubectl();
const program = (await findKubectl(top)) ?? "";
const startTimeoutMs = 20_000;

type Steps = (t: Test, kubectl: ClientProgram, api: ApiClient, namespace: string) => Promise<void>;
const withKubectl = (name: string, steps: Steps): TestCase => ({
  name: `Kubectl ${name}`,
  steps: (t, api, namespace) => steps(t, clientProgram(program, api.server), api, namespace),
});

const deployment = (name: string, image: string): string =>
  JSON.stringify({
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "httpd" } },
      template: { metadata: { labels: { app: "httpd" } }, spec: { containers: [{ name: "httpd", image }] } },
    },
  });

const finds: Steps = async (t, kubectl, _api, namespace) => {
  await kubectl.must(["create", "-f", "-", "-n", namespace], { input: deployment("httpd-deployment", "httpd:1") });
  const { exitCode, stdout } = await kubectl.run(["diff", "-f", "-", "-n", namespace], {
    input: deployment("httpd-deployment", "httpd:2"),
  });
  t.equal(exitCode, 1, "a difference is exit code 1");
  for (const said of [/^-.*image: httpd:1$/m, /^\+.*image: httpd:2$/m]) t.match(stdout, said);
};

const runs: Steps = async (t, kubectl, api, namespace) => {
  await kubectl.must(["run", "e2e-test-httpd-pod", "--restart=Never", "--image=httpd:1", "-n", namespace]);
  const made = await api.get(`/api/v1/namespaces/${namespace}/pods/e2e-test-httpd-pod`);
  t.match(made, { spec: { restartPolicy: "Never", containers: [{ image: "httpd:1" }] } });
};

const dryRun: Steps = async (t, kubectl, api, namespace) => {
  const path = `/api/v1/namespaces/${namespace}/pods/dry`;
  await kubectl.must(["run", "dry", "--image=httpd:1", "--labels=run=dry", "-n", namespace]);
  t.match(await api.get(path), { spec: { containers: [{ image: "httpd:1" }] } });
  const patch = '{"spec":{"containers":[{"name": "dry","image": "busybox:1"}]}}';
  await kubectl.must(["patch", "pod", "dry", "-p", patch, "--dry-run=server", "-n", namespace]);
  t.match(await api.get(path), { spec: { containers: [{ image: "httpd:1" }] } }, "nothing is written");
  await kubectl.must(["delete", "pod", "dry", "-n", namespace, "--wait=false"]);
};

const versions: Steps = async (t, kubectl) => {
  const text = await kubectl.must(["version"]);
  for (const said of ["Client Version:", "Server Version:"]) t.match(text, said);
};

/** `kubectl proxy` for as long as `work` takes. */
async function proxied(
  kubectl: ClientProgram,
  args: readonly string[],
  work: (output: string) => Promise<void>,
): Promise<void> {
  const proxy = kubectl.background(["proxy", ...args]);
  try {
    await proxy.waitForOutput(/Starting to serve on .+/, startTimeoutMs);
    await work(proxy.output());
  } finally {
    proxy.signal("SIGKILL");
    await proxy.ended(startTimeoutMs);
  }
}

async function versionsOfApi(t: Test, url: string, agent: Agent): Promise<void> {
  const answer = await request(url, { dispatcher: agent });
  t.match([answer.statusCode, await answer.body.json()], [200, { kind: "APIVersions", versions: ["v1"] }]);
}

const proxyPort: Steps = async (t, kubectl) => {
  await proxied(kubectl, ["-p", "0", "--disable-filter"], async (output) => {
    const port = /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
    const agent = new Agent();
    await versionsOfApi(t, `http://localhost:${port}/api/`, agent).finally(() => agent.destroy());
  });
};

const proxySocket: Steps = async (t, kubectl, api) => {
  const socketPath = join(api.server.folder, "kubectl.sock");
  await proxied(kubectl, [`--unix-socket=${socketPath}`], async () => {
    const agent = new Agent({ connect: { socketPath } });
    await versionsOfApi(t, "http://localhost/api/", agent).finally(() => agent.destroy());
  });
};

async function tokenReview(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const account = await api.create(accounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "e2e" } });
  const spec = { audiences: [], expirationSeconds: 3600 };
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const { token } = (await api.create(`${accounts}/e2e/token`, request))["status"] as { readonly token: string };
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  const { status } = await api.create("/apis/authentication.k8s.io/v1/tokenreviews", review);
  t.match(status, { authenticated: true, user: { username: `system:serviceaccount:${namespace}:e2e` } });
  t.notOk((status as JsonObject)["error"]);
  await api.delete(`${accounts}/e2e`);
  t.ok(account["metadata"]);
}

async function subjectReview(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await api.create(accounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "e2e" } });
  const user = `system:serviceaccount:${namespace}:e2e`;
  const resourceAttributes = { verb: "list", resource: "configmaps", version: "v1", namespace };
  const asked = { spec: { resourceAttributes, user, groups: [] } };
  const root = "/apis/authorization.k8s.io/v1";
  const whole = await api.create(`${root}/subjectaccessreviews`, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    ...asked,
  });
  t.match(whole, { spec: { user }, status: { allowed: false } });
  const local = await api.create(`${root}/namespaces/${namespace}/localsubjectaccessreviews`, {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "LocalSubjectAccessReview", metadata: { namespace }, ...asked },
  });
  t.match(local, { status: { allowed: false } }, "both say the same");
}

if (skip !== false) t.test("conformance with kubectl", { skip }, () => undefined);
else {
  await conformance(import.meta.filename, {
    "Kubectl client": [
      withKubectl("api-versions should check if v1 is in available api versions", async (t, kubectl) => {
        t.ok((await kubectl.must(["api-versions"])).split("\n").includes("v1"));
      }),
      withKubectl(
        "cluster-info should check if Kubernetes control plane services is included in cluster-info",
        async (t, kubectl) => {
          const text = await kubectl.must(["cluster-info"]);
          for (const said of ["Kubernetes control plane", "is running at"]) t.match(text, said);
        },
      ),
      withKubectl("diff should check if kubectl diff finds a difference for Deployments", finds),
      withKubectl("run pod should create a pod from an image when restart is Never", runs),
      withKubectl("server-side dry-run should check if kubectl can dry-run update Pods", dryRun),
      withKubectl("version should check is all data is printed", versions),
      { ...withKubectl("", proxyPort), name: "Proxy server should support proxy with --port 0" },
      { ...withKubectl("", proxySocket), name: "Proxy server should support --unix-socket=/path" },
    ],
    ServiceAccounts: [
      {
        name: "should create a serviceAccountToken and ensure a successful TokenReview",
        steps: tokenReview,
      },
    ],
    SubjectReview: [
      {
        name: "should support SubjectReview API operations",
        steps: subjectReview,
        missing: "the request made as the account by impersonation",
      },
    ],
  });
}
