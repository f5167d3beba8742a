// Resources that two group versions share: one storage, and a conversion. Events differ in names of fields,
// HorizontalPodAutoscalers in more (autoscaler-versions.ts).
import type { JsonObject } from "../json.ts";
import { deepCopyValue, setOwn } from "../meta/mutable.ts";
import type { MutableObject } from "../meta/mutable.ts";
import { prune } from "../structure/structure.ts";
import { convertAutoscaler, isAutoscalerVersion, storedAutoscalerVersion } from "./autoscaler-versions.ts";
import type { ResourceInfo } from "./resource-info.ts";
import { apiVersionOf } from "./resources.ts";

const coreEvents = "v1";
const groupEvents = "events.k8s.io/v1";

/** Core field to field of events.k8s.io/v1; the others have the same name. */
const eventFields: readonly (readonly [core: string, group: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];
const toCore = new Map(eventFields.map(([core, group]) => [group, core]));
const toGroup = new Map(eventFields);

/** The apiVersion under which objects of a resource are stored. */
export function storageApiVersion(resource: ResourceInfo): string {
  const apiVersion = apiVersionOf(resource);
  if (resource.storagePrefix === "/registry/events") return coreEvents;
  return isAutoscalerVersion(apiVersion) ? storedAutoscalerVersion : apiVersion;
}

/**
 * `object` as `apiVersion` shows it: itself where it has that version already, otherwise a converted copy.
 * Kinds that live in one version only are returned as they are.
 */
export function convertToVersion(object: JsonObject, apiVersion: string): JsonObject {
  if (object["apiVersion"] === apiVersion) return object;
  if (object["kind"] === "HorizontalPodAutoscaler" && isAutoscalerVersion(apiVersion)) {
    return convertAutoscaler(object, apiVersion);
  }
  if (object["kind"] !== "Event") return object;
  if (apiVersion !== coreEvents && apiVersion !== groupEvents) return object;
  const names = apiVersion === coreEvents ? toCore : toGroup;
  const renamed: MutableObject = {};
  for (const [key, value] of Object.entries(object))
    if (value !== undefined) setOwn(renamed, names.get(key) ?? key, deepCopyValue(value));
  renamed["apiVersion"] = apiVersion;
  return prune(apiVersion === coreEvents ? "io.k8s.api.core.v1.Event" : "io.k8s.api.events.v1.Event", renamed);
}
