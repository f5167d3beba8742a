// What a kubelet, a scheduler or anybody else may write into the status of a pod.
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid } from "../meta/field-error.ts";
import { carryField, isObject, listAt, type MutableObject, numberAt, textAt, typed } from "../meta/mutable.ts";
import { dns1123Subdomain, labelKey } from "../meta/names.ts";
import { ipFamily, validIp } from "../validation/addresses.ts";
import { checkEnum, checkRange, checkText, type Errors, immutable } from "../validation/basics.ts";

const conditionsOfKubernetes = ["PodScheduled", "Ready", "Initialized"];
const idMax = 2_147_483_647;

/** What a writer who leaves it out does not mean to take away: the QoS class, and as of which generation the rest was seen. */
export function keepStatusFields(status: MutableObject, before: JsonObject): void {
  if (textAt(status, "qosClass") === "") carryField(status, before, "qosClass");
  keepGeneration(status, before);
  const old = listAt(before, "conditions").filter(isObject);
  for (const condition of listAt(status, "conditions").filter(isObject)) {
    const at = old.findIndex((one) => textAt(one, "type") === textAt(condition, "type"));
    // A type may stand there several times: the first is the first's.
    const [same] = at < 0 ? [] : old.splice(at, 1);
    if (same !== undefined) keepGeneration(condition as MutableObject, same);
  }
}

function keepGeneration(object: MutableObject, before: JsonObject): void {
  if ((numberAt(object, "observedGeneration") ?? 0) === 0) carryField(object, before, "observedGeneration");
}

export function validatePodStatus(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const { spec, status = {} } = typed<Pod>(next);
  const { spec: oldSpec, status: before = {} } = typed<Pod>(old);
  const errors: Errors = [];
  (status.conditions ?? []).forEach(({ type, observedGeneration }, i) => {
    checkGeneration(errors, `status.conditions[${i}].observedGeneration`, observedGeneration);
    if (conditionsOfKubernetes.includes(type)) return;
    checkText(errors, `status.conditions[${i}].Type`, type ?? "", labelKey);
  });
  if (spec?.nodeName !== oldSpec?.nodeName) errors.push(forbidden("status.nodeName", "may not be changed directly"));
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== before.nominatedNodeName) {
    checkText(errors, "status.nominatedNodeName", nominated, dns1123Subdomain);
    if ((oldSpec?.nodeName ?? "") !== "") {
      errors.push(forbidden("status.nominatedNodeName", "may not be set on pods that are already bound to a node"));
    }
  }
  checkGeneration(errors, "status.observedGeneration", status.observedGeneration);
  if (status.qosClass !== before.qosClass) errors.push(immutable("status.qosClass", status.qosClass));
  checkStaysEnded(errors, next, old);
  checkClaims(errors, next);
  checkPodIps(errors, status);
  checkHostIps(errors, status);
  for (const list of statusLists) {
    (status[list] ?? []).forEach((one, i) => checkUser(errors, `status.${list}[${i}].linux`, one, spec));
  }
  checkAllocated(errors, "status.containerStatuses", status.containerStatuses, spec?.containers ?? []);
  checkAllocated(errors, "status.initContainerStatuses", status.initContainerStatuses, spec?.initContainers ?? []);
  (status.ephemeralContainerStatuses ?? []).forEach(({ allocatedResourcesStatus = [] }, i) => {
    if (allocatedResourcesStatus.length === 0) return;
    const field = `status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`;
    errors.push(forbidden(field, "must not be specified in container status"));
  });
  return errors;
}

const statusLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

function checkGeneration(errors: Errors, path: string, generation: number | undefined): void {
  if (generation !== undefined && generation < 0) {
    errors.push(invalid(path, generation, "must be a non-negative integer"));
  }
}

/** A container that ended and must not be started again doesn't run again. */
function checkStaysEnded(errors: Errors, next: JsonObject, old: JsonObject): void {
  const [{ status = {} }, { spec, status: before = {} }] = [typed<Pod>(next), typed<Pod>(old)];
  const containers = { containerStatuses: spec?.containers, initContainerStatuses: spec?.initContainers };
  for (const list of statusLists) {
    (before[list] ?? []).forEach(({ name, state }, i) => {
      const exitCode = state?.terminated?.exitCode;
      const runsAgain = (status[list] ?? []).some((one) => one.name === name && one.state?.terminated === undefined);
      if (exitCode === undefined || !runsAgain) return;
      const container =
        list === "ephemeralContainerStatuses" ? undefined : containers[list]?.find((one) => one.name === name);
      if (container !== undefined && mayRestart(container, spec, exitCode)) return;
      errors.push(forbidden(`status.${list}[${i}].state`, "may not be transitioned to non-terminated state"));
    });
  }
}

/** A container's own rules go before its own policy, and that before the pod's. */
function mayRestart(container: Container, spec: PodSpec | undefined, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules = [] } = container;
  const rule = restartPolicyRules.find(({ exitCodes }) => {
    const listed = (exitCodes?.values ?? []).includes(exitCode);
    return exitCodes?.operator === "In" ? listed : exitCodes?.operator === "NotIn" && !listed;
  });
  if (restartPolicy !== undefined && rule !== undefined) return true;
  const policy = restartPolicy ?? spec?.restartPolicy ?? "Always";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

const healths = ["Healthy", "Unhealthy", "Unknown"];

/** The health of devices: of those that the container asked for, each once. */
function checkAllocated(
  errors: Errors,
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[],
): void {
  (statuses ?? []).forEach(({ name, allocatedResourcesStatus = [] }, i) => {
    const container = containers.find((one) => one.name === name);
    allocatedResourcesStatus.forEach((allocated, j) => {
      const field = `${path}[${i}].allocatedResourcesStatus[${j}]`;
      if (container !== undefined) checkAskedFor(errors, `${field}.name`, allocated.name ?? "", container);
      const seen = new Set<string>();
      (allocated.resources ?? []).forEach(({ health, resourceID = "" }, k) => {
        checkEnum(errors, `${field}.resources[${k}].health`, health, healths, "unsupported");
        if (seen.has(resourceID)) errors.push(duplicate(`${field}.resources[${k}].resourceID`, resourceID));
        seen.add(resourceID);
      });
    });
  });
}

function checkAskedFor(errors: Errors, path: string, name: string, container: Container): void {
  const { claims = [], requests = {} } = container.resources ?? {};
  if (name.startsWith("claim:")) {
    const names = claims.map(({ name: claim, request = "" }) => `claim:${claim}${request === "" ? "" : `/${request}`}`);
    if (names.includes(name)) return;
    const forms = "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
    errors.push(invalid(path, name, `must match one of the container's resource claims in a format ${forms}`));
  } else if (!Object.hasOwn(requests, name)) {
    errors.push(invalid(path, name, "must match one of the container's resource requests"));
  }
}

function checkClaims(errors: Errors, next: JsonObject): void {
  const { spec, status } = typed<Pod>(next);
  const known = new Set((spec?.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  (status?.resourceClaimStatuses ?? []).forEach(({ name, resourceClaimName }, i) => {
    const field = `status.resourceClaimStatuses[${i}].name`;
    if (!known.has(name)) {
      errors.push(invalid(field, name, "must match the name of an entry in `spec.resourceClaims`"));
    }
    if (seen.has(name)) errors.push(duplicate(field, name));
    seen.add(name);
    if (resourceClaimName !== undefined) checkText(errors, field, resourceClaimName, dns1123Subdomain);
  });
}

function checkPodIps(errors: Errors, status: PodStatus): void {
  checkIps(errors, "status.podIPs", status.podIPs ?? []);
}

function checkHostIps(errors: Errors, status: PodStatus): void {
  const ips = status.hostIPs ?? [];
  const first = ips[0]?.ip ?? "";
  if (ips.length > 0 && first !== (status.hostIP ?? "")) {
    errors.push(invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`"));
  }
  checkIps(errors, "status.hostIPs", ips);
}

/** At most one of each family. */
function checkIps(errors: Errors, path: string, ips: readonly { readonly ip: string }[]): void {
  const texts = ips.map(({ ip }) => ip ?? "");
  texts.forEach((ip, i) => checkText(errors, `${path}[${i}]`, ip, validIp));
  if (texts.length < 2) return;
  const families = new Set(texts.map(ipFamily));
  if (families.size !== 2 || texts.length > 2) {
    const text = "may specify no more than one IP for each IP family";
    errors.push(invalid(path, ips, text));
  }
}

function checkUser(errors: Errors, path: string, status: ContainerStatus, spec: PodSpec | undefined): void {
  const user = status.user?.linux;
  if (user === undefined) return;
  if (spec?.os?.name === "windows") {
    errors.push(forbidden(path, "cannot be set for a windows pod"));
    return;
  }
  checkRange(errors, `${path}.uid`, user.uid, 0, idMax);
  checkRange(errors, `${path}.gid`, user.gid, 0, idMax);
  (user.supplementalGroups ?? []).forEach((group, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, group, 0, idMax);
  });
}
