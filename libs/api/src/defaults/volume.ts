// Defaults of pod volumes and of the sources that persistent volumes share with them.
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import { defaultFieldRef, pullPolicyOf } from "./container.ts";
import { objectIn, objectsIn, setDefaults, setMissing } from "./set.ts";

/** 0644. */
const defaultMode = 420;

/** Sources whose defaults are plain values. */
const sources: Readonly<Record<string, Readonly<Record<string, MutableValue>>>> = {
  secret: { defaultMode },
  configMap: { defaultMode },
  downwardAPI: { defaultMode },
  projected: { defaultMode },
  iscsi: { iscsiInterface: "default" },
  rbd: { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" },
  scaleIO: { storageMode: "ThinProvisioned", fsType: "xfs" },
};

export function defaultVolume(volume: MutableObject): void {
  const isSourceless = Object.keys(volume).every((key) => key === "name");
  if (isSourceless) volume["emptyDir"] = {};
  defaultVolumeSource(volume);
  const downward = objectIn(volume, "downwardAPI");
  if (downward !== undefined) for (const item of objectsIn(downward, "items")) defaultFieldRef(item);
  const projected = objectIn(volume, "projected");
  if (projected !== undefined) for (const source of objectsIn(projected, "sources")) defaultProjection(source);
  const template = objectIn(objectIn(volume, "ephemeral") ?? {}, "volumeClaimTemplate");
  const claim = template === undefined ? undefined : objectIn(template, "spec");
  if (claim !== undefined) setMissing(claim, { volumeMode: "Filesystem" });
  const image = objectIn(volume, "image");
  if (image !== undefined) setDefaults(image, { pullPolicy: pullPolicyOf(image["reference"]) });
}

/** @param holder a pod's volume or a persistent volume's spec */
export function defaultVolumeSource(holder: MutableObject): void {
  for (const [name, defaults] of Object.entries(sources)) {
    const source = objectIn(holder, name);
    if (source !== undefined) setDefaults(source, defaults);
  }
  const hostPath = objectIn(holder, "hostPath");
  if (hostPath !== undefined) setMissing(hostPath, { type: "" });
  const azureDisk = objectIn(holder, "azureDisk");
  if (azureDisk !== undefined) {
    setMissing(azureDisk, { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false });
  }
}

function defaultProjection(source: MutableObject): void {
  const token = objectIn(source, "serviceAccountToken");
  if (token !== undefined) setDefaults(token, { expirationSeconds: 3600 });
  const certificate = objectIn(source, "podCertificate");
  if (certificate !== undefined) setDefaults(certificate, { maxExpirationSeconds: 86_400 });
  const downward = objectIn(source, "downwardAPI");
  if (downward !== undefined) for (const item of objectsIn(downward, "items")) defaultFieldRef(item);
}
