// Defaults of pods and pod templates. A Pod gets some that a template does not: requests from limits, host ports, service
// links.
import type { MutableObject } from "../meta/mutable.ts";
import { defaultContainer } from "./container.ts";
import { ensureObject, fillFrom, isUnset, objectIn, objectsIn, setDefaults } from "./set.ts";
import { defaultVolume } from "./volume.ts";

export function defaultPod(pod: MutableObject): void {
  const spec = ensureObject(pod, "spec");
  defaultPodSpec(spec);
  setDefaults(spec, { enableServiceLinks: true });
  for (const container of [...objectsIn(spec, "containers"), ...objectsIn(spec, "initContainers")]) {
    const resources = objectIn(container, "resources");
    const limits = resources === undefined ? undefined : objectIn(resources, "limits");
    if (resources !== undefined && limits !== undefined) fillFrom(ensureObject(resources, "requests"), limits);
    if (spec["hostNetwork"] === true)
      for (const port of objectsIn(container, "ports"))
        if (port["hostPort"] === undefined && port["containerPort"] !== undefined)
          port["hostPort"] = port["containerPort"];
  }
}

/** The `template` of a workload's spec. */
export function defaultPodTemplate(holder: MutableObject): void {
  const template = objectIn(holder, "template");
  if (template !== undefined) defaultPodSpec(ensureObject(template, "spec"));
}

export function defaultPodSpec(spec: MutableObject): void {
  setDefaults(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
  });
  // The old name of the field is kept equal to the new one.
  if (isUnset(spec["serviceAccountName"]) && typeof spec["serviceAccount"] === "string")
    spec["serviceAccountName"] = spec["serviceAccount"];
  if (!isUnset(spec["serviceAccountName"])) spec["serviceAccount"] = spec["serviceAccountName"];
  for (const list of ["containers", "initContainers", "ephemeralContainers"])
    for (const container of objectsIn(spec, list)) defaultContainer(container);
  for (const volume of objectsIn(spec, "volumes")) defaultVolume(volume);
}
