// The spec of a pod, alone or in a template.
import type { PodSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, regExpText } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import { validIp } from "./addresses.ts";
import { checkEnum, checkRange, checkRequiredText, checkText, type Errors } from "./basics.ts";
import { checkContainers } from "./containers.ts";
import { checkAffinity, checkTolerations, checkTopologySpread } from "./scheduling.ts";
import { checkVolumes } from "./volumes.ts";

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const nameserversMax = 3;
const searchesMax = 32;
const int32Max = 2_147_483_647;

const searchPattern = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const searchRegExp = new RegExp(`^${searchPattern}$`);
const searchText = regExpText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  searchPattern,
  "example.com",
);

/** @param object the spec; a missing one is checked as an empty one */
export function validatePodSpec(object: JsonObject, path: string): readonly FieldError[] {
  const spec = typed<Partial<PodSpec>>(object);
  const errors: Errors = [];
  const volumes = checkVolumes(errors, `${path}.volumes`, spec.volumes ?? []);
  const context = { volumes, hostNetwork: spec.hostNetwork === true, takenNames: new Set<string>() };
  if ((spec.containers ?? []).length === 0) errors.push(required(`${path}.containers`));
  checkContainers(errors, `${path}.containers`, spec.containers ?? [], { ...context, role: "main" });
  checkContainers(errors, `${path}.initContainers`, spec.initContainers ?? [], { ...context, role: "init" });
  checkEnum(errors, `${path}.restartPolicy`, spec.restartPolicy, restartPolicies);
  checkEnum(errors, `${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies);
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  checkSecurityContext(errors, `${path}.securityContext`, spec);
  checkAffinity(errors, `${path}.affinity`, spec.affinity);
  checkDnsConfig(errors, `${path}.dnsConfig`, spec);
  checkGates(errors, path, spec);
  checkTopologySpread(errors, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []);
  checkNames(errors, path, spec);
  checkTolerations(errors, `${path}.tolerations`, spec.tolerations ?? []);
  checkHostAliases(errors, `${path}.hostAliases`, spec);
  checkRange(errors, `${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, int32Max);
  return errors;
}

function checkNames(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const subdomains = ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] as const;
  for (const field of subdomains) {
    const value = spec[field] ?? "";
    if (value !== "") checkText(errors, `${path}.${field}`, value, dns1123Subdomain);
  }
  for (const field of ["hostname", "subdomain"] as const) {
    const value = spec[field] ?? "";
    if (value !== "") checkText(errors, `${path}.${field}`, value, dns1123Label);
  }
  if (spec.schedulerName !== undefined)
    checkRequiredText(errors, `${path}.schedulerName`, spec.schedulerName, labelKey);
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
  if (gates.size > 0 && (spec.nodeName ?? "") !== "") {
    errors.push(forbidden(`${path}.nodeName`, "cannot be set until all schedulingGates have been cleared"));
  }
}

function checkSecurityContext(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const context = spec.securityContext;
  if (context === undefined) return;
  for (const field of ["fsGroup", "runAsUser", "runAsGroup"] as const) {
    checkRange(errors, `${path}.${field}`, context[field], 0, int32Max);
  }
  (context.supplementalGroups ?? []).forEach((group, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, group, 0, int32Max);
  });
  (context.sysctls ?? []).forEach(({ name }, i) => checkRequiredText(errors, `${path}.sysctls[${i}].name`, name));
  if (context.fsGroupChangePolicy !== undefined) {
    checkEnum(
      errors,
      `${path}.fsGroupChangePolicy`,
      context.fsGroupChangePolicy,
      ["Always", "OnRootMismatch"],
      "unsupported",
    );
  }
  const profile = context.seccompProfile;
  if (profile !== undefined) {
    const field = `${path}.seccompProfile`;
    if ((profile.type ?? "") === "")
      errors.push(required(`${field}.type`, "type is required when seccompProfile is set"));
    else checkEnum(errors, `${field}.type`, profile.type, ["Localhost", "RuntimeDefault", "Unconfined"]);
    if (profile.type === "Localhost" && (profile.localhostProfile ?? "") === "") {
      errors.push(required(`${field}.localhostProfile`, "must be set when seccomp type is Localhost"));
    }
  }
}

function checkDnsConfig(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === "None" && (config?.nameservers ?? []).length === 0) {
    const field = config === undefined ? path : `${path}.nameservers`;
    errors.push(required(field, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
  }
  if (config === undefined) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > nameserversMax) {
    errors.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${nameserversMax} nameservers`));
  }
  nameservers.forEach((server, i) => checkText(errors, `${path}.nameservers[${i}]`, server, validIp));
  if (searches.length > searchesMax) {
    errors.push(invalid(`${path}.searches`, searches, `must not have more than ${searchesMax} search paths`));
  }
  searches.forEach((search, i) => {
    const plain = search === "." ? "." : search.replace(/\.$/, "");
    if (plain !== "." && !searchRegExp.test(plain)) errors.push(invalid(`${path}.searches[${i}]`, search, searchText));
  });
  options.forEach(({ name }, i) => {
    if ((name ?? "") === "") errors.push(required(`${path}.options[${i}]`, "must not be empty"));
  });
}

function checkHostAliases(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  (spec.hostAliases ?? []).forEach((alias, i) => {
    checkText(errors, `${path}[${i}].ip`, alias.ip ?? "", validIp);
    (alias.hostnames ?? []).forEach((name, j) =>
      checkText(errors, `${path}[${i}].hostnames[${j}]`, name, dns1123Subdomain),
    );
  });
}
