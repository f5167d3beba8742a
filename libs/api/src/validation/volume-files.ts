// Files in volumes: the paths they may have, keys of ConfigMaps and Secrets, the downward API, projections.
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  VolumeProjection,
} from "../generated/types.generated.ts";
import { forbidden, invalid, required } from "../meta/field-error.ts";
import type { Errors } from "./basics.ts";
import { checkFieldRef, checkResourceFieldRef, volumeFieldPaths } from "./environment.ts";

const fileModeMax = 0o777;
const fileModeText = "must be a number between 0 and 0777 (octal), both inclusive";
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

/** No part of the path goes upwards. */
export function checkNoBacksteps(errors: Errors, path: string, value: string): void {
  if (value.split("/").includes("..")) errors.push(invalid(path, value, "must not contain '..'"));
}

/** A path below some folder: neither absolute nor upwards. */
export function checkDescendingPath(errors: Errors, path: string, value: string): void {
  if (value.startsWith("/")) errors.push(invalid(path, value, "must be a relative path"));
  checkNoBacksteps(errors, path, value);
}

/** Names that begin with `..` are the kubelet's, which swaps whole volumes by them. */
export function checkLocalPath(errors: Errors, path: string, value: string): void {
  checkDescendingPath(errors, path, value);
  if (value.startsWith("..") && !value.startsWith("../")) {
    errors.push(invalid(path, value, "must not start with '..'"));
  }
}

export function checkMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > fileModeMax)) errors.push(invalid(path, mode, fileModeText));
}

/** The files that a ConfigMap's or Secret's keys become. */
export function checkKeys(errors: Errors, path: string, items: readonly KeyToPath[] | undefined): void {
  (items ?? []).forEach(({ key = "", path: file = "", mode }: Partial<KeyToPath>, i) => {
    const field = `${path}.items[${i}]`;
    if (key === "") errors.push(required(`${field}.key`));
    if (file === "") errors.push(required(`${field}.path`));
    checkLocalPath(errors, `${field}.path`, file);
    checkMode(errors, `${field}.mode`, mode);
  });
}

/** Kubernetes names the volume in these paths, not the item. */
export function checkDownwardFiles(
  errors: Errors,
  path: string,
  items: readonly DownwardAPIVolumeFile[] | undefined,
): void {
  for (const {
    path: file = "",
    fieldRef,
    resourceFieldRef,
    mode,
  } of (items as readonly Partial<DownwardAPIVolumeFile>[]) ?? []) {
    if (file === "") errors.push(required(`${path}.path`));
    checkLocalPath(errors, `${path}.path`, file);
    if (fieldRef !== undefined) {
      checkFieldRef(errors, `${path}.fieldRef`, fieldRef, volumeFieldPaths);
      if (resourceFieldRef !== undefined) {
        errors.push(invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
      }
    } else if (resourceFieldRef !== undefined) {
      checkResourceFieldRef(errors, `${path}.resourceFieldRef`, resourceFieldRef, true);
    } else {
      errors.push(required(path, "one of fieldRef and resourceFieldRef is required"));
    }
    checkMode(errors, `${path}.mode`, mode);
  }
}

/** Several sources in one folder: each of one kind, no file twice. */
export function checkProjected(errors: Errors, path: string, projected: ProjectedVolumeSource): void {
  checkMode(errors, `${path}.defaultMode`, projected.defaultMode);
  const files = new Set<string>();
  const claim = (file: string, whose: string): void => {
    if (file === "") return;
    if (files.has(file)) errors.push(invalid(path, whose, "conflicting duplicate paths"));
    files.add(file);
  };
  (projected.sources ?? []).forEach((source, i) => {
    const field = `${path}.sources[${i}]`;
    checkProjection(errors, { path, field }, source, claim);
    const present = Object.values(source).filter((value) => value !== undefined);
    if (present.length > 1) errors.push(forbidden(field, "may not specify more than 1 volume type per source"));
  });
}

function checkProjection(
  errors: Errors,
  at: { readonly path: string; readonly field: string },
  { secret, configMap, downwardAPI, serviceAccountToken }: VolumeProjection,
  claim: (file: string, whose: string) => void,
): void {
  for (const [kind, source] of [
    ["secret", secret],
    ["configMap", configMap],
  ] as const) {
    if (source === undefined) continue;
    const field = `${at.field}.${kind}`;
    const name = source.name ?? "";
    if (name === "") errors.push(required(`${field}.name`));
    checkKeys(errors, field, source.items);
    for (const item of source.items ?? []) claim(item.path ?? "", name);
  }
  if (downwardAPI !== undefined) {
    checkDownwardFiles(errors, `${at.field}.downwardAPI`, downwardAPI.items);
    for (const item of downwardAPI.items ?? []) claim(item.path ?? "", item.path ?? "");
  }
  if (serviceAccountToken !== undefined) {
    const { expirationSeconds: seconds = 0, path: file = "" } = serviceAccountToken;
    const field = `${at.field}.serviceAccountToken.expirationSeconds`;
    if (seconds < tokenSecondsMin) {
      errors.push(invalid(field, seconds, "may not specify a duration less than 10 minutes"));
    }
    if (seconds > tokenSecondsMax) {
      errors.push(invalid(field, seconds, "may not specify a duration larger than 2^32 seconds"));
    }
    // The path of the token, too, is reported without the source it stands in.
    if (file === "") errors.push(required(`${at.path}.path`));
    else checkLocalPath(errors, `${at.path}.path`, file);
  }
}
