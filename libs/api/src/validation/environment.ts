// Environment of containers, and the pod fields that the downward API can show.
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "../generated/types.generated.ts";
import { invalid, notSupported, required } from "../meta/field-error.ts";
import { configMapKey, dns1123Label, dns1123Subdomain, environmentName, qualifiedName } from "../meta/names.ts";
import { canonicalQuantity } from "../quantity/quantity.ts";
import { checkRequiredText, checkText, type Errors } from "./basics.ts";

const anywhere = ["metadata.name", "metadata.namespace", "metadata.uid"];
const inEnvironment = [
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** What `fieldRef` may name in a variable. */
export const environmentFieldPaths: readonly string[] = [...anywhere, ...inEnvironment];
/** What `fieldRef` may name in a file of a volume. */
export const volumeFieldPaths: readonly string[] = [...anywhere, "metadata.annotations", "metadata.labels"];
/** Every field path that has a meaning at all, apart from single labels and annotations. */
const convertible: ReadonlySet<string> = new Set([
  ...environmentFieldPaths,
  ...volumeFieldPaths,
  "status.phase",
  "spec.restartPolicy",
  "spec.schedulerName",
]);

export function checkEnvironment(errors: Errors, path: string, variables: readonly EnvVar[]): void {
  variables.forEach((variable, i) => {
    const field = `${path}[${i}]`;
    checkRequiredText(errors, `${field}.name`, variable.name, environmentName);
    if (variable.valueFrom === undefined) return;
    const from = `${field}.valueFrom`;
    const count = checkValueSource(errors, from, variable.valueFrom);
    if (count === 0) {
      const choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
      errors.push(invalid(from, "", `must specify one of: ${choices}`));
    } else if ((variable.value ?? "") !== "") {
      errors.push(invalid(from, "", "may not be specified when `value` is not empty"));
    } else if (count > 1) {
      errors.push(invalid(from, "", "may not have more than one field specified at a time"));
    }
  });
}

/** @returns how many sources there are */
function checkValueSource(errors: Errors, path: string, source: EnvVarSource): number {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef !== undefined) checkFieldRef(errors, `${path}.fieldRef`, fieldRef, environmentFieldPaths);
  if (resourceFieldRef !== undefined) {
    checkResourceFieldRef(errors, `${path}.resourceFieldRef`, resourceFieldRef, false);
  }
  for (const [kind, ref] of [
    ["configMapKeyRef", configMapKeyRef],
    ["secretKeyRef", secretKeyRef],
  ] as const) {
    if (ref === undefined) continue;
    checkText(errors, `${path}.${kind}.name`, ref.name ?? "", dns1123Subdomain);
    checkRequiredText(errors, `${path}.${kind}.key`, ref.key, configMapKey);
  }
  if (fileKeyRef !== undefined) {
    const { path: file = "", volumeName, key }: Partial<FileKeySelector> = fileKeyRef;
    checkRequiredText(errors, `${path}.fileKeyRef.volumeName`, volumeName, dns1123Label);
    if (file === "") errors.push(required(`${path}.fileKeyRef.path`));
    else if (file.startsWith("/")) errors.push(invalid(`${path}.fileKeyRef.path`, file, "must be a relative path"));
    else if (file.split("/").includes("..")) {
      errors.push(invalid(`${path}.fileKeyRef.path`, file, "must not contain '..'"));
    }
    checkRequiredText(errors, `${path}.fileKeyRef.key`, key, environmentName);
  }
  const all = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef];
  return all.filter((one) => one !== undefined).length;
}

export function checkEnvironmentSources(errors: Errors, path: string, sources: readonly EnvFromSource[]): void {
  sources.forEach((source, i) => {
    const field = `${path}[${i}]`;
    if ((source.prefix ?? "") !== "") checkText(errors, `${field}.prefix`, source.prefix ?? "", environmentName);
    const { configMapRef, secretRef } = source;
    for (const [kind, ref] of [
      ["configMapRef", configMapRef],
      ["secretRef", secretRef],
    ] as const) {
      // The reference may be completed later, so a trailing dash is a good name here.
      if (ref !== undefined) checkRequiredText(errors, `${field}.${kind}.name`, ref.name, dns1123SubdomainPrefix);
    }
    // The recorded server names the list here, not the item.
    if (configMapRef === undefined && secretRef === undefined) {
      errors.push(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      errors.push(invalid(path, "", "may not have more than one field specified at a time"));
    }
  });
}

const dns1123SubdomainPrefix = (name: string): readonly string[] =>
  dns1123Subdomain(name.length > 1 ? name.replace(/-$/, "a") : name);

/** One label or annotation: `metadata.labels['app']`. */
const subscripted = /^(.*)\['(.*)'\]$/;

export function checkFieldRef(
  errors: Errors,
  path: string,
  ref: Partial<ObjectFieldSelector>,
  supported: readonly string[],
): void {
  const { fieldPath = "", apiVersion = "v1" } = ref;
  const field = `${path}.fieldPath`;
  if (apiVersion === "") errors.push(required(`${path}.apiVersion`));
  else if (fieldPath === "") errors.push(required(field));
  else if (apiVersion !== "v1") {
    errors.push(invalid(field, fieldPath, `error converting fieldPath: unsupported pod version: ${apiVersion}`));
  } else {
    const [, map = fieldPath, key] = subscripted.exec(fieldPath) ?? [];
    if (key !== undefined && (map === "metadata.annotations" || map === "metadata.labels")) {
      checkText(errors, path, map === "metadata.labels" ? key : key.toLowerCase(), qualifiedName);
    } else if (key !== undefined) {
      const text = `error converting fieldPath: field label does not support subscript: ${fieldPath}`;
      errors.push(invalid(field, fieldPath, text));
    } else if (!convertible.has(fieldPath)) {
      const text = `error converting fieldPath: field label not supported: ${fieldPath}`;
      errors.push(invalid(field, fieldPath, text));
    } else if (!supported.includes(fieldPath)) {
      errors.push(notSupported(field, fieldPath, [...supported].sort()));
    }
  }
}

const resourcePaths = ["limits", "requests"].flatMap((list) =>
  ["cpu", "ephemeral-storage", "memory"].map((name) => `${list}.${name}`),
);
const isHugePagePath = (resource: string): boolean => /^(?:limits|requests)\.hugepages-/.test(resource);
const cpuDivisors = ["1m", "1"];
const sizeDivisors = [
  "1",
  ..."kMGTPE".split("").map((unit) => `1${unit}`),
  ..."KMGTPE".split("").map((unit) => `1${unit}i`),
];

/** As errors call what `limits.…` and `requests.…` measure. */
function divisorKind(resource: string): string {
  const name = resource.slice(resource.indexOf(".") + 1);
  if (name.startsWith("hugepages-")) return "hugepages";
  return name === "ephemeral-storage" ? "local ephemeral storage" : name;
}

/** @param inVolume a file must say whose resources it shows; a variable shows its own container's */
export function checkResourceFieldRef(
  errors: Errors,
  path: string,
  ref: Partial<ResourceFieldSelector>,
  inVolume: boolean,
): void {
  const { containerName = "", resource = "", divisor = "0" } = ref;
  if (inVolume && containerName === "") errors.push(required(`${path}.containerName`));
  else if (resource === "") errors.push(required(`${path}.resource`));
  else if (!resourcePaths.includes(resource) && !isHugePagePath(resource)) {
    errors.push(notSupported(`${path}.resource`, resource, resourcePaths));
  }
  const text = canonicalQuantity(divisor);
  if (text === "0" || (!resourcePaths.includes(resource) && !isHugePagePath(resource))) return;
  const forCpu = resource.endsWith(".cpu");
  if ((forCpu ? cpuDivisors : sizeDivisors).includes(text)) return;
  const listed = forCpu ? cpuDivisors.join(" and ") : sizeDivisors.join(", ");
  const detail = `only divisor's values ${listed} are supported with the ${divisorKind(resource)} resource`;
  errors.push(invalid(`${path}.divisor`, resource, detail));
}
