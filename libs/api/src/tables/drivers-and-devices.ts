// Tables of storage drivers and of devices: what plug-ins on nodes offer, and claims to it.
import type {
  CSIDriverSpec,
  ResourceV1ResourceClaim,
  ResourceSliceSpec,
  VolumeAttachment,
  VolumeAttributesClass,
} from "../generated/types.generated.ts";
import { objectAt } from "../meta/mutable.ts";
import { sparse } from "../validation/sparse.ts";
import { ageOf, nameOf, orNone } from "./cells.ts";
import { ageColumn, flagColumn, type KindTable, nameColumn, textColumn } from "./table.ts";

export const csiDriverTable: KindTable = {
  columns: [
    nameColumn,
    flagColumn("AttachRequired", "Volumes are attached to nodes first."),
    flagColumn("PodInfoOnMount", "The driver is told about the pod."),
    flagColumn("StorageCapacity", "The driver says how much it can store where."),
    textColumn("TokenRequests", "Audiences of the tokens it is given."),
    flagColumn("RequiresRepublish", "Mounts are asked for again and again."),
    textColumn("Modes", "How long volumes may live."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const spec = sparse<CSIDriverSpec>(objectAt(object, "spec") ?? {});
    const audiences = (spec.tokenRequests ?? []).map(({ audience = "" }) => audience);
    return [
      nameOf(object),
      spec.attachRequired ?? true,
      spec.podInfoOnMount ?? false,
      spec.storageCapacity ?? false,
      audiences.length === 0 ? "<unset>" : audiences.join(","),
      spec.requiresRepublish ?? false,
      orNone((spec.volumeLifecycleModes ?? []).join(",")),
      ageOf(object, nowMs),
    ];
  },
};

export const volumeAttachmentTable: KindTable = {
  columns: [
    nameColumn,
    { ...textColumn("Attacher", "Driver that attaches the volume."), format: "name" },
    textColumn("PV", "Volume that is attached."),
    textColumn("Node", "Node that it is attached to."),
    flagColumn("Attached", "Whether that has happened."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { spec = {}, status = {} } = sparse<VolumeAttachment>(object);
    return [
      nameOf(object),
      spec.attacher ?? "",
      spec.source?.persistentVolumeName ?? "",
      spec.nodeName ?? "",
      status.attached ?? false,
      ageOf(object, nowMs),
    ];
  },
};

export const volumeAttributesClassTable: KindTable = {
  columns: [nameColumn, textColumn("DriverName", "Driver that knows the attributes."), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    sparse<VolumeAttributesClass>(object).driverName ?? "",
    ageOf(object, nowMs),
  ],
};

/** Kinds of which only the age is shown. */
export const namedTable: KindTable = {
  columns: [nameColumn, ageColumn],
  cells: (object, nowMs) => [nameOf(object), ageOf(object, nowMs)],
};

export const resourceSliceTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Node", "Node that has the devices."),
    textColumn("Driver", "Driver of the devices."),
    textColumn("Pool", "Pool that they belong to."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { nodeName = "", driver = "", pool = {} } = sparse<ResourceSliceSpec>(objectAt(object, "spec") ?? {});
    return [nameOf(object), nodeName, driver, pool.name ?? "", ageOf(object, nowMs)];
  },
};

export const resourceClaimTable: KindTable = {
  columns: [nameColumn, textColumn("State", "How far the claim is."), ageColumn],
  cells: (object, nowMs) => {
    const { metadata, status = {} } = sparse<ResourceV1ResourceClaim>(object);
    const deleted = metadata?.deletionTimestamp !== undefined;
    const states = [
      ...(deleted ? ["deleted"] : []),
      ...(status.allocation === undefined ? (deleted ? [] : ["pending"]) : ["allocated"]),
      ...((status.reservedFor ?? []).length > 0 ? ["reserved"] : []),
    ];
    return [nameOf(object), states.join(","), ageOf(object, nowMs)];
  },
};
