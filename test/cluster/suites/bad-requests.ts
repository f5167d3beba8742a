// Bad input to the API and to the etcd port: one `Status` each, and nothing changed.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Test } from "tap";
import { createCa, issueCertificate } from "@triarch/pki";
import type { TestCluster } from "../../support/cluster.ts";
import { runProgram } from "../../support/command.ts";
import { rawRequest, type RawRequest } from "../../support/http.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const objectBytesMax = 1.5 * 1024 * 1024;

export function badRequests(t: Test, cluster: TestCluster): void {
  const ask = (wanted: RawRequest) => rawRequest(cluster.kubeconfig, wanted);
  const configMapNames = async (): Promise<string> => cluster.mustKubectl(["get", "configmaps", "-A", "-o", "name"]);

  const cases: readonly { name: string; request: RawRequest; code: number; reason: string; message: RegExp }[] = [
    {
      name: "malformed JSON",
      request: { method: "POST", path: configMaps, contentType: "application/json", body: `{"metadata": ` },
      code: 400,
      reason: "BadRequest",
      message: /json|JSON/,
    },
    {
      name: "malformed YAML",
      request: { method: "POST", path: configMaps, contentType: "application/yaml", body: "metadata: [name: {" },
      code: 400,
      reason: "BadRequest",
      message: /yaml|YAML/,
    },
    {
      name: "malformed protobuf",
      request: {
        method: "POST",
        path: configMaps,
        contentType: "application/vnd.kubernetes.protobuf",
        body: Buffer.from("6b3873000a0bffffffffffff", "hex"),
      },
      code: 400,
      reason: "BadRequest",
      message: /./,
    },
    {
      name: "JSON of another kind",
      request: {
        method: "POST",
        path: configMaps,
        contentType: "application/json",
        body: JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "wrong" } }),
      },
      code: 400,
      reason: "BadRequest",
      message: /Secret/,
    },
    {
      name: "an unknown media type",
      request: { method: "POST", path: configMaps, contentType: "text/plain", body: "hello" },
      code: 415,
      reason: "UnsupportedMediaType",
      message: /text\/plain|media type/,
    },
    {
      name: "an unknown resource",
      request: { path: "/api/v1/namespaces/default/frobnicators" },
      code: 404,
      reason: "NotFound",
      message: /could not find the requested resource|not found/,
    },
    {
      name: "an object that does not exist",
      request: { path: `${configMaps}/nowhere` },
      code: 404,
      reason: "NotFound",
      message: /configmaps "nowhere" not found/,
    },
    {
      name: "an invalid name",
      request: {
        method: "POST",
        path: configMaps,
        contentType: "application/json",
        body: JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "Not Valid" } }),
      },
      code: 422,
      reason: "Invalid",
      message: /metadata.name/,
    },
    {
      name: "an object over 1.5 MiB",
      request: {
        method: "POST",
        path: "/api/v1/namespaces/default/pods",
        contentType: "application/json",
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "huge" },
          spec: { containers: [{ name: "c", image: "i", args: ["x".repeat(objectBytesMax + 1)] }] },
        }),
      },
      code: 413,
      reason: "RequestEntityTooLarge",
      message: /too large/i,
    },
    {
      name: "a wrong token",
      request: { path: configMaps, identity: "none", headers: { authorization: "Bearer wrong" } },
      code: 401,
      reason: "Unauthorized",
      message: /Unauthorized/,
    },
  ];

  for (const { name, request, code, reason, message } of cases) {
    t.test(`${name} gets ${code} ${reason}`, async (t) => {
      const before = await configMapNames();
      const answer = await ask(request);
      t.equal(answer.statusCode, code, answer.text.slice(0, 500));
      t.has(answer.json, { kind: "Status", apiVersion: "v1", status: "Failure", reason, code });
      t.match(answer.json?.["message"], message);
      t.equal(await configMapNames(), before, "nothing changed");
    });
  }

  t.test("a certificate of another authority opens neither port", async (t) => {
    const nowMs = Date.now();
    const ca = await createCa({ commonName: "stranger", nowMs, validityDays: 1 });
    const pair = await issueCertificate(ca, {
      commonName: "kubernetes-admin",
      organizations: ["system:masters"],
      usages: ["client"],
      nowMs,
      validityDays: 1,
    });
    const answer = await ask({ path: configMaps, identity: pair }).catch((error: unknown) => String(error));
    if (typeof answer === "string") t.match(answer, /SSL|certificate|alert|reset|closed/i, "the handshake fails");
    else t.equal(answer.statusCode, 401);

    const [cert, key] = [cluster.file("stranger.crt"), cluster.file("stranger.key")];
    await writeFile(cert, pair.certificatePem);
    await writeFile(key, pair.keyPem);
    const [member] = (await cluster.status()).members;
    const cacert = join(cluster.dataDir, "pki", "etcd-ca.crt");
    const flags = ["--endpoints", member?.etcdUrl ?? "", "--cacert", cacert, "--cert", cert, "--key", key];
    const put = await runProgram("etcdctl", [...flags, "--dial-timeout=2s", "--command-timeout=3s", "put", "a", "b"], {
      env: { ETCDCTL_API: "3" },
      timeoutMs: 15_000,
    });
    t.not(put.exitCode, 0, "etcdctl with a stranger's certificate");
  });

  t.test("kubectl shows each error in one line", async (t) => {
    const unknown = await cluster.kubectl(["get", "frobnicators"]);
    t.equal(unknown.exitCode, 1);
    t.match(unknown.stderr, `error: the server doesn't have a resource type "frobnicators"`);
    const missing = await cluster.kubectl(["get", "configmap", "nowhere"]);
    t.equal(missing.exitCode, 1);
    t.equal(missing.stderr.trim(), `Error from server (NotFound): configmaps "nowhere" not found`);
    const malformed = await cluster.kubectl(["create", "-f", "-"], { input: "kind: [ConfigMap" });
    t.equal(malformed.exitCode, 1);
    t.match(malformed.stderr, /error.*(yaml|JSON)/i);
  });
}
