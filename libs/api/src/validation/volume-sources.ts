// Sources of volumes that pods and persistent volumes share: disks of clouds, network file systems, folders of the node.
// A source is read as plain JSON; most of its rules are "this text must be there".
import type { JsonObject } from "../json.ts";
import { invalid, notSupported, required, tooLong } from "../meta/field-error.ts";
import { listAt, numberAt, objectAt, ownField, textAt } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { checkText, type Errors } from "./basics.ts";
import { checkNoBacksteps } from "./volume-files.ts";

export type SourceCheck = (errors: Errors, path: string, source: JsonObject) => void;

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
const lunMax = 255;
const driverNameLengthMax = 63;
const tenantLengthMax = 64;

/** The texts that a source can't do without. */
export function requireTexts(errors: Errors, path: string, source: JsonObject, fields: readonly string[]): void {
  for (const field of fields) if (textAt(source, field) === "") errors.push(required(`${path}.${field}`));
}

const texts =
  (...fields: readonly string[]): SourceCheck =>
  (errors, path, source) =>
    requireTexts(errors, path, source, fields);

/** A partition's number beside the disk's name. */
const disk =
  (field: string): SourceCheck =>
  (errors, path, source) => {
    requireTexts(errors, path, source, [field]);
    const partition = numberAt(source, "partition") ?? 0;
    if (partition < 0 || partition > 255) {
      errors.push(invalid(`${path}.partition`, partition, "must be between 1 and 255, inclusive"));
    }
  };

export const checkHostPath: SourceCheck = (errors, path, source) => {
  const folder = textAt(source, "path");
  if (folder === "") {
    errors.push(required(`${path}.path`));
    return;
  }
  checkNoBacksteps(errors, `${path}.path`, folder);
  const type = textAt(source, "type");
  if (!hostPathTypes.includes(type)) errors.push(notSupported(`${path}.type`, type, hostPathTypes));
};

const checkNfs: SourceCheck = (errors, path, source) => {
  requireTexts(errors, path, source, ["server", "path"]);
  const folder = textAt(source, "path");
  if (!folder.startsWith("/")) errors.push(invalid(`${path}.path`, folder, "must be an absolute path"));
};

const checkGlusterfs: SourceCheck = (errors, path, source) => {
  requireTexts(errors, path, source, ["endpoints", "path"]);
  const namespace = ownField(source, "endpointsNamespace");
  if (typeof namespace !== "string") return;
  const field = `${path}.endpointsNamespace`;
  const text = "if the endpointnamespace is set, it must be a valid namespace name";
  if (namespace === "") errors.push(invalid(field, namespace, text));
  else checkText(errors, field, namespace, dns1123Label);
};

const checkFlocker: SourceCheck = (errors, path, source) => {
  const [name, uuid] = [textAt(source, "datasetName"), textAt(source, "datasetUUID")];
  if (name === "" && uuid === "") errors.push(required(path, "one of datasetName and datasetUUID is required"));
  if (name !== "" && uuid !== "") {
    errors.push(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
  }
  if (name.includes("/")) errors.push(invalid(`${path}.datasetName`, name, "must not contain '/'"));
};

const checkRbd: SourceCheck = (errors, path, source) => {
  checkMonitors(errors, path, source);
  requireTexts(errors, path, source, ["image"]);
};

const checkMonitors: SourceCheck = (errors, path, source) => {
  if (listAt(source, "monitors").length === 0) errors.push(required(`${path}.monitors`));
};

const checkQuobyte: SourceCheck = (errors, path, source) => {
  const [registry, tenant] = [textAt(source, "registry"), textAt(source, "tenant")];
  const text = "must be a host:port pair or multiple pairs separated by commas";
  if (registry === "") errors.push(required(`${path}.registry`, text));
  else if (tenant.length > tenantLengthMax) {
    const why = "must be a UUID and may not exceed a length of 64 characters";
    errors.push(required(`${path}.tenant`, why));
  } else {
    for (const pair of registry.split(",")) {
      if (!/^(?:\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(pair)) errors.push(invalid(`${path}.registry`, registry, text));
    }
  }
  requireTexts(errors, path, source, ["volume"]);
};

const checkFibreChannel: SourceCheck = (errors, path, source) => {
  const [targets, ids] = [listAt(source, "targetWWNs"), listAt(source, "wwids")];
  if (targets.length === 0 && ids.length === 0) {
    errors.push(required(`${path}.targetWWNs`, "must specify either targetWWNs or wwids, but not both"));
  }
  if (targets.length > 0 && ids.length > 0) {
    const text = "targetWWNs and wwids can not be specified simultaneously";
    errors.push(invalid(`${path}.targetWWNs`, targets, text));
  }
  if (targets.length === 0) return;
  const lun = numberAt(source, "lun");
  if (lun === undefined) errors.push(required(`${path}.lun`, "lun is required if targetWWNs is specified"));
  else checkLun(errors, `${path}.lun`, lun);
};

export function checkLun(errors: Errors, path: string, lun: number): void {
  if (lun < 0 || lun > lunMax) errors.push(invalid(path, lun, `must be between 0 and ${lunMax}, inclusive`));
}

const checkFlexVolume: SourceCheck = (errors, path, source) => {
  requireTexts(errors, path, source, ["driver"]);
  for (const key of Object.keys(objectAt(source, "options") ?? {})) {
    const [domain = ""] = key.split("/");
    if (/\.(?:kubernetes|k8s)\.io$/.test(`.${domain.toLowerCase()}`)) {
      const text = "kubernetes.io and k8s.io namespaces are reserved";
      errors.push(invalid(`${path}.options[${key}]`, key, text));
    }
  }
};

const checkAzureDisk: SourceCheck = (errors, path, source) => {
  requireTexts(errors, path, source, ["diskName", "diskURI"]);
  const uri = textAt(source, "diskURI");
  const kind = ownField(source, "kind");
  for (const [field, choices] of [
    ["cachingMode", ["None", "ReadOnly", "ReadWrite"]],
    ["kind", ["Dedicated", "Managed", "Shared"]],
  ] as const) {
    const value = ownField(source, field);
    if (typeof value === "string" && !(choices as readonly string[]).includes(value)) {
      errors.push(notSupported(`${path}.${field}`, value, choices));
    }
  }
  if (kind === "Managed" && !uri.startsWith("/subscriptions/")) {
    const form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    errors.push(notSupported(`${path}.diskURI`, uri, [form]));
  } else if (typeof kind === "string" && kind !== "Managed" && !uri.startsWith("https://")) {
    const form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    errors.push(notSupported(`${path}.diskURI`, uri, [form]));
  }
};

export const checkStorageOs: SourceCheck = (errors, path, source) => {
  const [name, namespace] = [textAt(source, "volumeName"), textAt(source, "volumeNamespace")];
  if (name === "") errors.push(required(`${path}.volumeName`));
  else checkText(errors, `${path}.volumeName`, name, dns1123Label);
  if (namespace !== "") checkText(errors, `${path}.volumeNamespace`, namespace, dns1123Label);
};

/** Drivers' names are compared without case, so any case will do. */
export function checkDriverName(errors: Errors, path: string, driver: string): void {
  if (driver === "") {
    errors.push(required(path));
    return;
  }
  if (driver.length > driverNameLengthMax) errors.push(tooLong(path, driverNameLengthMax));
  for (const text of dns1123Subdomain(driver.toLowerCase())) errors.push(invalid(path, driver, text));
}

/** By the field of the volume. What pods and persistent volumes say differently stands with them. */
export const sharedSources: Readonly<Record<string, SourceCheck>> = {
  hostPath: checkHostPath,
  gcePersistentDisk: disk("pdName"),
  awsElasticBlockStore: disk("volumeID"),
  nfs: checkNfs,
  glusterfs: checkGlusterfs,
  flocker: checkFlocker,
  rbd: checkRbd,
  quobyte: checkQuobyte,
  cephfs: checkMonitors,
  cinder: texts("volumeID"),
  fc: checkFibreChannel,
  flexVolume: checkFlexVolume,
  azureFile: texts("secretName", "shareName"),
  vsphereVolume: texts("volumePath"),
  photonPersistentDisk: texts("pdID"),
  portworxVolume: texts("volumeID"),
  azureDisk: checkAzureDisk,
  scaleIO: texts("gateway", "system", "volumeName"),
};

/** Where Kubernetes' path is not the field's name. */
export const sourcePaths: Readonly<Record<string, string>> = { gcePersistentDisk: "persistentDisk" };

/** The same where a second source is refused. */
export const refusedSourcePaths: Readonly<Record<string, string>> = { cephfs: "cephFS", downwardAPI: "downwarAPI" };
