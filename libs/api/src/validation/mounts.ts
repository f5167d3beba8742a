// Volumes in a container: as folders (`volumeMounts`) and as block devices (`volumeDevices`).
import type { Container, VolumeDevice, VolumeMount } from "../generated/types.generated.ts";
import { forbidden, invalid, notFoundField, notSupported, required } from "../meta/field-error.ts";
import type { Errors } from "./basics.ts";
import { checkDescendingPath, checkNoBacksteps } from "./volume-files.ts";
import type { KnownVolume } from "./volumes.ts";

const propagations = ["Bidirectional", "HostToContainer", "None"];
const recursions = ["Disabled", "Enabled", "IfPossible"];

export type KnownVolumes = ReadonlyMap<string, KnownVolume>;

export function checkMounts(errors: Errors, path: string, container: Container, volumes: KnownVolumes): void {
  const devices = container.volumeDevices ?? [];
  const folders = new Set<string>();
  (container.volumeMounts ?? []).forEach((mount, i) => {
    const field = `${path}[${i}]`;
    const { name = "", mountPath = "" } = mount as Partial<VolumeMount>;
    if (name === "") errors.push(required(`${field}.name`));
    const volume = volumes.get(name);
    if (volume === undefined) errors.push(notFoundField(`${field}.name`, name));
    if (mountPath === "") errors.push(required(`${field}.mountPath`));
    if (folders.has(mountPath)) errors.push(invalid(`${field}.mountPath`, mountPath, "must be unique"));
    folders.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(invalid(`${field}.name`, name, "must not already exist in volumeDevices"));
    }
    if (devices.some(({ devicePath }) => devicePath === mountPath)) {
      errors.push(invalid(`${field}.mountPath`, mountPath, "must not already exist as a path in volumeDevices"));
    }
    checkSubPaths(errors, { list: path, field }, mount);
    checkModes(errors, path, mount, container.securityContext?.privileged === true);
  });
}

/** Kubernetes names the list, not the item, where it judges the path itself. */
function checkSubPaths(
  errors: Errors,
  at: { readonly list: string; readonly field: string },
  mount: VolumeMount,
): void {
  const { subPath = "", subPathExpr = "" } = mount;
  for (const [name, value] of [
    ["subPath", subPath],
    ["subPathExpr", subPathExpr],
  ] as const) {
    if (value === "") continue;
    if (name === "subPathExpr" && subPath !== "") {
      errors.push(invalid(`${at.field}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive"));
    }
    checkDescendingPath(errors, `${at.list}.${name}`, value);
  }
}

function checkModes(errors: Errors, list: string, mount: VolumeMount, privileged: boolean): void {
  const { mountPropagation: propagation, recursiveReadOnly: recursive } = mount;
  if (propagation !== undefined) {
    const field = `${list}.mountPropagation`;
    if (!propagations.includes(propagation)) errors.push(notSupported(field, propagation, propagations));
    if (propagation === "Bidirectional" && !privileged) {
      const text = "Bidirectional mount propagation is available only to privileged containers";
      errors.push(forbidden(field, text));
    }
  }
  const field = `${list}.recursiveReadOnly`;
  if (recursive === "Enabled" || recursive === "IfPossible") {
    if (mount.readOnly !== true) errors.push(forbidden(field, "may only be specified when readOnly is true"));
    if (propagation !== undefined && propagation !== "None") {
      errors.push(forbidden(field, "may only be specified when mountPropagation is None or not specified"));
    }
  } else if (recursive !== undefined && recursive !== "Disabled") {
    errors.push(notSupported(field, recursive, recursions));
  }
}

/** Only claims can be block devices. */
export function checkDevices(errors: Errors, path: string, container: Container, volumes: KnownVolumes): void {
  const mounts = container.volumeMounts ?? [];
  const [names, paths] = [new Set<string>(), new Set<string>()];
  (container.volumeDevices ?? []).forEach((device, i) => {
    const { name = "", devicePath = "" } = device as Partial<VolumeDevice>;
    const [nameField, pathField] = [`${path}[${i}].name`, `${path}[${i}].devicePath`];
    const volume = volumes.get(name);
    if (name === "") errors.push(required(nameField));
    if (names.has(name)) errors.push(invalid(nameField, name, "must be unique"));
    if (volume === undefined) errors.push(notFoundField(nameField, name));
    else if (!volume.isClaim) {
      const text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.push(invalid(nameField, name, text));
    }
    if (devicePath === "") errors.push(required(pathField));
    if (paths.has(devicePath)) errors.push(invalid(pathField, devicePath, "must be unique"));
    const before = errors.length;
    checkNoBacksteps(errors, pathField, devicePath);
    if (errors.length === before) paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name)) {
      errors.push(invalid(nameField, name, "must not already exist in volumeMounts"));
    }
    if (mounts.some(({ mountPath }) => mountPath === devicePath)) {
      errors.push(invalid(pathField, devicePath, "must not already exist as a path in volumeMounts"));
    }
    if (name !== "") names.add(name);
  });
}
