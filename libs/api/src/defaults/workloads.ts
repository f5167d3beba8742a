// Defaults of apps, batch and autoscaling.
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import { templateGenerationAnnotation } from "../kinds/daemon-sets.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { defaultClaim } from "./core.ts";
import { defaultPodTemplate } from "./pod.ts";
import { ensureObject, isEmptyMap, objectIn, objectsIn, setDefaults, setMissing } from "./set.ts";
import type { Defaulter } from "./set.ts";

const int32Max = 2_147_483_647;

export const appsDefaults: Readonly<Record<string, Defaulter>> = {
  Deployment: (object) => {
    const spec = ensureObject(object, "spec");
    setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    const strategy = ensureObject(spec, "strategy");
    setDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate")
      setDefaults(ensureObject(strategy, "rollingUpdate"), { maxUnavailable: "25%", maxSurge: "25%" });
    defaultPodTemplate(spec);
  },
  ReplicaSet: (object) => {
    const spec = ensureObject(object, "spec");
    setDefaults(spec, { replicas: 1 });
    defaultPodTemplate(spec);
  },
  DaemonSet: (object) => {
    // Whoever leaves the old field out sends a zero: the annotation is the writer's, its value the server's.
    setDefaults(ensureObject(ensureObject(object, "metadata"), "annotations"), { [templateGenerationAnnotation]: "0" });
    const spec = ensureObject(object, "spec");
    setDefaults(spec, { revisionHistoryLimit: 10 });
    const strategy = ensureObject(spec, "updateStrategy");
    setDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate")
      setDefaults(ensureObject(strategy, "rollingUpdate"), { maxUnavailable: 1, maxSurge: 0 });
    defaultPodTemplate(spec);
  },
  StatefulSet: (object) => {
    const spec = ensureObject(object, "spec");
    setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: "OrderedReady" });
    const strategy = ensureObject(spec, "updateStrategy");
    setDefaults(strategy, { type: "RollingUpdate" });
    if (strategy["type"] === "RollingUpdate") setDefaults(ensureObject(strategy, "rollingUpdate"), { partition: 0 });
    setDefaults(ensureObject(spec, "persistentVolumeClaimRetentionPolicy"), {
      whenDeleted: "Retain",
      whenScaled: "Retain",
    });
    for (const claim of objectsIn(spec, "volumeClaimTemplates")) {
      setDefaults(claim, { kind: "PersistentVolumeClaim", apiVersion: "v1" });
      defaultClaim(claim);
    }
    defaultPodTemplate(spec);
  },
};

export const batchDefaults: Readonly<Record<string, Defaulter>> = {
  Job: (object) => {
    const spec = ensureObject(object, "spec");
    if (spec["completions"] === undefined && spec["parallelism"] === undefined) spec["completions"] = 1;
    setMissing(spec, {
      parallelism: 1,
      backoffLimit: spec["backoffLimitPerIndex"] === undefined ? 6 : int32Max,
      completionMode: "NonIndexed",
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: spec["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed",
    });
    const labels = objectIn(objectIn(objectIn(spec, "template") ?? {}, "metadata") ?? {}, "labels");
    const metadata = ensureObject(object, "metadata");
    if (labels !== undefined && isEmptyMap(objectIn(metadata, "labels"))) metadata["labels"] = { ...labels };
    defaultJobSpec(spec);
  },
  CronJob: (object) => {
    const spec = ensureObject(object, "spec");
    setDefaults(spec, {
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const jobSpec = objectIn(objectIn(spec, "jobTemplate") ?? {}, "spec");
    if (jobSpec !== undefined) defaultJobSpec(jobSpec);
  },
};

/** Version 1 leaves the target for the CPU to the conversion, which sees the other metrics. */
export const autoscalingV1Defaults: Readonly<Record<string, Defaulter>> = {
  HorizontalPodAutoscaler: (object) => {
    setMissing(ensureObject(object, "spec"), { minReplicas: 1 });
  },
};

export const autoscalingDefaults: Readonly<Record<string, Defaulter>> = {
  HorizontalPodAutoscaler: (object) => {
    const spec = ensureObject(object, "spec");
    setMissing(spec, { minReplicas: 1 });
    if (objectsIn(spec, "metrics").length === 0)
      spec["metrics"] = [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ];
    const behavior = objectIn(spec, "behavior");
    if (behavior === undefined) return;
    defaultScalingRules(ensureObject(behavior, "scaleUp"), {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Pods", value: 4, periodSeconds: 15 },
        { type: "Percent", value: 100, periodSeconds: 15 },
      ],
    });
    defaultScalingRules(ensureObject(behavior, "scaleDown"), {
      selectPolicy: "Max",
      policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
    });
  },
};

/** Policies that the client wrote as `[]` stay away: that is refused. */
function defaultScalingRules(rules: MutableObject, defaults: Readonly<Record<string, MutableValue>>): void {
  const { policies, ...others } = defaults;
  setMissing(rules, others);
  if (policies !== undefined && fieldOrEmptied(rules, "policies") === undefined) rules["policies"] = policies;
}

/** What a Job and the template of a CronJob have in common. */
function defaultJobSpec(spec: MutableObject): void {
  const policy = objectIn(spec, "podFailurePolicy");
  if (policy !== undefined)
    for (const rule of objectsIn(policy, "rules"))
      for (const condition of objectsIn(rule, "onPodConditions")) setDefaults(condition, { status: "True" });
  defaultPodTemplate(spec);
}
