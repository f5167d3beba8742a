// Requests for certificates: rights to signers, and groups that nobody gets by way of one.
import t from "tap";
import { findResource, type JsonObject, requestedOrganizations, StatusError } from "@triarch/api";
import { createAuthorizer, type PolicyRule, type UserInfo } from "@triarch/auth";
import { assertDefined } from "@triarch/base";
import { certificateApproval, certificateSigning } from "../src/admission/certificates.ts";
import { startTestServer } from "./support/test-server.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** Made for this test: subject `O=dev, O=system:masters, CN=jane`. */
const ofMasters = base64(`-----BEGIN CERTIFICATE REQUEST-----
MIHyMIGYAgEAMDYxDDAKBgNVBAoMA2RldjEXMBUGA1UECgwOc3lzdGVtOm1hc3Rl
cnMxDTALBgNVBAMMBGphbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQyEeZA
L/lnZLJxUvGej4UNarz1ZeF1i+DPM8I1lLwfqtkdURZskSsraQHbjo1tSgxqPoV+
AvVMF3GwfQgL0f/qoAAwCgYIKoZIzj0EAwIDSQAwRgIhALh//B9fk3B6kxCTvOIW
q5/pvypm6CqZkzen5btpqG1HAiEAgwAltRYgNobrvaSZxrNy1jAzoH9vF9mIbYdK
/7FC8V8=
-----END CERTIFICATE REQUEST-----
`);
/** Likewise, `O=dev, CN=jane`. */
const ofDev = base64(`-----BEGIN CERTIFICATE REQUEST-----
MIHYMH8CAQAwHTEMMAoGA1UECgwDZGV2MQ0wCwYDVQQDDARqYW5lMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEMhHmQC/5Z2SycVLxno+FDWq89WXhdYvgzzPCNZS8
H6rZHVEWbJErK2kB246NbUoMaj6FfgL1TBdxsH0IC9H/6qAAMAoGCCqGSM49BAMC
A0kAMEYCIQDQOLbWLfF21mtaZ6fmLgjxpU2Oo0hvpD39cV6eJCgdKgIhAMqFeiu+
gzQ4np9rOcDltV8uAimlvF9Fy4RScx08Sng9
-----END CERTIFICATE REQUEST-----
`);

t.test("organizations are read from a request's subject", (t) => {
  t.same(requestedOrganizations(ofMasters), ["dev", "system:masters"]);
  t.same(requestedOrganizations(ofDev), ["dev"]);
  t.same(requestedOrganizations(base64("nothing")), []);
  t.end();
});

t.test("the API server's client signer makes no masters", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const signer = "kubernetes.io/kube-apiserver-client";
  const ask = (name: string, request: string, signerName = signer) =>
    server.call("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {
      metadata: { name },
      spec: { request, signerName, usages: ["client auth"] },
    });
  t.match(await ask("a", ofMasters), {
    statusCode: 403,
    body: {
      message: `certificatesigningrequests.certificates.k8s.io "a" is forbidden: use of ${signer} signer with system:masters group is not allowed`,
    },
  });
  t.equal((await ask("b", ofDev)).statusCode, 201);
  t.equal((await ask("c", ofMasters, "example.com/own")).statusCode, 201, "other signers judge for themselves");
});

t.test("approving and signing need a right to the signer or to its domain", async (t) => {
  const resource = assertDefined(findResource("certificates.k8s.io", "v1", "certificatesigningrequests"), "not served");
  const user: UserInfo = { name: "jane", uid: "", groups: [] };
  const rule = (verb: string, name: string): PolicyRule => ({
    verbs: [verb],
    apiGroups: ["certificates.k8s.io"],
    resources: ["signers"],
    resourceNames: [name],
  });
  const old: JsonObject = { metadata: { name: "r" }, spec: { signerName: "example.com/own" }, status: {} };
  const signed: JsonObject = { ...old, status: { certificate: "eA==" } };
  const attempt = async (subresource: string, rules: readonly PolicyRule[], next: JsonObject): Promise<string> => {
    const authorizer = createAuthorizer({ rulesFor: () => rules });
    const request = { resource, subresource, namespace: "", name: "r", user, warnings: [] };
    try {
      for (const plugin of [certificateApproval(authorizer), certificateSigning(authorizer)]) {
        await plugin.validateUpdate?.(request, next, old);
      }
      return "";
    } catch (error) {
      return error instanceof StatusError ? error.message : String(error);
    }
  };
  const refused = 'certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to';
  t.equal(await attempt("approval", [], old), `${refused} approve requests with signerName "example.com/own"`);
  t.equal((await attempt("approval", [rule("sign", "example.com/own")], old)) === "", false);
  t.equal(await attempt("approval", [rule("approve", "example.com/own")], old), "");
  t.equal(await attempt("approval", [rule("approve", "example.com/*")], old), "");
  t.equal((await attempt("approval", [rule("approve", "example.org/*")], old)) === "", false);
  t.equal(await attempt("status", [], signed), `${refused} sign requests with signerName "example.com/own"`);
  t.equal(await attempt("status", [rule("sign", "example.com/*")], signed), "");
  t.equal(await attempt("status", [], old), "", "nothing is signed by it");
  t.equal(await attempt("", [], signed), "");
});
