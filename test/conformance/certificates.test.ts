// The life of a CertificateSigningRequest: every verb, approval and status.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { supportsApiOperations, type Kind } from "./api-operations.ts";
import { conformance } from "./conformance.ts";

/** PKCS #10 for CN=e2e-example, with a key that nobody has kept. */
const request =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIUk1IZ0NBUUF3RmpFVU1CSUdBMVVFQXd3TFpUSmxMV1Y0WVcxd2JHVXdX" +
  "VEFUQmdjcWhrak9QUUlCQmdncQpoa2pPUFFNQkJ3TkNBQVRoU0lFaEc4dU55K3hmVy9uWS9pSnI0NVRtMGlrcnQrSUpoaTI4MXZ3cTZvQklS" +
  "M0ZoCkJIOUIrd2FvRmkyQURVdVBJeUV3VnpObUlSbGlaK3pseWdFMm9BQXdDZ1lJS29aSXpqMEVBd0lEU1FBd1JnSWgKQUpXZFpyYnFDT1Az" +
  "U0JaVTdNREVldkZ3RDdrcStJMmI1M2pRNkZwVEFvVUVBaUVBZzYraUtOVGR3RnFPTXYxMwpLdlU5bVZTQjVEQ0RLSDlZTnQ4WWhBam1USVE9" +
  "Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

const spec = {
  request,
  signerName: "example.com/e2e",
  usages: ["digital signature", "key encipherment", "server auth"],
  expirationSeconds: 3600,
};
const kind: Kind = {
  ...{ group: "certificates.k8s.io", version: "v1", resource: "certificatesigningrequests" },
  ...{ kind: "CertificateSigningRequest", namespaced: false },
  make: () => ({ spec }),
};
const collection = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const condition = (type: string): JsonObject => ({
  type,
  status: "True",
  reason: "E2E",
  message: "Set from an e2e test",
});

async function csrOperations(t: Test, api: ApiClient, namespace: string): Promise<void> {
  await supportsApiOperations(t, api, namespace, kind);
  const path = `${collection}/approved-${namespace}`;
  const metadata = { name: `approved-${namespace}` };
  await api.create(collection, { apiVersion: "certificates.k8s.io/v1", kind: kind.kind, metadata, spec });

  t.match(await api.get(`${path}/approval`), { metadata }, "get approval");
  const noted = {
    metadata: { annotations: { patchedapproval: "true" } },
    status: { conditions: [condition("ApprovalPatch")] },
  };
  t.match(await api.patch(`${path}/approval`, noted), noted, "patch approval");
  const current = await api.get(`${path}/approval`);
  const { conditions } = current["status"] as { readonly conditions: readonly JsonObject[] };
  const approved = { ...current, status: { conditions: [...conditions, condition("Approved")] } };
  t.match(await api.update(`${path}/approval`, approved), {
    status: { conditions: [{ type: "ApprovalPatch" }, { type: "Approved" }] },
  });

  t.match(await api.get(`${path}/status`), { status: { conditions: [{}, { type: "Approved" }] } }, "get status");
  const seen = { metadata: { annotations: { patchedstatus: "true" } } };
  t.match(await api.patch(`${path}/status`, seen), seen, "patch status");
  const before = await api.get(`${path}/status`);
  const { conditions: all } = before["status"] as { readonly conditions: readonly JsonObject[] };
  const updated = {
    ...before,
    status: { ...(before["status"] as JsonObject), conditions: [...all, condition("StatusUpdate")] },
  };
  t.match(await api.update(`${path}/status`, updated), { status: { conditions: [{}, {}, { type: "StatusUpdate" }] } });
  await api.delete(path);
  t.equal((await api.call("GET", path)).code, 404);
}

await conformance(import.meta.filename, {
  "Certificates API": [{ name: "should support CSR API operations", steps: csrOperations }],
});
