// Claims for storage: alone, in the templates of StatefulSets and in pods.
import type {
  PersistentVolumeClaimSpec,
  TypedLocalObjectReference,
  TypedObjectReference,
} from "../generated/types.generated.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { checkEnum, checkLabelSelector, checkText, type Errors } from "./basics.ts";
import { checkPositiveAmount } from "./resources.ts";

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const volumeModes = ["Block", "Filesystem"];

export function checkClaimSpec(errors: Errors, path: string, spec: Partial<PersistentVolumeClaimSpec>): void {
  if ((spec.accessModes ?? []).length === 0) {
    errors.push(required(`${path}.accessModes`, "at least 1 access mode is required"));
  }
  checkLabelSelector(errors, `${path}.selector`, spec.selector);
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes ?? []);
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) errors.push(required(`${path}.resources[storage]`));
  else checkPositiveAmount(errors, `${path}.resources[storage]`, storage);
  checkClassName(errors, `${path}.storageClassName`, spec.storageClassName);
  checkVolumeMode(errors, `${path}.volumeMode`, spec.volumeMode);
  checkDataSources(errors, path, spec);
  checkClassName(errors, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName);
}

/** A volume for one pod can't be one for many. */
export function checkAccessModes(errors: Errors, path: string, modes: readonly string[]): void {
  for (const mode of modes) if (!accessModes.includes(mode)) errors.push(notSupported(path, mode, accessModes));
  const others = modes.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  if (others && modes.includes("ReadWriteOncePod")) {
    errors.push(forbidden(path, "may not use ReadWriteOncePod with other access modes"));
  }
}

export function checkVolumeMode(errors: Errors, path: string, mode: string | undefined): void {
  if (mode !== undefined) checkEnum(errors, path, mode, volumeModes, "unsupported");
}

function checkClassName(errors: Errors, path: string, name = ""): void {
  if (name !== "") checkText(errors, path, name, dns1123Subdomain);
}

/** What the new volume is filled from. The old field and the new one must say the same. */
function checkDataSources(errors: Errors, path: string, spec: Partial<PersistentVolumeClaimSpec>): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined) checkDataSource(errors, `${path}.dataSource`, dataSource);
  if (dataSourceRef !== undefined) checkDataSource(errors, `${path}.dataSourceRef`, dataSourceRef);
  const namespace = dataSourceRef?.namespace ?? "";
  if (namespace !== "") {
    checkText(errors, `${path}.dataSourceRef.namespace`, namespace, dns1123Label);
  }
  if (dataSource === undefined || dataSourceRef === undefined) return;
  const shown = `${path}.dataSource`;
  if (namespace !== "") {
    errors.push(invalid(path, shown, "may not be specified when dataSourceRef.namespace is specified"));
  } else if (
    dataSource.apiGroup !== dataSourceRef.apiGroup ||
    dataSource.kind !== dataSourceRef.kind ||
    dataSource.name !== dataSourceRef.name
  ) {
    errors.push(invalid(path, shown, "must match dataSourceRef"));
  }
}

function checkDataSource(
  errors: Errors,
  path: string,
  source: Partial<TypedLocalObjectReference | TypedObjectReference>,
): void {
  const { name = "", kind = "", apiGroup = "" } = source;
  if (name === "") errors.push(required(`${path}.name`));
  if (kind === "") errors.push(required(`${path}.kind`));
  if (apiGroup === "" && kind !== "PersistentVolumeClaim") {
    errors.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  }
  if (apiGroup !== "") checkText(errors, `${path}.apiGroup`, apiGroup, dns1123Subdomain);
}
