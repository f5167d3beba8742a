// What a pod gets from its service account.
import t from "tap";
import { isObject, type JsonObject, listAt, objectAt } from "@triarch/api";
import { pod, startTestServer } from "./support/test-server.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

async function started(furnishesNamespaces: boolean) {
  const server = await startTestServer({ furnishesNamespaces });
  t.teardown(() => server.close());
  return server;
}

const mountsOf = (body: JsonObject, list = "containers"): readonly JsonObject[] =>
  listAt(objectAt(body, "spec") ?? {}, list)
    .filter(isObject)
    .flatMap((container) => listAt(container, "volumeMounts").filter(isObject));

t.test("a pod runs as an account that is there, and waits a moment for its namespace's own", async (t) => {
  const server = await started(false);
  const pods = "/api/v1/namespaces/default/pods";
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  t.match(await server.call("POST", pods, pod("a", { serviceAccountName: "none" })), {
    statusCode: 403,
    body: {
      reason: "Forbidden",
      message: 'pods "a" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
    },
  });
  const waiting = server.call("POST", pods, pod("b"));
  await server.call("POST", accounts, { metadata: { name: "default" }, imagePullSecrets: [{ name: "registry" }] });
  const made = await waiting;
  t.match(made, {
    statusCode: 201,
    body: {
      spec: { serviceAccountName: "default", serviceAccount: "default", imagePullSecrets: [{ name: "registry" }] },
    },
  });
});

t.test("containers find the token where they expect it, unless pod or account say no", async (t) => {
  const server = await started(true);
  const pods = "/api/v1/namespaces/default/pods";
  const container = (name: string, more: JsonObject = {}): JsonObject => ({ name, image: "busybox:1", ...more });
  const own = { name: "own", emptyDir: {} };
  const both = await server.call("POST", pods, {
    ...pod("both"),
    spec: {
      volumes: [own],
      initContainers: [container("first")],
      containers: [container("c"), container("other", { volumeMounts: [{ name: "own", mountPath }] })],
    },
  });
  const volumes = listAt(objectAt(both.body, "spec") ?? {}, "volumes").filter(isObject);
  t.match(volumes, [own, { name: /^kube-api-access-[a-z0-9]{5}$/, projected: { defaultMode: 420 } }]);
  const added = { name: volumes[1]?.["name"], mountPath, readOnly: true };
  t.same(mountsOf(both.body, "initContainers"), [added]);
  t.same(mountsOf(both.body), [added, { name: "own", mountPath }], "a mount of the same path is left alone");

  const no = await server.call("POST", pods, pod("no", { automountServiceAccountToken: false }));
  t.same(mountsOf(no.body), []);
  await server.call("POST", "/api/v1/namespaces/default/serviceaccounts", {
    metadata: { name: "quiet" },
    automountServiceAccountToken: false,
  });
  const quiet = await server.call("POST", pods, pod("quiet", { serviceAccountName: "quiet" }));
  t.same(mountsOf(quiet.body), []);
  const loud = { serviceAccountName: "quiet", automountServiceAccountToken: true };
  t.equal(mountsOf((await server.call("POST", pods, pod("loud", loud))).body).length, 1, "the pod's word counts more");
});

t.test("a kubelet's static pods lean on nothing of the API", async (t) => {
  const server = await started(true);
  const mirror = (name: string, spec: JsonObject): JsonObject => ({
    ...pod(name, spec),
    metadata: { name, annotations: { "kubernetes.io/config.mirror": "x" } },
  });
  const create = (body: JsonObject) => server.call("POST", "/api/v1/namespaces/default/pods", body);
  const plain = await create(mirror("m", { nodeName: "n1" }));
  t.equal(plain.statusCode, 201);
  t.same(mountsOf(plain.body), []);
  t.equal((await create(mirror("m2", { serviceAccountName: "default" }))).statusCode, 403);
  const volumes = [{ name: "v", secret: { secretName: "s" } }];
  t.equal((await create(mirror("m3", { volumes }))).statusCode, 403);
});
