// Volumes of a pod. A volume that is wrong does not count as there: what mounts it is reported too.
import type { PersistentVolumeClaimTemplate, Volume } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, forbidden, invalid, required } from "../meta/field-error.ts";
import { objectAt, textAt, typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { validateAnnotations, validateLabels } from "../meta/object-meta.ts";
import { checkEnum, checkRequiredText, checkText, type Errors } from "./basics.ts";
import { checkIscsi, sessionNameText, sessionNameTooLong } from "./iscsi.ts";
import { checkClaimSpec } from "./storage.ts";
import { checkDescendingPath, checkDownwardFiles, checkKeys, checkMode, checkProjected } from "./volume-files.ts";
import {
  checkDriverName,
  checkStorageOs,
  refusedSourcePaths,
  requireTexts,
  sharedSources,
  sourcePaths,
} from "./volume-sources.ts";

export const pullPolicies = ["Always", "IfNotPresent", "Never"];

/** The pod that a spec belongs to; a template has none. */
export interface PodIdentity {
  readonly name: string;
}

/** What is known of a volume that containers may use. */
export interface KnownVolume {
  readonly isClaim: boolean;
}

/** @returns the volumes that are right, which containers may mount, by name */
export function checkVolumes(
  errors: Errors,
  path: string,
  volumes: readonly Volume[],
  pod: PodIdentity | undefined,
): ReadonlyMap<string, KnownVolume> {
  const podName = pod?.name ?? "";
  const made = new Set(
    volumes
      .filter((volume) => podName !== "" && volume.ephemeral !== undefined)
      .map(({ name }) => `${podName}-${name}`),
  );
  const known = new Map<string, KnownVolume>();
  volumes.forEach((volume, i) => {
    const field = `${path}[${i}]`;
    const found: Errors = [];
    checkSources(found, field, volume, pod);
    checkRequiredText(found, `${field}.name`, volume.name, dns1123Label);
    if (known.has(volume.name)) found.push(duplicate(`${field}.name`, volume.name));
    const { persistentVolumeClaim: claim, ephemeral } = volume;
    if (found.length === 0) known.set(volume.name, { isClaim: claim !== undefined || ephemeral !== undefined });
    errors.push(...found);
    if (claim !== undefined && made.has(claim.claimName)) {
      const text = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalid(`${field}.persistentVolumeClaim.claimName`, claim.claimName, text));
    }
  });
  return known;
}

/** In this order: the first one that is there is judged, the others are too many. */
const sourceOrder = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
];

function checkSources(errors: Errors, path: string, volume: Volume, pod: PodIdentity | undefined): void {
  const object = volume as unknown as JsonObject;
  const [first, ...others] = sourceOrder.filter((name) => objectAt(object, name) !== undefined);
  if (first === undefined) {
    errors.push(required(path, "must specify a volume type"));
    return;
  }
  const source = objectAt(object, first) ?? {};
  const field = `${path}.${sourcePaths[first] ?? first}`;
  sharedSources[first]?.(errors, field, source);
  checkOwnSource(errors, { path, field, pod }, first, volume);
  for (const name of others) {
    errors.push(forbidden(`${path}.${refusedSourcePaths[name] ?? name}`, "may not specify more than 1 volume type"));
  }
  const { iscsi } = volume;
  if (iscsi !== undefined && sessionNameTooLong(volume.name, objectAt(object, "iscsi") ?? {})) {
    errors.push(invalid(`${path}.name`, volume.name, sessionNameText));
  }
}

interface SourcePlace {
  /** Path of the volume. */
  readonly path: string;
  /** Path of the source in it. */
  readonly field: string;
  readonly pod: PodIdentity | undefined;
}

function checkOwnSource(errors: Errors, { path, field, pod }: SourcePlace, name: string, volume: Volume): void {
  const source = objectAt(volume as unknown as JsonObject, name) ?? {};
  switch (name) {
    case "emptyDir":
      if (volume.emptyDir?.sizeLimit?.startsWith("-") === true) {
        errors.push(forbidden(`${field}.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
      }
      break;
    case "gitRepo":
      requireTexts(errors, field, source, ["repository"]);
      checkDescendingPath(errors, `${field}.directory`, textAt(source, "directory"));
      break;
    case "secret":
    case "configMap":
      requireTexts(errors, field, source, [name === "secret" ? "secretName" : "name"]);
      checkMode(errors, `${field}.defaultMode`, volume[name]?.defaultMode);
      checkKeys(errors, field, volume[name]?.items);
      break;
    case "persistentVolumeClaim":
      requireTexts(errors, field, source, ["claimName"]);
      break;
    case "downwardAPI":
      checkMode(errors, `${field}.defaultMode`, volume.downwardAPI?.defaultMode);
      checkDownwardFiles(errors, field, volume.downwardAPI?.items);
      break;
    case "projected":
      checkProjected(errors, field, volume.projected ?? {});
      break;
    case "iscsi":
      requireTexts(errors, field, source, ["targetPortal"]);
      checkIscsi(errors, field, source);
      break;
    case "cinder":
    case "storageos":
      if (name === "storageos") checkStorageOs(errors, field, source);
      checkSecretName(errors, `${field}.secretRef`, objectAt(source, "secretRef"));
      break;
    case "csi":
      checkInlineCsi(errors, field, source);
      break;
    case "ephemeral":
      checkEphemeral(errors, { path, field, pod }, volume);
      break;
    case "image":
      if (pod !== undefined) requireTexts(errors, field, source, ["reference"]);
      checkEnum(errors, `${field}.pullPolicy`, volume.image?.pullPolicy, pullPolicies);
  }
}

function checkSecretName(errors: Errors, path: string, ref: JsonObject | undefined): void {
  if (ref !== undefined && textAt(ref, "name") === "") errors.push(required(`${path}.name`));
}

function checkInlineCsi(errors: Errors, field: string, source: JsonObject): void {
  checkDriverName(errors, `${field}.driver`, textAt(source, "driver"));
  const secret = objectAt(source, "nodePublishSecretRef");
  checkSecretName(errors, `${field}.nodePublishSecretRef`, secret);
  const name = textAt(secret, "name");
  if (name !== "") checkText(errors, `${field}.name`, name, dns1123Subdomain);
}

/** The claim is made with the pod and called after it. */
function checkEphemeral(errors: Errors, { path, field, pod }: SourcePlace, volume: Volume): void {
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (template === undefined) errors.push(required(`${field}.volumeClaimTemplate`));
  else checkClaimTemplate(errors, `${field}.volumeClaimTemplate`, template);
  if (pod === undefined || pod.name === "" || volume.name === "") return;
  const claim = `${pod.name}-${volume.name}`;
  for (const text of dns1123Subdomain(claim)) {
    errors.push(invalid(`${path}.name`, volume.name, `PVC name ${JSON.stringify(claim)}: ${text}`));
  }
}

/** Of the metadata only labels and annotations are used, so nothing else may be set. */
function checkClaimTemplate(errors: Errors, path: string, template: PersistentVolumeClaimTemplate): void {
  const { metadata, spec } = typed<Partial<PersistentVolumeClaimTemplate>>(template as unknown as JsonObject);
  errors.push(...validateAnnotations(metadata?.annotations, `${path}.metadata.annotations`));
  errors.push(...validateLabels(metadata?.labels, `${path}.metadata.labels`));
  for (const key of Object.keys(metadata ?? {})) {
    if (key !== "annotations" && key !== "labels") errors.push(forbidden(`${path}.metadata.${key}`, "cannot be set"));
  }
  checkClaimSpec(errors, `${path}.spec`, spec ?? {});
}
