// The spec of a persistent volume: one source, a capacity, where it can be reached from.
import type { PersistentVolumeSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { objectAt, ownField, textAt, typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { checkEnum, checkRequiredText, checkText, type Errors } from "./basics.ts";
import { checkIscsi, sessionNameText, sessionNameTooLong } from "./iscsi.ts";
import { checkBasicAmount, checkPositiveAmount } from "./resources.ts";
import { checkNodeSelector } from "./scheduling.ts";
import { checkAccessModes, checkVolumeMode } from "./storage.ts";
import { checkNoBacksteps } from "./volume-files.ts";
import {
  checkDriverName,
  checkStorageOs,
  refusedSourcePaths,
  requireTexts,
  sharedSources,
  type SourceCheck,
  sourcePaths,
} from "./volume-sources.ts";

const reclaimPolicies = ["Delete", "Recycle", "Retain"];

/** In this order: the first one that is there is judged, the others are too many. */
const sourceOrder = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
];

/** The fields of a spec that say what the volume is; they never change. */
export const persistentVolumeSources: readonly string[] = sourceOrder;

export function checkPersistentVolumeSpec(errors: Errors, path: string, object: JsonObject, name: string): void {
  const spec = typed<PersistentVolumeSpec>(object);
  if ((spec.accessModes ?? []).length === 0) errors.push(required(`${path}.accessModes`));
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes ?? []);
  checkCapacity(errors, `${path}.capacity`, fieldOrEmptied(object, "capacity") as PersistentVolumeSpec["capacity"]);
  const policy = spec.persistentVolumeReclaimPolicy ?? "";
  checkEnum(errors, `${path}.persistentVolumeReclaimPolicy`, policy, reclaimPolicies, "allowed");
  if (spec.nodeAffinity !== undefined) {
    const field = `${path}.nodeAffinity.required`;
    const { required: selector } = spec.nodeAffinity;
    if (selector === undefined) errors.push(required(field, "must specify required node constraints"));
    else checkNodeSelector(errors, field, selector.nodeSelectorTerms);
  }
  checkSource(errors, path, object, name);
  const root = /^\/(?:\.?\/)*\.?$/.test(spec.hostPath?.path ?? "");
  if (root && policy === "Recycle") {
    const text = "may not be 'recycle' for a hostPath mount of '/'";
    errors.push(forbidden(`${path}.persistentVolumeReclaimPolicy`, text));
  }
  const className = spec.storageClassName ?? "";
  if (className !== "") checkText(errors, `${path}.storageClassName`, className, dns1123Subdomain);
  checkVolumeMode(errors, `${path}.volumeMode`, spec.volumeMode);
  checkAttributesClass(errors, path, spec);
}

/** A volume that an attachment brings along: only what a driver needs to reach it. @param object its spec */
export function checkInlineVolumeSpec(errors: Errors, path: string, object: JsonObject): void {
  const spec = typed<PersistentVolumeSpec>(object);
  const inline = "in the context of inline volumes";
  const refuse = (field: string): number =>
    errors.push(forbidden(`${path}.${field}`, `may not be specified ${inline}`));
  if (spec.claimRef !== undefined) refuse("claimRef");
  if (Object.keys(spec.capacity ?? {}).length > 0) refuse("capacity");
  if (spec.csi === undefined) errors.push(required(`${path}.csi`, `has to be specified ${inline}`));
  if ((spec.accessModes ?? []).length === 0) errors.push(required(`${path}.accessModes`));
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes ?? []);
  if ((spec.persistentVolumeReclaimPolicy ?? "Retain") !== "Retain") {
    errors.push(forbidden(`${path}.persistentVolumeReclaimPolicy`, `may only be Retain ${inline}`));
  }
  if (spec.nodeAffinity !== undefined) refuse("nodeAffinity");
  checkSource(errors, path, object, "");
  if ((spec.storageClassName ?? "") !== "") refuse("storageClassName");
  if ((spec.volumeMode ?? "Filesystem") !== "Filesystem") {
    errors.push(forbidden(`${path}.volumeMode`, `may not specify volumeMode other than Filesystem ${inline}`));
  }
  checkAttributesClass(errors, path, spec);
}

function checkCapacity(errors: Errors, path: string, capacity: PersistentVolumeSpec["capacity"]): void {
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) errors.push(required(path));
  if (names.length !== 1 || names[0] !== "storage") {
    errors.push({ ...notSupported(path, null, ["storage"]), badValue: capacity });
  }
  for (const [name, value] of Object.entries(capacity ?? {})) {
    checkBasicAmount(errors, `${path}[${name}]`, value);
    checkPositiveAmount(errors, `${path}[${name}]`, value);
  }
}

function checkAttributesClass(errors: Errors, path: string, spec: PersistentVolumeSpec): void {
  const name = spec.volumeAttributesClassName;
  if (name === undefined) return;
  const field = `${path}.volumeAttributesClassName`;
  if (name === "") errors.push(required(field, "an empty string is disallowed"));
  else checkText(errors, field, name, dns1123Subdomain);
  if (spec.csi === undefined) {
    errors.push(required(`${path}.csi`, "has to be specified when using volumeAttributesClassName"));
  }
}

function checkSource(errors: Errors, path: string, spec: JsonObject, name: string): void {
  const present = sourceOrder.filter((field) => objectAt(spec, field) !== undefined);
  if (present.length === 0) errors.push(required(path, "must specify a volume type"));
  present.forEach((field, i) => {
    const source = objectAt(spec, field) ?? {};
    // Whatever stands before it, a flexVolume is looked at.
    if (i > 0 && field !== "flexVolume") {
      errors.push(
        forbidden(`${path}.${refusedSourcePaths[field] ?? field}`, "may not specify more than 1 volume type"),
      );
      return;
    }
    const at = `${path}.${sourcePaths[field] ?? field}`;
    sharedSources[field]?.(errors, at, source);
    if (field === "iscsi") {
      requireTexts(errors, at, source, ["targetPortal"]);
      if (sessionNameTooLong(name, source)) {
        errors.push(invalid(`${at}.targetportal`, textAt(source, "targetPortal"), sessionNameText));
      }
    }
    ownSources[field]?.(errors, at, source);
    if (field === "local" && objectAt(spec, "nodeAffinity") === undefined) {
      errors.push(required(`${path}.nodeAffinity`, "Local volume requires node affinity"));
    }
  });
}

/** Secrets of persistent volumes are in any namespace, so they say in which. */
const secretRef =
  (...fields: readonly string[]): SourceCheck =>
  (errors, path, source) => {
    const ref = objectAt(source, "secretRef");
    if (ref !== undefined) requireTexts(errors, `${path}.secretRef`, ref, fields);
  };

const ownSources: Readonly<Record<string, SourceCheck>> = {
  iscsi: (errors, path, source) => {
    checkIscsi(errors, path, source, "must be valid format");
    secretRef("name")(errors, path, source);
  },
  cinder: secretRef("name", "namespace"),
  storageos: (errors, path, source) => {
    checkStorageOs(errors, path, source);
    secretRef("name", "namespace")(errors, path, source);
  },
  azureFile: (errors, path, source) => {
    if (ownField(source, "secretNamespace") === "") errors.push(required(`${path}.secretNamespace`));
  },
  local: (errors, path, source) => {
    const folder = textAt(source, "path");
    if (folder === "") errors.push(required(`${path}.path`));
    else checkNoBacksteps(errors, `${path}.path`, folder);
  },
  csi: (errors, path, source) => {
    checkDriverName(errors, `${path}.driver`, textAt(source, "driver"));
    requireTexts(errors, path, source, ["volumeHandle"]);
    for (const use of ["controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"]) {
      const ref = objectAt(source, `${use}SecretRef`);
      if (ref === undefined) continue;
      const field = `${path}.${use}SecretRef`;
      checkRequiredText(errors, `${field}.name`, textAt(ref, "name"), dns1123Subdomain);
      checkRequiredText(errors, `${field}.namespace`, textAt(ref, "namespace"), dns1123Label);
    }
  },
};
