import t from "tap";
import { convertToVersion, type JsonObject } from "@triarch/api";

const head = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" };
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
const metric = { name: "m", selector: { matchLabels: { a: "b" } } };
const about = { apiVersion: "v1", kind: "Service", name: "s" };
const cpu = (percentage: number): JsonObject => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percentage } },
});

const full: JsonObject = {
  ...head,
  metadata: { name: "h", annotations: { own: "kept" } },
  spec: {
    scaleTargetRef,
    maxReplicas: 5,
    metrics: [
      cpu(50),
      { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } },
      { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "5" } } },
      { type: "Object", object: { describedObject: about, metric, target: { type: "Value", value: "7" } } },
      { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "3" } } },
      {
        type: "ContainerResource",
        containerResource: { name: "cpu", container: "c", target: { type: "Utilization", averageUtilization: 9 } },
      },
    ],
    behavior: {
      scaleDown: {
        stabilizationWindowSeconds: 60,
        selectPolicy: "Max",
        policies: [{ type: "Pods", value: 1, periodSeconds: 15 }],
      },
    },
  },
  status: {
    currentReplicas: 1,
    desiredReplicas: 2,
    conditions: [{ type: "AbleToScale", status: "True", reason: "r", lastTransitionTime: null }],
    currentMetrics: [
      { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 40, averageValue: "4m" } } },
      { type: "Pods", pods: { metric, current: { averageValue: "6" } } },
    ],
  },
};

t.test("nothing is lost on the way to v1 and back", async (t) => {
  const v1 = convertToVersion(full, "autoscaling/v1");
  t.match(v1, {
    apiVersion: "autoscaling/v1",
    spec: { targetCPUUtilizationPercentage: 50, maxReplicas: 5 },
    status: { currentCPUUtilizationPercentage: 40 },
  });
  const { metadata, spec, status } = v1 as Record<string, Record<string, JsonObject>>;
  const noted = ["behavior", "conditions", "current-metrics", "metrics"].map(
    (n) => `autoscaling.alpha.kubernetes.io/${n}`,
  );
  t.strictSame(Object.keys(metadata?.["annotations"] ?? {}).sort(), [...noted, "own"]);
  t.strictSame(Object.keys(spec ?? {}).sort(), ["maxReplicas", "scaleTargetRef", "targetCPUUtilizationPercentage"]);
  t.notOk("conditions" in (status ?? {}) || "currentMetrics" in (status ?? {}));
  t.strictSame(convertToVersion(v1, "autoscaling/v2"), full);
  t.strictSame(convertToVersion(v1, "autoscaling/v1"), v1, "the same version is left as it is");
});

t.test("what v1 leaves open", async (t) => {
  const v1 = (spec: JsonObject, annotations: Record<string, string> = {}): JsonObject =>
    convertToVersion(
      {
        ...head,
        apiVersion: "autoscaling/v1",
        metadata: { name: "h", annotations },
        spec: { scaleTargetRef, maxReplicas: 5, ...spec },
      },
      "autoscaling/v2",
    );
  t.match(v1({}), { spec: { metrics: [cpu(80)] } }, "80 % of the CPU without a word");
  t.match(v1({ targetCPUUtilizationPercentage: 10 }), { spec: { metrics: [cpu(10)] } });
  const broken = v1(
    {},
    { "autoscaling.alpha.kubernetes.io/metrics": "[{", "autoscaling.alpha.kubernetes.io/behavior": "7" },
  );
  t.match(broken, { spec: { metrics: [cpu(80)] } }, "annotations that can't be read count as absent");
  t.notOk("annotations" in ((broken as Record<string, JsonObject>)["metadata"] ?? {}), "and go");
});
