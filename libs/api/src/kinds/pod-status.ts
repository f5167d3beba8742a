// What a kubelet, a scheduler or anybody else may write into the status of a pod.
import type { ContainerStatus, Pod, PodStatus } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid } from "../meta/field-error.ts";
import { typed } from "../meta/mutable.ts";
import { dns1123Subdomain, labelKey } from "../meta/names.ts";
import { ipFamily, validIp } from "../validation/addresses.ts";
import { checkRange, checkText, type Errors, immutable } from "../validation/basics.ts";

const conditionsOfKubernetes = ["PodScheduled", "Ready", "Initialized"];
const idMax = 2_147_483_647;

export function validatePodStatus(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const { spec, status = {} } = typed<Pod>(next);
  const { spec: oldSpec, status: before = {} } = typed<Pod>(old);
  const errors: Errors = [];
  (status.conditions ?? []).forEach(({ type }, i) => {
    if (conditionsOfKubernetes.includes(type)) return;
    checkText(errors, `metadata.conditions[${i}].Type`, type ?? "", labelKey);
  });
  if (spec?.nodeName !== oldSpec?.nodeName) errors.push(forbidden("status.nodeName", "may not be changed directly"));
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== before.nominatedNodeName) {
    checkText(errors, "status.nominatedNodeName", nominated, dns1123Subdomain);
  }
  if (status.qosClass !== before.qosClass) errors.push(immutable("status.qosClass", status.qosClass));
  checkStaysEnded(errors, next, old);
  checkClaims(errors, next);
  checkPodIps(errors, status);
  checkHostIps(errors, status);
  for (const list of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const) {
    (status[list] ?? []).forEach((one, i) => checkUser(errors, `status.${list}[${i}].linux`, one));
  }
  return errors;
}

/** A container that ended and must not be started again doesn't run again. */
function checkStaysEnded(errors: Errors, next: JsonObject, old: JsonObject): void {
  const [{ status = {} }, { spec, status: before = {} }] = [typed<Pod>(next), typed<Pod>(old)];
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always").map(({ name }) => name),
  );
  const policies = {
    containerStatuses: spec?.restartPolicy,
    initContainerStatuses: spec?.restartPolicy,
    ephemeralContainerStatuses: "Never",
  } as const;
  for (const [list, policy] of Object.entries(policies) as readonly (readonly [keyof typeof policies, string])[]) {
    if (policy === "Always") continue;
    (before[list] ?? []).forEach(({ name, state }, i) => {
      const ended = state?.terminated;
      if (ended === undefined || (ended.exitCode !== 0 && policy === "OnFailure")) return;
      if (list === "initContainerStatuses" && sidecars.has(name)) return;
      const now = (status[list] ?? []).filter((one) => one.name === name);
      if (now.every((one) => one.state?.terminated !== undefined)) return;
      errors.push(forbidden(`status.${list}[${i}].state`, "may not be transitioned to non-terminated state"));
    });
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
  texts.forEach((ip, i) => {
    if (texts.indexOf(ip) < i) errors.push(duplicate(`${path}[${i}]`, ip));
  });
}

function checkUser(errors: Errors, path: string, status: ContainerStatus): void {
  const user = status.user?.linux;
  if (user === undefined) return;
  checkRange(errors, `${path}.uid`, user.uid, 0, idMax);
  checkRange(errors, `${path}.gid`, user.gid, 0, idMax);
  (user.supplementalGroups ?? []).forEach((group, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, group, 0, idMax);
  });
}
