// The spec of a pod, alone or in a template.
import type { PodResourceClaim, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, type NameCheck } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import { checkEnum, checkRange, checkText, type Errors } from "./basics.ts";
import { checkContainers, checkEphemeralContainers, checkInitContainers, type ContainerContext } from "./containers.ts";
import { checkDns, checkHostAliases } from "./pod-dns.ts";
import { checkHostProcess, checkOs } from "./pod-os.ts";
import { checkPodResources } from "./pod-resources.ts";
import { checkRequirements } from "./resources.ts";
import { checkAffinity, checkTolerations } from "./scheduling.ts";
import { checkPodSecurityContext, usesHostUsers } from "./security.ts";
import { checkTopologySpread } from "./topology-spread.ts";
import { checkVolumes, type PodIdentity } from "./volumes.ts";

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const preemptionPolicies = ["PreemptLowerPriority", "Never"];
const int32Max = 2_147_483_647;

/**
 * @param object the spec; a missing one is checked as an empty one
 * @param pod the pod whose spec it is; `undefined` in a template, of which some things are not asked yet
 */
export function validatePodSpec(object: JsonObject, path: string, pod?: PodIdentity): readonly FieldError[] {
  const spec = typed<Partial<PodSpec>>(object);
  const errors: Errors = [];
  const graceSeconds = spec.terminationGracePeriodSeconds;
  if (graceSeconds === undefined) errors.push(required(`${path}.terminationGracePeriodSeconds`));
  checkAllContainers(errors, path, spec, pod);
  checkHostPortsMatch(errors, path, spec, pod !== undefined);
  checkEnum(errors, `${path}.restartPolicy`, spec.restartPolicy, restartPolicies);
  checkEnum(errors, `${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies);
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  checkPodSecurityContext(errors, `${path}.securityContext`, spec);
  checkAffinity(errors, `${path}.affinity`, spec.affinity);
  checkDns(errors, `${path}.dnsConfig`, spec);
  checkGates(errors, path, spec);
  checkTopologySpread(errors, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []);
  checkHostProcess(errors, path, spec);
  checkHostUsers(errors, path, spec);
  checkNames(errors, path, spec, ["serviceAccountName", "nodeName"], dns1123Subdomain);
  checkRange(errors, `${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, int32Max);
  checkNames(errors, path, spec, ["hostname", "subdomain"], dns1123Label);
  checkTolerations(errors, `${path}.tolerations`, spec.tolerations ?? []);
  checkHostAliases(errors, `${path}.hostAliases`, spec.hostAliases ?? []);
  checkNames(errors, path, spec, ["priorityClassName"], dns1123Subdomain);
  if (spec.runtimeClassName !== undefined) {
    checkText(errors, `${path}.runtimeClassName`, spec.runtimeClassName, dns1123Subdomain);
  }
  if (spec.preemptionPolicy !== undefined) {
    checkEnum(errors, `${path}.preemptionPolicy`, spec.preemptionPolicy, preemptionPolicies);
  }
  if (spec.overhead !== undefined) {
    checkRequirements(errors, `${path}.overhead`, { limits: spec.overhead }, { claimNames: new Set() });
  }
  checkOs(errors, path, spec);
  return errors;
}

function checkAllContainers(errors: Errors, path: string, spec: Partial<PodSpec>, pod: PodIdentity | undefined): void {
  const volumes = checkVolumes(errors, `${path}.volumes`, spec.volumes ?? [], pod);
  const claims = spec.resourceClaims ?? [];
  checkClaims(errors, `${path}.resourceClaims`, claims);
  const context: ContainerContext = {
    volumes,
    claimNames: new Set(claims.map(({ name }) => name)),
    hostUsers: usesHostUsers(spec),
    graceSeconds: spec.terminationGracePeriodSeconds,
    podRestartPolicy: spec.restartPolicy ?? "",
    inPod: pod !== undefined,
  };
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const takenNames = containers.map(({ name }) => name);
  checkContainers(errors, `${path}.containers`, containers, context);
  checkInitContainers(errors, `${path}.initContainers`, initContainers, { ...context, takenNames });
  const others = [...takenNames, ...initContainers.map(({ name }) => name)];
  const field = `${path}.ephemeralContainers`;
  checkEphemeralContainers(errors, field, ephemeralContainers, { ...context, takenNames: others });
  checkPodResources(errors, `${path}.resources`, spec);
}

function checkClaims(errors: Errors, path: string, claims: readonly PodResourceClaim[]): void {
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    const { name = "", resourceClaimName, resourceClaimTemplateName: template } = claim as Partial<PodResourceClaim>;
    const field = `${path}[${i}]`;
    if (name === "") errors.push(required(`${field}.name`));
    else if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    else checkText(errors, `${field}.name`, name, dns1123Label);
    names.add(name);
    const shown = claim as unknown as JsonValue;
    if (resourceClaimName !== undefined && template !== undefined) {
      const text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      errors.push(invalid(field, shown, text));
    } else if (resourceClaimName === undefined && template === undefined) {
      errors.push(invalid(field, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
    }
    if (resourceClaimName !== undefined) {
      checkText(errors, `${field}.resourceClaimName`, resourceClaimName, dns1123Subdomain);
    }
    if (template !== undefined) checkText(errors, `${field}.resourceClaimTemplateName`, template, dns1123Subdomain);
  });
}

/** In the node's network a container's port is the node's. */
function checkHostPortsMatch(errors: Errors, path: string, spec: Partial<PodSpec>, inPod: boolean): void {
  if (spec.hostNetwork !== true) return;
  (spec.containers ?? []).forEach(({ ports = [] }, i) => {
    ports.forEach(({ hostPort = 0, containerPort = 0 }, j) => {
      if (hostPort === containerPort || (hostPort === 0 && !inPod)) return;
      const field = `${path}.containers[${i}].ports[${j}].hostPort`;
      errors.push(invalid(field, hostPort, "must match `containerPort` when `hostNetwork` is true"));
    });
  });
}

function checkHostUsers(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  if (usesHostUsers(spec)) return;
  for (const [used, field] of [
    [spec.hostNetwork, "hostNetwork"],
    [spec.hostPID, "HostPID"],
    [spec.hostIPC, "HostIPC"],
  ] as const) {
    if (used === true) errors.push(forbidden(`${path}.${field}`, "when `pod.Spec.HostUsers` is false"));
  }
}

function checkNames(
  errors: Errors,
  path: string,
  spec: Partial<PodSpec>,
  fields: readonly ("serviceAccountName" | "nodeName" | "hostname" | "subdomain" | "priorityClassName")[],
  check: NameCheck,
): void {
  for (const field of fields) {
    const value = spec[field] ?? "";
    if (value !== "") checkText(errors, `${path}.${field}`, value, check);
  }
}

function checkGates(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  (spec.readinessGates ?? []).forEach(({ conditionType }, i) => {
    checkText(errors, `${path}.readinessGates[${i}].conditionType`, conditionType ?? "", labelKey);
  });
  const gates = new Set<string>();
  (spec.schedulingGates ?? []).forEach(({ name }, i) => {
    checkText(errors, `${path}.schedulingGates[${i}]`, name ?? "", labelKey);
    if (gates.has(name)) errors.push(duplicate(`${path}.schedulingGates[${i}]`, name));
    gates.add(name);
  });
}
