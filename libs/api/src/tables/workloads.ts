// Tables of the kinds that make pods.
import type { CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { typed } from "../meta/mutable.ts";
import { parseTime } from "../meta/time.ts";
import {
  ageOf,
  ageText,
  containersText,
  imagesText,
  labelsText,
  nameOf,
  orNone,
  selectorText,
  sinceText,
} from "./cells.ts";
import {
  ageColumn,
  type ColumnDefinition,
  countColumn,
  flagColumn,
  type KindTable,
  nameColumn,
  textColumn,
  wide,
} from "./table.ts";

const containersColumn = wide(textColumn("Containers", "Names of the template's containers."));
const imagesColumn = wide(textColumn("Images", "Images of the template's containers."));
const selectorColumn = wide(textColumn("Selector", "Labels by which the pods are found."));
const desiredColumn = countColumn("Desired", "Pods that should run.");
const currentColumn = countColumn("Current", "Pods that exist.");
const readyCountColumn = countColumn("Ready", "Pods that are ready.");
const templateColumns: readonly ColumnDefinition[] = [containersColumn, imagesColumn, selectorColumn];

export const deploymentTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Ready", "Pods that are ready, of those wanted."),
    textColumn("Up-to-date", "Pods made from the newest template."),
    textColumn("Available", "Pods ready for at least minReadySeconds."),
    ageColumn,
    ...templateColumns,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<Deployment>(object);
    const containers = spec?.template?.spec?.containers;
    return [
      nameOf(object),
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      ageOf(object, nowMs),
      containersText(containers),
      imagesText(containers),
      selectorText(spec?.selector),
    ];
  },
};

/** What ReplicaSets and ReplicationControllers show alike: all but how their pods are found. */
export function replicaCells(object: JsonObject, nowMs: number): readonly JsonValue[] {
  const { spec, status } = typed<ReplicaSet>(object);
  const containers = spec?.template?.spec?.containers;
  return [
    nameOf(object),
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(object, nowMs),
    containersText(containers),
    imagesText(containers),
  ];
}

export const replicaSetTable: KindTable = {
  columns: [nameColumn, desiredColumn, currentColumn, readyCountColumn, ageColumn, ...templateColumns],
  cells: (object, nowMs) => {
    return [...replicaCells(object, nowMs), selectorText(typed<ReplicaSet>(object).spec?.selector)];
  },
};

export const daemonSetTable: KindTable = {
  columns: [
    nameColumn,
    desiredColumn,
    currentColumn,
    readyCountColumn,
    countColumn("Up-to-date", "Nodes whose pod is made from the newest template."),
    countColumn("Available", "Nodes whose pod is available."),
    textColumn("Node Selector", "Labels of the nodes that get a pod."),
    ageColumn,
    ...templateColumns,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<DaemonSet>(object);
    const podSpec = spec?.template?.spec;
    return [
      nameOf(object),
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      labelsText(podSpec?.nodeSelector),
      ageOf(object, nowMs),
      containersText(podSpec?.containers),
      imagesText(podSpec?.containers),
      selectorText(spec?.selector),
    ];
  },
};

export const statefulSetTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Ready", "Pods that are ready, of those wanted."),
    ageColumn,
    containersColumn,
    imagesColumn,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<StatefulSet>(object);
    const containers = spec?.template?.spec?.containers;
    const ready = `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`;
    return [nameOf(object), ready, ageOf(object, nowMs), containersText(containers), imagesText(containers)];
  },
};

export const jobTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Status", "What the Job is doing, or how it ended."),
    textColumn("Completions", "Pods that succeeded, of those wanted."),
    textColumn("Duration", "How long the Job has run or ran."),
    ageColumn,
    ...templateColumns,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<Job>(object);
    const containers = spec?.template?.spec?.containers;
    return [
      nameOf(object),
      jobStatus(typed<Job>(object)),
      completionsText(spec?.completions, spec?.parallelism, status?.succeeded ?? 0),
      durationText(status?.startTime, status?.completionTime, nowMs),
      ageOf(object, nowMs),
      containersText(containers),
      imagesText(containers),
      selectorText(spec?.selector),
    ];
  },
};

function jobStatus({ metadata, status }: Job): string {
  const holds = (type: string): boolean =>
    (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
  if (holds("Complete")) return "Complete";
  if (holds("Failed")) return "Failed";
  if (metadata?.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(holds) ?? "Running";
}

function completionsText(completions: number | undefined, parallelism: number | undefined, succeeded: number): string {
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return (parallelism ?? 0) > 1 ? `${succeeded}/1 of ${parallelism ?? 0}` : `${succeeded}/1`;
}

function durationText(startTime: string | undefined, completionTime: string | undefined, nowMs: number): string {
  const start = startTime === undefined ? undefined : parseTime(startTime);
  if (start === undefined) return "";
  const end = completionTime === undefined ? nowMs : (parseTime(completionTime) ?? nowMs);
  return ageText(end - start);
}

export const cronJobTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Schedule", "When Jobs are made, in cron's notation."),
    textColumn("Timezone", "Time zone of the schedule."),
    flagColumn("Suspend", "Whether no Jobs are made for now."),
    countColumn("Active", "Jobs that run."),
    textColumn("Last Schedule", "Time since the last Job was made."),
    ageColumn,
    ...templateColumns,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<CronJob>(object);
    const jobSpec = spec?.jobTemplate?.spec;
    const containers = jobSpec?.template?.spec?.containers;
    return [
      nameOf(object),
      spec?.schedule ?? "",
      orNone(spec?.timeZone),
      spec?.suspend === true ? "True" : "False",
      status?.active?.length ?? 0,
      status?.lastScheduleTime === undefined ? "<none>" : sinceText(status.lastScheduleTime, nowMs),
      ageOf(object, nowMs),
      containersText(containers),
      imagesText(containers),
      selectorText(jobSpec?.selector),
    ];
  },
};
