// Names and amounts of resources: what a container may ask for, what a quota may count.
import type { ResourceRequirements } from "../generated/types.generated.ts";
import type { JsonValue } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Label, type NameCheck, qualifiedName } from "../meta/names.ts";
import {
  canonicalQuantity,
  compareQuantities,
  isQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
} from "../quantity/quantity.ts";
import { checkText, type Errors } from "./basics.ts";

/** Amounts by the name of the resource. */
export type ResourceList = Readonly<Record<string, string>>;

const compute = ["cpu", "memory", "ephemeral-storage"];
const counted = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const quotaNames: ReadonlySet<string> = new Set([
  ...compute,
  ...compute.map((name) => `requests.${name}`),
  ...compute.map((name) => `limits.${name}`),
  "requests.storage",
  ...counted,
]);
const standardNames: ReadonlySet<string> = new Set([...quotaNames, "storage"]);
const hugePages = "hugepages-";
/** What the resources of a pod as a whole may name, beside huge pages. */
const podLevelNames = ["cpu", "memory"];

export const isHugePage = (name: string): boolean => name.startsWith(hugePages);
const isQuotaHugePage = (name: string): boolean => isHugePage(name) || name.startsWith(`requests.${hugePages}`);

/** Kubernetes' own: without a domain, or in `kubernetes.io`. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** Of a device plug-in: `example.com/gpu`. */
export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

/** May requests be less than limits? */
export function mayOvercommit(name: string): boolean {
  return isNativeResource(name) && !isHugePage(name);
}

export function isQuotaResource(name: string): boolean {
  return quotaNames.has(name) || isQuotaHugePage(name);
}

/** A name that is qualified, or one of Kubernetes' own. */
export const resourceName: NameCheck = (name) => {
  const texts = qualifiedName(name);
  if (texts.length > 0) return texts;
  const known = name.includes("/") || standardNames.has(name) || isQuotaHugePage(name);
  return known ? [] : ["must be a standard resource type or fully qualified"];
};

export const containerResourceName: NameCheck = (name) => {
  const texts = resourceName(name);
  if (!name.includes("/")) {
    const fits = compute.includes(name) || isHugePage(name);
    return fits ? texts : [...texts, "must be a standard resource for containers"];
  }
  if (isNativeResource(name) || isExtendedResource(name)) return texts;
  return [...texts, "doesn't follow extended resource name standard"];
};

export const quotaResourceName: NameCheck = (name) => {
  const fits = name.includes("/") || isQuotaResource(name);
  return fits ? resourceName(name) : [...resourceName(name), "must be a standard resource for quota"];
};

/** Not negative, and whole where things are counted. */
export function checkAmount(errors: Errors, path: string, name: string, value: string): void {
  if (!isQuantity(value)) {
    errors.push(invalid(path, value, "must be a quantity"));
    return;
  }
  const quantity = parseQuantity(value);
  if (quantity.nanos < 0n) {
    errors.push(invalid(path, canonicalQuantity(value), "must be greater than or equal to 0"));
  }
  const whole = counted.includes(name) || isExtendedResource(name);
  if (whole && quantityMilliValue(quantity) % 1000n !== 0n) errors.push(invalid(path, value, "must be an integer"));
}

export function checkPositiveAmount(errors: Errors, path: string, value: string): boolean {
  if (parseQuantity(value).nanos > 0n) return true;
  errors.push(invalid(path, canonicalQuantity(value), "must be greater than zero"));
  return false;
}

/** An amount that must only not be negative, where Kubernetes says so in other words. */
export function checkBasicAmount(errors: Errors, path: string, value: string): void {
  const units = quantityValue(parseQuantity(value));
  if (units < 0n) errors.push(invalid(path, Number(units), "must be a valid resource quantity"));
}

export function checkQuotaList(errors: Errors, path: string, list: ResourceList | undefined): void {
  for (const [name, value] of Object.entries(list ?? {})) {
    checkText(errors, `${path}[${name}]`, name, quotaResourceName);
    checkAmount(errors, `${path}[${name}]`, name, value);
  }
}

export interface RequirementRules {
  /** Names of the pod's resource claims, which `claims` may refer to. */
  readonly claimNames: ReadonlySet<string>;
  /** True for the pod as a whole, which may ask for less kinds of resources. */
  readonly podLevel?: boolean;
}

/** Requests must not exceed limits; for extended resources and huge pages they must be equal. */
export function checkRequirements(
  errors: Errors,
  path: string,
  requirements: ResourceRequirements | undefined,
  rules: RequirementRules,
): void {
  const { limits = {}, requests = {} } = requirements ?? {};
  for (const [name, value] of Object.entries(limits)) checkAsked(errors, `${path}.limits[${name}]`, name, value, rules);
  for (const [name, value] of Object.entries(requests)) {
    checkAsked(errors, `${path}.requests[${name}]`, name, value, rules);
    checkAgainstLimit(errors, path, { name, value, limit: limits[name] });
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePage) && !names.some((name) => name === "cpu" || name === "memory")) {
    errors.push(forbidden(path, "HugePages require cpu or memory"));
  }
  checkClaims(errors, `${path}.claims`, requirements?.claims ?? [], rules.claimNames);
}

function checkAsked(errors: Errors, path: string, name: string, value: string, rules: RequirementRules): void {
  if (rules.podLevel === true) {
    const texts = resourceName(name);
    if (texts.length > 0) checkText(errors, path, name, () => texts);
    else if (!podLevelNames.includes(name) && !isHugePage(name)) {
      errors.push(notSupported(path, name, [...podLevelNames, hugePages]));
    }
  } else {
    checkText(errors, path, name, containerResourceName);
  }
  checkAmount(errors, path, name, value);
  if (isHugePage(name) && !isMultipleOfPage(name, value)) {
    errors.push(invalid(path, value, `${value} is not positive integer multiple of ${name}`));
  }
}

function isMultipleOfPage(name: string, value: string): boolean {
  const size = name.slice(hugePages.length);
  if (!isQuantity(size) || !isQuantity(value)) return false;
  const [page, amount] = [parseQuantity(size).nanos, parseQuantity(value).nanos];
  return page > 0n && amount % page === 0n;
}

interface Asked {
  readonly name: string;
  readonly value: string;
  readonly limit: string | undefined;
}

function checkAgainstLimit(errors: Errors, path: string, { name, value, limit }: Asked): void {
  if (limit === undefined) {
    if (mayOvercommit(name)) return;
    errors.push(required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    return;
  }
  if (!isQuantity(value) || !isQuantity(limit)) return;
  const comparison = compareQuantities(parseQuantity(value), parseQuantity(limit));
  if (comparison !== 0 && !mayOvercommit(name)) {
    errors.push(invalid(`${path}.requests`, value, `must be equal to ${name} limit of ${limit}`));
  } else if (comparison > 0) {
    errors.push(invalid(`${path}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`));
  }
}

type Claims = NonNullable<ResourceRequirements["claims"]>;

/** Each claim, or each request of a claim, may be named once. */
function checkClaims(errors: Errors, path: string, claims: Claims, known: ReadonlySet<string>): void {
  const seen = new Set<string>();
  claims.forEach(({ name = "", request = "" }: Partial<Claims[number]>, i) => {
    const field = `${path}[${i}]`;
    if (name === "") {
      errors.push(required(field));
      return;
    }
    if (request !== "") checkText(errors, `${field}.request`, request, dns1123Label);
    const key = request === "" ? name : `${name}/${request}`;
    if (seen.has(name)) errors.push(duplicate(field, name));
    else if (seen.has(key)) errors.push(duplicate(field, key));
    else if (request === "") {
      for (const other of seen) if (other.startsWith(`${name}/`)) errors.push(duplicate(field, name));
    }
    seen.add(key);
    if (!known.has(name)) errors.push(unknownClaim(field, name, known));
  });
}

function unknownClaim(field: string, badValue: JsonValue, known: ReadonlySet<string>): FieldError {
  const names = known.size === 0 ? " which is empty" : `: ${[...known].sort().join(", ")}`;
  const detail = `must be one of the names in pod.spec.resourceClaims${names}`;
  return { type: "FieldValueNotFound", field, detail, badValue };
}
