import t from "tap";
import {
  anonymousUser,
  createAuthenticator,
  createAuthorizer,
  nodeNameOf,
  parseTokenFile,
  refusalText,
  ruleAllows,
  type RequestAttributes,
  type UserInfo,
} from "../src/index.ts";

const user = (name: string, ...groups: string[]): UserInfo => ({ name, uid: "", groups });
const on = (
  verb: string,
  resource: string,
  more: { group?: string; sub?: string; ns?: string; name?: string } = {},
): RequestAttributes => ({
  kind: "resource",
  verb,
  apiGroup: more.group ?? "",
  resource,
  subresource: more.sub ?? "",
  namespace: more.ns ?? "",
  name: more.name ?? "",
});

t.test("a token wins over a certificate, and a wrong one is refused even with a good certificate", async (t) => {
  const tokens = parseTokenFile('sesame,admin,7,"system:masters,ops"\n', "tokens.csv");
  const authenticator = createAuthenticator({ tokens });
  const certificate = { commonName: "jane", organizations: ["dev"] };
  t.match(authenticator.authenticate({ certificate, authorization: "Bearer sesame" }), {
    kind: "authenticated",
    user: { name: "admin", uid: "7", groups: ["system:masters", "ops", "system:authenticated"] },
  });
  t.same(authenticator.authenticate({ certificate, authorization: "Bearer wrong" }), { kind: "refused" });
  t.match(authenticator.authenticate({ certificate, authorization: undefined }), {
    user: { name: "jane", groups: ["dev", "system:authenticated"] },
  });
  t.same(authenticator.authenticate({ certificate: "untrusted", authorization: undefined }), { kind: "refused" });
  t.match(authenticator.authenticate({ certificate: "untrusted", authorization: "Bearer sesame" }), {
    kind: "authenticated",
  });
  t.match(authenticator.authenticate({ certificate: undefined, authorization: undefined }), { kind: "anonymous" });
  t.match(authenticator.authenticate({ certificate: undefined, authorization: "Basic abc" }), { kind: "anonymous" });
});

t.test("token files say where they are wrong", async (t) => {
  t.throws(() => parseTokenFile("a,b,c\n,x,y\n", "f"), /f:2: the token is empty/);
  t.throws(() => parseTokenFile("a,,c\n", "f"), /f:1: the user name is missing/);
  t.throws(() => parseTokenFile("a,b,c\na,d,e\n", "f"), /f:2: this token was given before/);
  t.throws(() => parseTokenFile('a,b,c,"x\n', "f"), /f:1: a quoted field has no end/);
  t.same(parseTokenFile("# none\n\na,b,c,g\n", "f"), [{ token: "a", user: { name: "b", uid: "c", groups: ["g"] } }]);
});

t.test("rules: names, subresources, stars", async (t) => {
  const rule = { verbs: ["get"], apiGroups: [""], resources: ["pods", "*/scale"], resourceNames: ["a"] };
  t.equal(ruleAllows(rule, on("get", "pods", { name: "a" })), true);
  t.equal(ruleAllows(rule, on("get", "pods", { name: "b" })), false);
  t.equal(ruleAllows(rule, on("get", "pods", { name: "a", sub: "log" })), false);
  t.equal(ruleAllows(rule, on("get", "things", { name: "a", sub: "scale" })), true);
  t.equal(ruleAllows(rule, on("list", "pods", { name: "a" })), false);
  t.equal(ruleAllows(rule, on("get", "pods", { name: "a", group: "apps" })), false);
  const paths = { verbs: ["get"], nonResourceURLs: ["/livez/*", "/version"] };
  t.equal(ruleAllows(paths, { kind: "path", verb: "get", path: "/livez/ping" }), true);
  t.equal(ruleAllows(paths, { kind: "path", verb: "get", path: "/versions" }), false);
});

t.test("built-in identities", async (t) => {
  const authorizer = createAuthorizer();
  t.equal(authorizer.allows(user("root", "system:masters"), on("delete", "nodes", { name: "n" })), true);
  t.equal(
    authorizer.allows(user("jane", "system:authenticated"), on("get", "pods", { ns: "default", name: "p" })),
    false,
  );
  t.equal(
    authorizer.allows(user("jane", "system:authenticated"), { kind: "path", verb: "get", path: "/apis/apps/v1" }),
    true,
  );
  t.equal(authorizer.allows(anonymousUser, { kind: "path", verb: "get", path: "/readyz" }), true);
  t.equal(authorizer.allows(anonymousUser, { kind: "path", verb: "get", path: "/api" }), false);
  t.equal(authorizer.allows(anonymousUser, { kind: "path", verb: "get", path: "/metrics" }), false);
  const scheduler = user("system:kube-scheduler");
  t.equal(authorizer.allows(scheduler, on("create", "pods", { ns: "a", name: "p", sub: "binding" })), true);
  t.equal(authorizer.allows(scheduler, on("create", "pods", { ns: "a" })), false);
  const proxy = user("system:kube-proxy");
  t.equal(authorizer.allows(proxy, on("watch", "endpointslices", { group: "discovery.k8s.io" })), true);
  t.equal(authorizer.allows(proxy, on("list", "secrets")), false);
  t.equal(authorizer.allows(user("system:kube-controller-manager"), on("create", "pods", { ns: "a" })), true);
  t.equal(
    authorizer.allows(
      user("system:kube-controller-manager"),
      on("create", "clusterrolebindings", { group: "rbac.authorization.k8s.io" }),
    ),
    false,
  );
});

t.test("a kubelet changes its own node only", async (t) => {
  const authorizer = createAuthorizer();
  const kubelet = user("system:node:w1", "system:nodes", "system:authenticated");
  t.equal(nodeNameOf(kubelet), "w1");
  t.equal(nodeNameOf(user("system:node:w1")), undefined, "the group is needed too");
  t.equal(authorizer.allows(kubelet, on("patch", "nodes", { name: "w1", sub: "status" })), true);
  t.equal(authorizer.allows(kubelet, on("patch", "nodes", { name: "w2", sub: "status" })), false);
  t.equal(authorizer.allows(kubelet, on("delete", "nodes", { name: "w2" })), false);
  t.equal(
    authorizer.allows(
      kubelet,
      on("update", "leases", { group: "coordination.k8s.io", ns: "kube-node-lease", name: "w1" }),
    ),
    true,
  );
  t.equal(
    authorizer.allows(kubelet, on("update", "leases", { group: "coordination.k8s.io", ns: "kube-system", name: "w1" })),
    false,
  );
  t.equal(authorizer.allows(kubelet, on("patch", "pods", { ns: "a", name: "p", sub: "status" })), true);
  t.equal(authorizer.allows(kubelet, on("patch", "pods", { ns: "a", name: "p" })), false);
  t.equal(authorizer.allows(kubelet, on("update", "secrets", { ns: "a", name: "s" })), false);
});

t.test("refusals in Kubernetes' words", async (t) => {
  t.equal(
    refusalText(user("jane"), on("get", "pods", { ns: "default", name: "p", sub: "log" })),
    'User "jane" cannot get resource "pods/log" in API group "" in the namespace "default"',
  );
  t.equal(
    refusalText(user("jane"), on("list", "nodes")),
    'User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  t.equal(
    refusalText(anonymousUser, { kind: "path", verb: "get", path: "/api" }),
    'User "system:anonymous" cannot get path "/api"',
  );
});
