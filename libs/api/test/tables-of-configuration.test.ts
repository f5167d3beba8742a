// Tables of kinds that configure a cluster: what stands in their cells beside name and age.
import t from "tap";
import { type JsonObject, tableFor } from "@triarch/api";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const metadata = { name: "x", creationTimestamp: "2026-01-02T03:02:35Z" };

/** The cells of an object without its name and age. */
function cellsOf(group: string, resource: string, object: JsonObject): readonly unknown[] {
  const cells = tableFor({ group, resource }).cells({ metadata, ...object }, nowMs);
  t.ok(cells.includes("x") && cells.includes("90s"), `${resource} has name and age`);
  return cells.filter((cell) => cell !== "x" && cell !== "90s");
}

t.test("autoscalers show what is measured beside what is wanted", async (t) => {
  const resource = (averageUtilization: number): JsonObject => ({
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
  });
  const pods = { type: "Pods", pods: { metric: { name: "m" }, target: { averageValue: "5" } } };
  const autoscaler = (metrics: readonly JsonObject[], currentMetrics: readonly JsonObject[]): JsonObject => ({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, minReplicas: 1, maxReplicas: 3, metrics },
    status: { currentReplicas: 2, currentMetrics },
  });
  const targets = (metrics: readonly JsonObject[], current: readonly JsonObject[] = []): unknown =>
    cellsOf("autoscaling", "horizontalpodautoscalers", autoscaler(metrics, current))[1];
  t.strictSame(cellsOf("autoscaling", "horizontalpodautoscalers", autoscaler([], [])), [
    "Deployment/d",
    "<none>",
    "1",
    3,
    2,
  ]);
  t.equal(targets([resource(50)]), "cpu: <unknown>/50%");
  const measured = { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 40 } } };
  t.equal(targets([resource(50)], [measured]), "cpu: 40%/50%");
  t.equal(targets([resource(50), pods, pods]), "cpu: <unknown>/50%, <unknown>/5 + 1 more...");
  const external = { type: "External", external: { metric: { name: "m" }, target: { averageValue: "3" } } };
  t.equal(targets([external]), "<unknown>/3 (avg)");
});

t.test("requests for certificates show who asked and what became of it", async (t) => {
  const spec = { signerName: "example.com/s", username: "jane", expirationSeconds: 7200 };
  const state = (status: JsonObject): unknown =>
    cellsOf("certificates.k8s.io", "certificatesigningrequests", { spec, status }).at(-1);
  const conditions = (...types: readonly string[]): readonly JsonObject[] => types.map((type) => ({ type }));
  t.strictSame(cellsOf("certificates.k8s.io", "certificatesigningrequests", { spec }), [
    "example.com/s",
    "jane",
    "120m",
    "Pending",
  ]);
  t.equal(state({ conditions: conditions("Approved") }), "Approved");
  t.equal(state({ conditions: conditions("Denied") }), "Denied");
  t.equal(state({ conditions: conditions("Approved", "Failed") }), "Approved,Failed");
  t.equal(state({ conditions: conditions("Approved"), certificate: "eA==" }), "Approved,Issued");
});

t.test("others", async (t) => {
  const cases: readonly (readonly [group: string, resource: string, object: JsonObject, wanted: readonly unknown[]])[] =
    [
      [
        "storage.k8s.io",
        "volumeattachments",
        { spec: { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } }, status: { attached: true } },
        ["a", "v", "n", true],
      ],
      [
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        { spec: { validations: [{}], paramKind: { apiVersion: "v1", kind: "ConfigMap" } } },
        [1, "v1/ConfigMap"],
      ],
      ["admissionregistration.k8s.io", "validatingwebhookconfigurations", { webhooks: [{}, {}] }, [2]],
      [
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        { spec: { policyName: "p", paramRef: { name: "r", namespace: "n" } } },
        ["p", "n/r"],
      ],
    ];
  for (const [group, resource, object, wanted] of cases)
    t.strictSame(cellsOf(group, resource, object), wanted, resource);
});
