// Claims for storage, alone and in the templates of StatefulSets.
import type { PersistentVolumeClaimSpec } from "../generated/types.generated.ts";
import { invalid, notSupported, required } from "../meta/field-error.ts";
import { parseQuantity } from "../quantity/quantity.ts";
import { checkEnum, checkLabelSelector, type Errors } from "./basics.ts";

export const volumeAccessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkClaimSpec(errors: Errors, path: string, spec: Partial<PersistentVolumeClaimSpec>): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(`${path}.accessModes`, "at least 1 access mode is required"));
  for (const mode of modes) {
    if (!volumeAccessModes.includes(mode)) errors.push(notSupported(`${path}.accessModes`, mode, volumeAccessModes));
  }
  checkLabelSelector(errors, `${path}.selector`, spec.selector);
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) errors.push(required(`${path}.resources[storage]`));
  else if (parseQuantity(storage).nanos <= 0n) {
    errors.push(invalid(`${path}.resources[storage]`, storage, "must be greater than zero"));
  }
  if (spec.volumeMode !== undefined)
    checkEnum(errors, `${path}.volumeMode`, spec.volumeMode, ["Block", "Filesystem"], "unsupported");
}
