// Environment of containers, and the pod fields that the downward API can show.
import type { EnvFromSource, EnvVar, ObjectFieldSelector } from "../generated/types.generated.ts";
import { invalid, notSupported, required } from "../meta/field-error.ts";
import { configMapKey, environmentName } from "../meta/names.ts";
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
    const source = variable.valueFrom;
    if (source === undefined) return;
    const from = `${field}.valueFrom`;
    const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
    if (fieldRef !== undefined) checkFieldRef(errors, `${from}.fieldRef`, fieldRef, environmentFieldPaths);
    if (resourceFieldRef !== undefined) {
      checkRequiredText(errors, `${from}.resourceFieldRef.resource`, resourceFieldRef.resource);
    }
    if (configMapKeyRef !== undefined) {
      checkRequiredText(errors, `${from}.configMapKeyRef.name`, configMapKeyRef.name);
      checkRequiredText(errors, `${from}.configMapKeyRef.key`, configMapKeyRef.key, configMapKey);
    }
    if (secretKeyRef !== undefined) {
      checkRequiredText(errors, `${from}.secretKeyRef.name`, secretKeyRef.name);
      checkRequiredText(errors, `${from}.secretKeyRef.key`, secretKeyRef.key, configMapKey);
    }
    const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(
      (one) => one !== undefined,
    );
    if (count.length === 0) {
      const choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
      errors.push(invalid(from, "", `must specify one of: ${choices}`));
    } else if ((variable.value ?? "") !== "") {
      errors.push(invalid(from, "", "may not be specified when `value` is not empty"));
    } else if (count.length > 1) {
      errors.push(invalid(from, "", "may not have more than one field specified at a time"));
    }
  });
}

export function checkEnvironmentSources(errors: Errors, path: string, sources: readonly EnvFromSource[]): void {
  sources.forEach((source, i) => {
    const field = `${path}[${i}]`;
    if ((source.prefix ?? "") !== "") checkText(errors, `${field}.prefix`, source.prefix ?? "", environmentName);
    const { configMapRef, secretRef } = source;
    if (configMapRef !== undefined) checkRequiredText(errors, `${field}.configMapRef.name`, configMapRef.name);
    if (secretRef !== undefined) checkRequiredText(errors, `${field}.secretRef.name`, secretRef.name);
    // The recorded server names the list here, not the item.
    if (configMapRef === undefined && secretRef === undefined) {
      errors.push(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      errors.push(invalid(path, "", "may not have more than one field specified at a time"));
    }
  });
}

export function checkFieldRef(
  errors: Errors,
  path: string,
  ref: ObjectFieldSelector,
  supported: readonly string[],
): void {
  const fieldPath = ref.fieldPath ?? "";
  const version = ref.apiVersion ?? "v1";
  if (version === "") errors.push(required(`${path}.apiVersion`));
  else if (fieldPath === "") errors.push(required(`${path}.fieldPath`));
  else if (/^metadata\.(?:annotations|labels)\['.+'\]$/.test(fieldPath)) return;
  else if (!convertible.has(fieldPath)) {
    const text = `error converting fieldPath: field label not supported: ${fieldPath}`;
    errors.push(invalid(`${path}.fieldPath`, fieldPath, text));
  } else if (!supported.includes(fieldPath)) {
    errors.push(notSupported(`${path}.fieldPath`, fieldPath, [...supported].sort()));
  }
}
