// The Table form of objects: what `kubectl get` prints.
import { type JsonObject, objectAt, type ResourceInfo } from "@triarch/api";
import { metadataOf } from "./metadata-view.ts";

export interface TableOptions {
  readonly apiVersion: string;
  readonly nowMs: number;
  /** `includeObject` of the query: None, Object, or anything else for metadata only. */
  readonly includeObject: string;
  readonly listMeta: JsonObject;
  /** False on all but the first event of a watch: clients keep the columns. */
  readonly columns: boolean;
}

export function tableOf(_resource: ResourceInfo, objects: readonly JsonObject[], options: TableOptions): JsonObject {
  const rows = objects.map((object) => ({
    cells: [objectAt(object, "metadata")?.["name"] ?? "", objectAt(object, "metadata")?.["creationTimestamp"] ?? ""],
    object: options.includeObject === "None" ? null : options.includeObject === "Object" ? object : metadataOf(object, options.apiVersion),
  }));
  return { kind: "Table", apiVersion: options.apiVersion, metadata: options.listMeta, columnDefinitions: [], rows };
}
