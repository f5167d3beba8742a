// Claims for lasting storage, and the objects that hold settings.
import { conditionTexts, type DescriptionTable } from "./description-table.ts";

export const coreStorage: DescriptionTable = {
  prefix: "io.k8s.api.core.v1.",
  types: {
    ConfigMap: {
      "": "Settings as key-value pairs, for pods to read as files or environment variables; at most 1 MiB.",
      immutable: "With true, nothing but metadata can ever be changed again; to go back, delete the object.",
      data: "Texts by key; keys consist of letters, digits, dashes, underscores and dots.",
      binaryData: "Values that are no text, in base64; keys must not occur in data as well.",
    },
    Secret: {
      "": "Passwords, keys and other confidential values; at most 1 MiB.",
      immutable: "With true, nothing but metadata can ever be changed again; to go back, delete the object.",
      data: "Values by key, in base64.",
      stringData: "Values as plain text: moved into data when written, and never returned.",
      type: "What the Secret holds, such as kubernetes.io/tls, which decides the keys it must have; Opaque unless set.",
    },
    LocalObjectReference: {
      "": "Names an object in the same namespace.",
      name: "Name of the object.",
    },
    TypedLocalObjectReference: {
      "": "Names an object of any kind in the same namespace.",
      apiGroup: "API group of the object; absent for the core group.",
      kind: "Kind of the object.",
      name: "Name of the object.",
    },
    TypedObjectReference: {
      "": "Names an object of any kind, perhaps in another namespace.",
      apiGroup: "API group of the object; absent for the core group.",
      kind: "Kind of the object.",
      name: "Name of the object.",
      namespace: "Namespace of the object; a ReferenceGrant there has to allow the reference.",
    },
    PersistentVolumeClaim: {
      "": "A request for lasting storage, bound to a PersistentVolume that meets it.",
      spec: "What is asked for.",
      status: "What was given.",
    },
    PersistentVolumeClaimSpec: {
      "": "What storage is asked for, and from where.",
      accessModes: "How the volume may be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.",
      selector: "Chooses among existing volumes by label; rules out making a new one.",
      resources: "How much storage; may grow later where the class allows it.",
      volumeName: "The volume that the claim is bound to.",
      storageClassName: "Storage class to take the volume from; the default class if absent, none if empty.",
      volumeMode: "Filesystem (default) or Block for a raw device.",
      dataSource: "Snapshot or claim whose content the volume starts with.",
      dataSourceRef: "Object of any kind whose content the volume starts with; may be in another namespace.",
      volumeAttributesClassName: "Class of settings, such as speed, that can be changed while the volume is in use.",
    },
    PersistentVolumeClaimStatus: {
      "": "What storage was given.",
      phase: "Pending until a volume is found, Bound, or Lost once the volume is gone.",
      accessModes: "How the volume may be mounted.",
      capacity: "Size of the volume.",
      conditions: "Work in progress on the volume, such as a change of its size.",
      allocatedResources: "Size that the volume is growing to, which counts against quotas.",
      allocatedResourceStatuses: "How far the growing has come, by resource name.",
      currentVolumeAttributesClassName: "Class of settings in force.",
      modifyVolumeStatus: "How far the change to another class of settings has come.",
    },
    PersistentVolumeClaimCondition: {
      ...conditionTexts,
      "": "Work in progress on the volume of a claim.",
      lastProbeTime: "When the condition was last checked.",
    },
    ModifyVolumeStatus: {
      "": "A change to another class of settings.",
      targetVolumeAttributesClassName: "The class changed to.",
      status: "Pending, InProgress, or Infeasible if the driver refuses.",
    },
    VolumeResourceRequirements: {
      "": "How much storage a claim asks for.",
      limits: "Most storage to be given.",
      requests: "Least storage to be given, under the name storage.",
    },
  },
};
