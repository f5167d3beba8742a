// Cluster addresses of Services and their families: what belongs together, and what an update may add or give back.
import type { ServiceSpec } from "../generated/types.generated.ts";
import { duplicate, invalid, required } from "../meta/field-error.ts";
import { ipFamily, validIp } from "./addresses.ts";
import { checkEnum, type Errors } from "./basics.ts";

const none = "None";
const families = ["IPv4", "IPv6"];
const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const addressesMax = 2;

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === none;
}

/** Addresses, families and policy of a Service that has any. */
export function checkClusterIps(errors: Errors, spec: ServiceSpec): void {
  if (spec.type === "ExternalName") return;
  const { clusterIPs: ips = [], ipFamilies = [], ipFamilyPolicy } = spec;
  checkFirst(errors, spec.clusterIP ?? "", ips);
  const seen = new Set<string>();
  ipFamilies.forEach((family, i) => {
    checkEnum(errors, `spec.ipFamilies[${i}]`, family, families, "unsupported");
    if (seen.has(family)) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined) checkEnum(errors, "spec.ipFamilyPolicy", ipFamilyPolicy, policies, "unsupported");
  const wellFormed = checkForms(errors, ips);
  if (ips.length > addressesMax) errors.push(invalid("spec.clusterIPs", ips, "may only hold up to 2 values"));
  if (!wellFormed) return;
  if (ips.length > 1 && new Set(ips.map(ipFamily)).size < ips.length) {
    errors.push(invalid("spec.clusterIPs", ips, "may specify no more than one IP for each IP family"));
  }
  if (isHeadless(spec)) return;
  ips.forEach((ip, i) => {
    const family = ipFamilies[i];
    if (family === undefined || !families.includes(family) || ipFamily(ip) === family) return;
    const text = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
    errors.push(invalid(`spec.clusterIPs[${i}]`, ip, text));
  });
}

/** `clusterIP` is the first of `clusterIPs`. */
function checkFirst(errors: Errors, ip: string, ips: readonly string[]): void {
  const path = "spec.clusterIPs";
  if (ip === "") {
    if (ips.length > 0) errors.push(invalid(path, ips, "must be empty when `clusterIP` is not specified"));
  } else if (ips.length === 0) errors.push(required(path));
  else if (ips[0] !== ip) errors.push(invalid(path, ips, "first value must match `clusterIP`"));
}

/** @returns false where the addresses can't be compared with anything */
function checkForms(errors: Errors, ips: readonly string[]): boolean {
  const before = errors.length;
  ips.forEach((ip, i) => {
    if (i > 0 || ip !== none) {
      for (const text of validIp(ip)) errors.push(invalid(`spec.clusterIPs[${i}]`, ip, text));
    } else if (ips.length > 1) {
      errors.push(invalid("spec.clusterIPs", ips, "'None' must be the first and only value"));
    }
  });
  return errors.length === before;
}

/** Addresses stay; a second one may come and go, with the policy that says so. */
export function checkClusterIpChange(errors: Errors, spec: ServiceSpec, old: ServiceSpec): void {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return;
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(old)];
  if (headless && wasHeadless) return;
  checkKept(errors, spec, {
    field: "clusterIPs",
    name: "clusterIP",
    values: spec.clusterIPs ?? [],
    before: old.clusterIPs ?? [],
  });
  if (headless || wasHeadless) return;
  checkKept(errors, spec, {
    field: "ipFamilies",
    name: "ipFamily",
    values: spec.ipFamilies ?? [],
    before: old.ipFamilies ?? [],
  });
}

interface Kept {
  readonly field: "clusterIPs" | "ipFamilies";
  readonly name: string;
  readonly values: readonly string[];
  readonly before: readonly string[];
}

function checkKept(errors: Errors, spec: ServiceSpec, { field, name, values, before }: Kept): void {
  const path = `spec.${field}`;
  const text = "may not change once set";
  if (values.length === before.length) {
    before.forEach((one, i) => {
      // Of families Kubernetes always names the first.
      const at = field === "ipFamilies" ? 0 : i;
      if (values[i] !== one) errors.push(invalid(`${path}[${at}]`, values, text));
    });
    return;
  }
  const released = values.length < before.length;
  if (released && values.length === 0) {
    errors.push(invalid(`${path}[0]`, values, `primary ${name} can not be unset`));
  }
  if (values.length > 0 && before.length > 0 && values[0] !== before[0]) {
    errors.push(invalid(`${path}[0]`, values, text));
  }
  if (released && values.length === 1 && spec.ipFamilyPolicy !== "SingleStack") {
    const why = `must be set to 'SingleStack' when releasing the secondary ${name}`;
    errors.push(invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, why));
  }
}
