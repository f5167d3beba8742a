// PartialObjectMetadata: any object cut down to what all objects have.
import { type JsonObject, objectAt } from "@triarch/api";

export function metadataOf(object: JsonObject, apiVersion: string): JsonObject {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: objectAt(object, "metadata") ?? {} };
}

export function metadataListOf(objects: readonly JsonObject[], apiVersion: string, listMeta: JsonObject): JsonObject {
  const items = objects.map((object) => metadataOf(object, apiVersion));
  return { kind: "PartialObjectMetadataList", apiVersion, metadata: listMeta, items };
}
