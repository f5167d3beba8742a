// Tables of pod templates and of what keeps them or runs them by a plain map of labels, and of quotas.
import type {
  ControllerRevision,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
} from "../generated/types.generated.ts";
import { typed } from "../meta/mutable.ts";
import { ageOf, containersText, imagesText, labelsText, nameOf } from "./cells.ts";
import { replicaCells } from "./workloads.ts";
import { ageColumn, countColumn, type KindTable, nameColumn, textColumn, wide } from "./table.ts";

const containersColumn = textColumn("Containers", "Names of the template's containers.");
const imagesColumn = textColumn("Images", "Images of the template's containers.");

export const replicationControllerTable: KindTable = {
  columns: [
    nameColumn,
    countColumn("Desired", "Pods that should run."),
    countColumn("Current", "Pods that exist."),
    countColumn("Ready", "Pods that are ready."),
    ageColumn,
    wide(containersColumn),
    wide(imagesColumn),
    wide(textColumn("Selector", "Labels by which the pods are found.")),
  ],
  cells: (object, nowMs) => {
    return [...replicaCells(object, nowMs), labelsText(typed<ReplicationController>(object).spec?.selector)];
  },
};

export const podTemplateTable: KindTable = {
  columns: [nameColumn, containersColumn, imagesColumn, textColumn("Pod Labels", "Labels that its pods get.")],
  cells: (object) => {
    const { template } = typed<PodTemplate>(object);
    const containers = template?.spec?.containers;
    return [nameOf(object), containersText(containers), imagesText(containers), labelsText(template?.metadata?.labels)];
  },
};

export const controllerRevisionTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Controller", "What the revision is of."),
    textColumn("Revision", "Its number: the newest has the highest."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { metadata, revision } = typed<ControllerRevision>(object);
    const owner = (metadata?.ownerReferences ?? []).find(({ controller }) => controller === true);
    return [nameOf(object), owner === undefined ? "<none>" : ownerText(owner), revision ?? 0, ageOf(object, nowMs)];
  },
};

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** `daemonset.apps/name` */
function ownerText({ apiVersion, kind, name }: Owner): string {
  const group = apiVersion.includes("/") ? `.${apiVersion.split("/")[0] ?? ""}` : "";
  return `${kind.toLowerCase()}${group}/${name}`;
}

export const resourceQuotaTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Request", "What is used of what is counted, but for limits."),
    textColumn("Limit", "What is used of what limits may add up to."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { status } = typed<ResourceQuota>(object);
    const names = Object.keys(status?.hard ?? {}).sort();
    const shown = (name: string): string => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`;
    const limits = names.filter((name) => name.startsWith("limits"));
    const others = names.filter((name) => !name.startsWith("limits"));
    return [nameOf(object), others.map(shown).join(", "), limits.map(shown).join(", "), ageOf(object, nowMs)];
  },
};
