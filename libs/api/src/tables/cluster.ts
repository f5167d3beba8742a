// Tables of namespaces, nodes, configuration, events and leases.
import type { Event, EventsV1Event, Lease, Namespace, Node, Secret } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { objectAt, textAt, typed } from "../meta/mutable.ts";
import { ageOf, nameOf, sinceText } from "./cells.ts";
import { ageColumn, type KindTable, nameColumn, textColumn, wide } from "./table.ts";

const roleLabelPrefix = "node-role.kubernetes.io/";
const roleLabel = "kubernetes.io/role";
const dataColumn = textColumn("Data", "Number of keys.");

export const namespaceTable: KindTable = {
  columns: [nameColumn, textColumn("Status", "Phase of the namespace."), ageColumn],
  cells: (object, nowMs) => [nameOf(object), typed<Namespace>(object).status?.phase ?? "", ageOf(object, nowMs)],
};

export const nodeTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Status", "Whether the node is ready, and whether pods may be put on it."),
    textColumn("Roles", "Roles of the node, from its labels."),
    ageColumn,
    textColumn("Version", "Version of the kubelet."),
    wide(textColumn("Internal-IP", "Address inside the cluster.")),
    wide(textColumn("External-IP", "Address outside the cluster.")),
    wide(textColumn("OS-Image", "Operating system as it calls itself.")),
    wide(textColumn("Kernel-Version", "Version of the kernel.")),
    wide(textColumn("Container-Runtime", "Container runtime and its version.")),
  ],
  cells: (object, nowMs) => {
    const { status } = typed<Node>(object);
    const info = status?.nodeInfo;
    const address = (type: string): string =>
      (status?.addresses ?? []).find((one) => one.type === type)?.address ?? "<none>";
    return [
      nameOf(object),
      nodeStatus(typed<Node>(object)),
      nodeRoles(object),
      ageOf(object, nowMs),
      info?.kubeletVersion ?? "",
      address("InternalIP"),
      address("ExternalIP"),
      orUnknown(info?.osImage),
      orUnknown(info?.kernelVersion),
      orUnknown(info?.containerRuntimeVersion),
    ];
  },
};

function nodeStatus({ spec, status }: Node): string {
  const ready = (status?.conditions ?? []).find(({ type }) => type === "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function nodeRoles(object: JsonObject): string {
  const labels = objectAt(objectAt(object, "metadata") ?? {}, "labels") ?? {};
  const roles = new Set<string>();
  for (const key of Object.keys(labels)) {
    const role =
      key === roleLabel
        ? textAt(labels, key)
        : key.startsWith(roleLabelPrefix)
          ? key.slice(roleLabelPrefix.length)
          : "";
    if (role !== "") roles.add(role);
  }
  return roles.size === 0 ? "<none>" : [...roles].sort().join(",");
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === "" ? "<unknown>" : text;
}

export const configMapTable: KindTable = {
  columns: [nameColumn, dataColumn, ageColumn],
  cells: (object, nowMs) => [nameOf(object), keys(object, "data") + keys(object, "binaryData"), ageOf(object, nowMs)],
};

export const secretTable: KindTable = {
  columns: [nameColumn, textColumn("Type", "What the secret is for."), dataColumn, ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    typed<Secret>(object).type ?? "",
    keys(object, "data"),
    ageOf(object, nowMs),
  ],
};

export const serviceAccountTable: KindTable = {
  columns: [nameColumn, ageColumn],
  cells: (object, nowMs) => [nameOf(object), ageOf(object, nowMs)],
};

function keys(object: JsonObject, field: string): number {
  return Object.keys(objectAt(object, field) ?? {}).length;
}

export const leaseTable: KindTable = {
  columns: [nameColumn, textColumn("Holder", "Who holds the lease."), ageColumn],
  cells: (object, nowMs) => [nameOf(object), typed<Lease>(object).spec?.holderIdentity ?? "", ageOf(object, nowMs)],
};

export const eventTable: KindTable = {
  columns: [
    textColumn("Last Seen", "Time since it last happened."),
    textColumn("Type", "Normal or Warning."),
    textColumn("Reason", "What happened, in one word."),
    textColumn("Object", "What it is about."),
    wide(textColumn("Subobject", "Part of the object it is about.")),
    wide(textColumn("Source", "Who reports it.")),
    textColumn("Message", "What happened, in a sentence."),
    wide(textColumn("First Seen", "Time since it first happened.")),
    wide(textColumn("Count", "How often it happened.")),
    wide(nameColumn),
  ],
  cells: (object, nowMs) => {
    const event = commonEvent(object);
    const first = sinceText(event.firstTime ?? event.eventTime, nowMs);
    const last = event.lastTime === undefined ? first : sinceText(event.lastTime, nowMs);
    const { kind = "", name = "", fieldPath = "" } = event.about ?? {};
    return [
      event.series === undefined ? last : sinceText(event.series.lastObservedTime, nowMs),
      event.type ?? "",
      event.reason ?? "",
      name === "" ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`,
      fieldPath,
      event.source,
      event.message.trim(),
      first,
      event.series?.count ?? (event.count === 0 ? 1 : event.count),
      nameOf(object),
    ];
  },
};

/** An event of either API group, in the words of the core group. */
function commonEvent(object: JsonObject) {
  const core = typed<Partial<Event>>(object);
  const modern = typed<Partial<EventsV1Event>>(object);
  const source = core.source ?? modern.deprecatedSource ?? {};
  const component = source.component ?? core.reportingComponent ?? modern.reportingController ?? "";
  const host = source.component === undefined ? (core.reportingInstance ?? "") : (source.host ?? "");
  return {
    about: core.involvedObject ?? modern.regarding,
    type: core.type,
    reason: core.reason,
    message: core.message ?? modern.note ?? "",
    series: core.series,
    eventTime: core.eventTime,
    firstTime: core.firstTimestamp ?? modern.deprecatedFirstTimestamp,
    lastTime: core.lastTimestamp ?? modern.deprecatedLastTimestamp,
    count: core.count ?? modern.deprecatedCount ?? 0,
    source: host === "" ? component : `${component}, ${host}`,
  };
}
