// What `kubectl explain` says about types and fields. The tables are merged on the first question.
import { typeSchema } from "../schema/type-table.ts";
import { apiextensions } from "./apiextensions.ts";
import { apps } from "./apps.ts";
import { batch } from "./batch.ts";
import { coreCluster } from "./core-cluster.ts";
import { coreContainer } from "./core-container.ts";
import { corePod } from "./core-pod.ts";
import { coreScheduling } from "./core-scheduling.ts";
import { coreStorage } from "./core-storage.ts";
import { coreVolumes } from "./core-volumes.ts";
import type { DescriptionTable, TypeTexts } from "./description-table.ts";
import { meta } from "./meta.ts";
import { networking } from "./networking.ts";
import { otherKinds } from "./other-kinds.ts";
import { scalars } from "./scalars.ts";

const tables: readonly DescriptionTable[] = [
  ...[meta, scalars, corePod, coreContainer, coreScheduling, coreVolumes, coreStorage, coreCluster],
  ...[apps, batch, networking, apiextensions, otherKinds],
];

/** Fields that mean the same in every kind; a table may say more. */
const kindTexts: TypeTexts = {
  apiVersion: "API group and version of the object, such as v1 or apps/v1.",
  kind: "Name of the object's type in CamelCase, such as Pod.",
  metadata: "Name, labels and everything else that objects of all kinds have in common.",
};
const listTexts: TypeTexts = {
  ...kindTexts,
  metadata: "Version of the list, and how to go on if there is more of it.",
  items: "The objects of the list.",
};

let merged: ReadonlyMap<string, TypeTexts> | undefined;

/** The texts that the tables hold, by full type name. */
export function descriptions(): ReadonlyMap<string, TypeTexts> {
  merged ??= new Map(
    tables.flatMap(({ prefix, types }) =>
      Object.entries(types).map(([name, texts]) => [prefix + name, texts] as const),
    ),
  );
  return merged;
}

/**
 * One sentence about a type or, with `fieldName`, about one of its fields.
 *
 * @param typeName as in the API description, `io.k8s.api.core.v1.Pod`
 * @returns `undefined` where nothing is written yet
 */
export function descriptionOf(typeName: string, fieldName = ""): string | undefined {
  const texts = descriptions().get(typeName) ?? {};
  const common = commonTexts(typeName);
  return textAt(texts, fieldName) ?? textAt(common, fieldName);
}

function commonTexts(typeName: string): TypeTexts {
  if ((typeSchema(typeName)?.groupVersionKinds.length ?? 0) === 0) return {};
  return typeName.endsWith("List") ? listTexts : kindTexts;
}

function textAt(texts: TypeTexts, name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}
