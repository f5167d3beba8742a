// Volumes of a pod. A volume that is wrong does not count as there: what mounts it is reported too.
import type { KeyToPath, Volume, VolumeProjection } from "../generated/types.generated.ts";
import { duplicate, forbidden, invalid, required } from "../meta/field-error.ts";
import { dns1123Label } from "../meta/names.ts";
import { checkEnum, checkRequiredText, checkText, type Errors } from "./basics.ts";
import { checkFieldRef, volumeFieldPaths } from "./environment.ts";

const fileModeMax = 0o777;
const fileModeText = "must be a number between 0 and 0777 (octal), both inclusive";
const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

/** @returns the names of the volumes that are right, which containers may mount */
export function checkVolumes(errors: Errors, path: string, volumes: readonly Volume[]): ReadonlySet<string> {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const field = `${path}[${i}]`;
    const found: Errors = [];
    checkVolumeSource(found, field, volume);
    checkRequiredText(found, `${field}.name`, volume.name, dns1123Label);
    if (names.has(volume.name)) found.push(duplicate(`${field}.name`, volume.name));
    if (found.length === 0) names.add(volume.name);
    errors.push(...found);
  });
  return names;
}

function checkVolumeSource(errors: Errors, path: string, volume: Volume): void {
  const sources = Object.keys(volume).filter((key) => key !== "name");
  if (sources.length === 0) errors.push(required(path, "must specify a volume type"));
  for (const extra of sources.slice(1))
    errors.push(forbidden(`${path}.${extra}`, "may not specify more than 1 volume type"));
  const { configMap, secret, hostPath, persistentVolumeClaim, downwardAPI, projected, emptyDir, nfs } = volume;
  if (configMap !== undefined) {
    checkRequiredText(errors, `${path}.configMap.name`, configMap.name);
    checkKeys(errors, `${path}.configMap`, configMap);
  }
  if (secret !== undefined) {
    checkRequiredText(errors, `${path}.secret.secretName`, secret.secretName);
    checkKeys(errors, `${path}.secret`, secret);
  }
  if (hostPath !== undefined) {
    checkRequiredText(errors, `${path}.hostPath.path`, hostPath.path);
    if (hostPath.path?.split("/").includes("..") === true) {
      errors.push(invalid(`${path}.hostPath.path`, hostPath.path, "must not contain '..'"));
    }
    if (hostPath.type !== undefined)
      checkEnum(errors, `${path}.hostPath.type`, hostPath.type, hostPathTypes, "unsupported");
  }
  if (persistentVolumeClaim !== undefined) {
    checkRequiredText(errors, `${path}.persistentVolumeClaim.claimName`, persistentVolumeClaim.claimName);
  }
  if (nfs !== undefined) {
    checkRequiredText(errors, `${path}.nfs.server`, nfs.server);
    checkRequiredText(errors, `${path}.nfs.path`, nfs.path);
  }
  if (downwardAPI !== undefined) checkDownward(errors, `${path}.downwardAPI`, downwardAPI);
  if (projected !== undefined) {
    checkMode(errors, `${path}.projected.defaultMode`, projected.defaultMode);
    (projected.sources ?? []).forEach((source, i) =>
      checkProjection(errors, `${path}.projected.sources[${i}]`, source),
    );
  }
  if (emptyDir?.sizeLimit?.startsWith("-") === true) {
    errors.push(forbidden(`${path}.emptyDir.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
  }
}

function checkProjection(errors: Errors, path: string, source: VolumeProjection): void {
  const kinds = Object.keys(source);
  if (kinds.length > 1) errors.push(forbidden(path, "may not specify more than 1 volume type"));
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) {
    checkRequiredText(errors, `${path}.configMap.name`, configMap.name);
    checkKeys(errors, `${path}.configMap`, configMap);
  }
  if (secret !== undefined) {
    checkRequiredText(errors, `${path}.secret.name`, secret.name);
    checkKeys(errors, `${path}.secret`, secret);
  }
  if (downwardAPI !== undefined) checkDownward(errors, `${path}.downwardAPI`, downwardAPI);
  if (serviceAccountToken !== undefined) {
    const seconds = serviceAccountToken.expirationSeconds;
    if (seconds !== undefined && seconds < 600) {
      const field = `${path}.serviceAccountToken.expirationSeconds`;
      errors.push(invalid(field, seconds, "may not specify a duration less than 10 minutes"));
    }
    checkRequiredText(errors, `${path}.serviceAccountToken.path`, serviceAccountToken.path);
  }
}

interface Keyed {
  readonly defaultMode?: number;
  readonly items?: readonly KeyToPath[];
}

function checkKeys(errors: Errors, path: string, source: Keyed): void {
  checkMode(errors, `${path}.defaultMode`, source.defaultMode);
  (source.items ?? []).forEach((item, i) => {
    const field = `${path}.items[${i}]`;
    checkRequiredText(errors, `${field}.key`, item.key);
    checkRelativePath(errors, `${field}.path`, item.path);
    checkMode(errors, `${field}.mode`, item.mode);
  });
}

type Downward = NonNullable<Volume["downwardAPI"]> | NonNullable<VolumeProjection["downwardAPI"]>;

function checkDownward(errors: Errors, path: string, source: Downward): void {
  checkMode(errors, `${path}.defaultMode`, "defaultMode" in source ? source.defaultMode : undefined);
  (source.items ?? []).forEach((item, i) => {
    const field = `${path}.items[${i}]`;
    checkRelativePath(errors, `${field}.path`, item.path);
    if (item.fieldRef !== undefined) {
      checkFieldRef(errors, `${field}.fieldRef`, item.fieldRef, volumeFieldPaths);
      if (item.resourceFieldRef !== undefined) {
        errors.push(invalid(field, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
      }
    } else if (item.resourceFieldRef === undefined) {
      errors.push(required(field, "one of fieldRef and resourceFieldRef is required"));
    }
    checkMode(errors, `${field}.mode`, item.mode);
  });
}

function checkMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > fileModeMax)) errors.push(invalid(path, mode, fileModeText));
}

/** A path below the volume: never absolute, never upwards. */
export function checkRelativePath(errors: Errors, path: string, value: string | undefined): void {
  if (value === undefined || value === "") {
    errors.push(required(path));
    return;
  }
  checkText(errors, path, value, (text) => {
    if (text.startsWith("/")) return ["must be a relative path"];
    if (text.split("/").includes("..")) return ["must not contain '..'"];
    return [];
  });
}
