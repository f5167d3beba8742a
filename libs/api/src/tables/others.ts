// Tables of the remaining kinds that have columns of their own, and the one for all that have none.
import type {
  CSINode,
  IngressClass,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  PriorityClass,
  RoleBinding,
  RuntimeClass,
  StorageClass,
} from "../generated/types.generated.ts";
import { objectAt, textAt, typed } from "../meta/mutable.ts";
import { ageOf, nameOf, orNone } from "./cells.ts";
import { ageColumn, countColumn, flagColumn, type KindTable, nameColumn, textColumn, wide } from "./table.ts";

/** Kinds without columns of their own, custom resources among them. */
export const plainTable: KindTable = {
  columns: [
    nameColumn,
    { name: "Created At", type: "date", format: "", description: "When the object was created.", priority: 0 },
  ],
  cells: (object) => [nameOf(object), textAt(objectAt(object, "metadata"), "creationTimestamp")],
};

const accessModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function modesText(modes: readonly string[] | undefined): string {
  return Object.keys(accessModes)
    .filter((mode) => modes?.includes(mode) === true)
    .map((mode) => accessModes[mode])
    .join(",");
}

const volumeModeColumn = wide(textColumn("VolumeMode", "File system or raw block device."));
const attributesColumn = textColumn("VolumeAttributesClass", "Class of the volume's attributes.");
const storageClassColumn = textColumn("StorageClass", "Class the storage is from.");
const capacityColumn = textColumn("Capacity", "Size of the storage.");
const modesColumn = textColumn("Access Modes", "How the storage can be mounted.");

export const persistentVolumeTable: KindTable = {
  columns: [
    nameColumn,
    capacityColumn,
    modesColumn,
    textColumn("Reclaim Policy", "What happens when the claim goes."),
    textColumn("Status", "Phase of the volume."),
    textColumn("Claim", "Claim it is bound to."),
    storageClassColumn,
    attributesColumn,
    textColumn("Reason", "Why the volume is in its phase."),
    ageColumn,
    volumeModeColumn,
  ],
  cells: (object, nowMs) => {
    const { spec, status, metadata } = typed<PersistentVolume>(object);
    const claim = spec?.claimRef === undefined ? "" : `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`;
    return [
      nameOf(object),
      spec?.capacity?.["storage"] ?? "",
      modesText(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
      claim,
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      status?.reason ?? "",
      ageOf(object, nowMs),
      spec?.volumeMode ?? "<unset>",
    ];
  },
};

export const persistentVolumeClaimTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Status", "Phase of the claim."),
    textColumn("Volume", "Volume it is bound to."),
    capacityColumn,
    modesColumn,
    storageClassColumn,
    attributesColumn,
    ageColumn,
    volumeModeColumn,
  ],
  cells: (object, nowMs) => {
    const { spec, status, metadata } = typed<PersistentVolumeClaim>(object);
    const bound = (spec?.volumeName ?? "") !== "";
    return [
      nameOf(object),
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
      spec?.volumeName ?? "",
      bound ? (status?.capacity?.["storage"] ?? "") : "",
      bound ? modesText(status?.accessModes) : "",
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      ageOf(object, nowMs),
      spec?.volumeMode ?? "<unset>",
    ];
  },
};

export const disruptionBudgetTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Min Available", "Pods that must stay."),
    textColumn("Max Unavailable", "Pods that may go at a time."),
    countColumn("Allowed Disruptions", "Pods that may go now."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<PodDisruptionBudget>(object);
    const allowed = status?.disruptionsAllowed ?? 0;
    return [
      nameOf(object),
      String(spec?.minAvailable ?? "N/A"),
      String(spec?.maxUnavailable ?? "N/A"),
      allowed,
      ageOf(object, nowMs),
    ];
  },
};

export const ingressClassTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Controller", "Controller that serves the class."),
    textColumn("Parameters", "Object that configures it."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { controller = "", parameters } = typed<IngressClass>(object).spec ?? {};
    const kind = [parameters?.kind, parameters?.apiGroup].filter((part) => (part ?? "") !== "").join(".");
    const shown = parameters === undefined ? "" : `${kind}/${parameters.name}`;
    return [nameOf(object), controller, orNone(shown), ageOf(object, nowMs)];
  },
};

/** Of RoleBindings and ClusterRoleBindings. */
export const roleBindingTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Role", "Role that is granted."),
    ageColumn,
    wide(textColumn("Users", "Users it is granted to.")),
    wide(textColumn("Groups", "Groups it is granted to.")),
    wide(textColumn("ServiceAccounts", "Service accounts it is granted to.")),
  ],
  cells: (object, nowMs) => {
    const { roleRef, subjects = [] } = typed<RoleBinding>(object);
    const named = (kind: string): string =>
      subjects
        .filter((subject) => subject.kind === kind)
        .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
        .join(", ");
    const role = `${roleRef.kind}/${roleRef.name}`;
    return [nameOf(object), role, ageOf(object, nowMs), named("User"), named("Group"), named("ServiceAccount")];
  },
};

export const storageClassTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Provisioner", "Who makes volumes."),
    textColumn("ReclaimPolicy", "What happens when a claim goes."),
    textColumn("VolumeBindingMode", "When a volume is chosen."),
    textColumn("AllowVolumeExpansion", "Whether volumes can grow."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion } =
      typed<StorageClass>(object);
    const isDefault = metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
    const name = isDefault ? `${nameOf(object)} (default)` : nameOf(object);
    const [reclaim, binding] = [reclaimPolicy ?? "Delete", volumeBindingMode ?? "Immediate"];
    return [name, provisioner, reclaim, binding, allowVolumeExpansion ?? false, ageOf(object, nowMs)];
  },
};

export const csiNodeTable: KindTable = {
  columns: [nameColumn, countColumn("Drivers", "CSI drivers on the node."), ageColumn],
  cells: (object, nowMs) => [nameOf(object), (typed<CSINode>(object).spec?.drivers ?? []).length, ageOf(object, nowMs)],
};

export const priorityClassTable: KindTable = {
  columns: [
    nameColumn,
    countColumn("Value", "Priority of the class's pods."),
    flagColumn("Global-Default", "Whether pods without class get this one."),
    ageColumn,
    textColumn("PreemptionPolicy", "Whether its pods push others out."),
  ],
  cells: (object, nowMs) => {
    const { value, globalDefault, preemptionPolicy } = typed<PriorityClass>(object);
    return [nameOf(object), value ?? 0, globalDefault ?? false, ageOf(object, nowMs), preemptionPolicy ?? ""];
  },
};

export const runtimeClassTable: KindTable = {
  columns: [nameColumn, textColumn("Handler", "What runs its pods."), ageColumn],
  cells: (object, nowMs) => [nameOf(object), typed<RuntimeClass>(object).handler, ageOf(object, nowMs)],
};
