// Who is it, and may they: reviews, tokens of service accounts, and what such a token opens.
import { createPublicKey, verify } from "node:crypto";
import t from "tap";
import type { JsonObject } from "@triarch/api";
import { pod, startTestServer, type TestServer } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());

const authentication = "/apis/authentication.k8s.io/v1";
const authorization = "/apis/authorization.k8s.io/v1";
const accounts = "/api/v1/namespaces/default/serviceaccounts";
const issuer = "https://kubernetes.default.svc.cluster.local";

async function account(name: string): Promise<JsonObject> {
  const made = await server.call("POST", accounts, { metadata: { name } });
  return made.body["metadata"] as JsonObject;
}

async function tokenOf(name: string, spec: JsonObject = {}, from: TestServer = server): Promise<string> {
  const { body } = await from.call("POST", `${accounts}/${name}/token`, { spec });
  return (body["status"] as { readonly token: string }).token;
}

async function review(token: string, audiences: readonly string[] = []): Promise<JsonObject> {
  const { body } = await server.call("POST", `${authentication}/tokenreviews`, { spec: { token, audiences } });
  return body["status"] as JsonObject;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

t.test("a service account's token says who it is, and is signed by the published key", async (t) => {
  const { uid } = await account("robot");
  const token = await tokenOf("robot");
  t.match(await review(token), {
    authenticated: true,
    audiences: [issuer],
    user: {
      username: "system:serviceaccount:default:robot",
      uid,
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": [/^JTI=/] },
    },
  });
  const self = await server.anonymous()("POST", `${authentication}/selfsubjectreviews`, {}, bearer(token));
  t.match(self.body, { status: { userInfo: { username: "system:serviceaccount:default:robot" } } });

  const configuration = await server.anonymous()("GET", "/.well-known/openid-configuration", undefined, bearer(token));
  t.match(configuration.body, { issuer, id_token_signing_alg_values_supported: ["ES256"] });
  t.match(configuration.body["jwks_uri"], /\/openid\/v1\/jwks$/);
  const keys = await server.anonymous()("GET", "/openid/v1/jwks", undefined, bearer(token));
  t.equal(keys.headers["content-type"], "application/jwk-set+json");
  const [jwk] = keys.body["keys"] as unknown as [Record<string, string>];
  const [head = "", payload = "", signature = ""] = token.split(".");
  t.match(JSON.parse(Buffer.from(head, "base64url").toString()), { alg: "ES256", kid: jwk["kid"] });
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
  t.ok(verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url")));
});

t.test("a token of another key, for another audience, changed or without its account is nobody's", async (t) => {
  await account("shortlived");
  const token = await tokenOf("shortlived");
  t.match(await review(await tokenOf("shortlived", { audiences: ["vault"] })), { error: /audiences/ });
  t.match(await review(await tokenOf("shortlived", { audiences: ["vault"] }), ["vault"]), { audiences: ["vault"] });
  const [head, , signature] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ iss: issuer, sub: "system:serviceaccount:kube-system:x" }));
  const changed = [head, forged.toString("base64url"), signature].join(".");
  t.match(await review(changed), { error: /invalid bearer token/ });
  const none = [Buffer.from('{"alg":"none"}').toString("base64url"), token.split(".")[1], ""].join(".");
  t.match(await review(none), { error: /invalid bearer token/ });

  const other = await startTestServer();
  t.teardown(() => other.close());
  await other.call("POST", accounts, { metadata: { name: "shortlived" } });
  t.match(await review(await tokenOf("shortlived", {}, other)), { user: {}, error: /invalid bearer token/ });

  t.match(await review(token), { authenticated: true });
  await server.call("DELETE", `${accounts}/shortlived`);
  await account("shortlived");
  t.match(await review(token), { error: /invalidated/ }, "an account of the same name is another account");
  const refused = await server.anonymous()("GET", "/api", undefined, bearer(token));
  t.match(refused, { statusCode: 401, body: { reason: "Unauthorized" } });
});

t.test("a token bound to a pod or a secret ends with it", async (t) => {
  for (const name of ["worker", "other"]) await account(name);
  const made = await server.call("POST", "/api/v1/namespaces/default/pods", {
    ...pod("w", { serviceAccountName: "worker" }),
  });
  const { uid } = made.body["metadata"] as { readonly uid: string };
  const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "w", uid };
  const token = await tokenOf("worker", { boundObjectRef });
  t.match(await review(token), { user: { extra: { "authentication.kubernetes.io/pod-name": ["w"] } } });
  const post = (spec: JsonObject) => server.call("POST", `${accounts}/worker/token`, { spec });
  t.match(await post({ boundObjectRef: { ...boundObjectRef, uid: "another" } }), { statusCode: 409 });
  t.match(await post({ boundObjectRef: { ...boundObjectRef, name: "none" } }), { statusCode: 404 });
  t.match(await post({ boundObjectRef: { apiVersion: "v1", kind: "ConfigMap", name: "c" } }), { statusCode: 400 });
  t.match(await server.call("POST", `${accounts}/other/token`, { spec: { boundObjectRef } }), { statusCode: 400 });
  await server.call("DELETE", "/api/v1/namespaces/default/pods/w");
  t.match(await review(token), { error: /invalidated/ });

  await server.call("POST", "/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
  const bySecret = await tokenOf("worker", { boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "s" } });
  t.match(await review(bySecret), { authenticated: true });
  await server.call("DELETE", "/api/v1/namespaces/default/secrets/s");
  t.match(await review(bySecret), { error: /invalidated/ });
});

t.test("a kubelet gets tokens for pods on its node only", async (t) => {
  const kubelet = await server.clientOf("system:node:n1", ["system:nodes"]);
  await account("onnode");
  const bodies = ["n1", "n2"].map((nodeName) => pod(`on-${nodeName}`, { serviceAccountName: "onnode", nodeName }));
  for (const body of bodies) await server.call("POST", "/api/v1/namespaces/default/pods", body);
  const ask = (name: string) =>
    kubelet("POST", `${accounts}/onnode/token`, {
      spec: { expirationSeconds: 3607, boundObjectRef: { apiVersion: "v1", kind: "Pod", name } },
    });
  const given = await ask("on-n1");
  t.match(given, { statusCode: 201, body: { spec: { expirationSeconds: 3607, audiences: [issuer] } } });
  const { token } = given.body["status"] as { readonly token: string };
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    readonly iat: number;
    readonly exp: number;
    readonly "kubernetes.io": { readonly warnafter: number; readonly node: { readonly name: string } };
  };
  t.equal(claims.exp - claims.iat, 365 * 86_400, "programs that never read it again go on working");
  t.equal(claims["kubernetes.io"].warnafter - claims.iat, 3607);
  t.equal(claims["kubernetes.io"].node.name, "n1");
  t.match(await ask("on-n2"), { statusCode: 403 });
});

t.test("access reviews answer as the authorizer decides", async (t) => {
  const jane = await server.clientOf("jane", []);
  const ask = async (call: TestServer["call"], kind: string, spec: JsonObject, path = authorization) =>
    (await call("POST", `${path}/${kind}`, { spec })).body["status"];
  const pods = { resourceAttributes: { verb: "list", resource: "pods", namespace: "default" } };
  const version = { nonResourceAttributes: { verb: "get", path: "/version" } };
  t.same(await ask(server.call, "selfsubjectaccessreviews", pods), { allowed: true });
  t.same(await ask(jane, "selfsubjectaccessreviews", pods), { allowed: false });
  t.same(await ask(jane, "selfsubjectaccessreviews", version), { allowed: true });
  const scheduler = { user: "system:kube-scheduler", ...pods };
  t.same(await ask(server.call, "subjectaccessreviews", scheduler), { allowed: true });
  t.match(await jane("POST", `${authorization}/subjectaccessreviews`, { spec: scheduler }), { statusCode: 403 });
  const local = `${authorization}/namespaces/default`;
  t.same(await ask(server.call, "localsubjectaccessreviews", { user: "jane", ...pods }, local), { allowed: false });
  t.match(
    await server.call("POST", `${authorization}/namespaces/kube-system/localsubjectaccessreviews`, { spec: scheduler }),
    { statusCode: 422, body: { details: { causes: [{ field: "spec.resourceAttributes.namespace" }] } } },
  );
  t.match(await jane("POST", `${authorization}/selfsubjectrulesreviews`, { spec: { namespace: "default" } }), {
    statusCode: 201,
    body: { status: { incomplete: false, nonResourceRules: [{ verbs: ["get"] }] } },
  });
  t.match(
    await server.call("POST", `${authorization}/subjectaccessreviews`, { metadata: { name: "x" }, spec: scheduler }),
    {
      statusCode: 422,
      body: { details: { causes: [{ field: "metadata" }] } },
    },
  );
});
