// Flow schemas and priority levels as every cluster has them, in force until the stored ones are known; the mandatory ones
// also when somebody took them away.
import {
  apiVersionOf,
  applyDefaults,
  type FlowSchema,
  type JsonObject,
  type PriorityLevelConfiguration,
  type ResourceInfo,
} from "@triarch/api";
import {
  catchAllName,
  exemptName,
  type FlowSchemaConfig,
  type PriorityLevelConfig,
  readFlowSchema,
  readPriorityLevel,
} from "@triarch/flow-control";
import { resourceOf } from "../bootstrap/bootstrap.ts";
import { flowSchemas, priorityLevels } from "../bootstrap/flow-control.ts";

export interface FlowControlConfiguration {
  readonly schemas: readonly FlowSchemaConfig[];
  readonly levels: readonly PriorityLevelConfig[];
}

export interface BuiltInObjects {
  readonly resource: ResourceInfo;
  /** With defaults, as they are stored. */
  readonly objects: readonly JsonObject[];
}

export function builtInObjects(plural: "flowschemas" | "prioritylevelconfigurations"): BuiltInObjects {
  const resource = resourceOf("flowcontrol.apiserver.k8s.io", "v1", plural);
  const objects = plural === "flowschemas" ? flowSchemas() : priorityLevels();
  for (const object of objects) applyDefaults(apiVersionOf(resource), resource.kind, object);
  return { resource, objects };
}

export const mandatoryNames: ReadonlySet<string> = new Set([exemptName, catchAllName]);

export function builtInConfiguration(): FlowControlConfiguration {
  return readConfiguration(flowSchemas(), priorityLevels());
}

/** What stored objects say. Those that contradict themselves are left out, mandatory ones that are missing come from us. */
export function configurationOf(
  schemas: readonly JsonObject[],
  levels: readonly JsonObject[],
): FlowControlConfiguration {
  const stored = readConfiguration(schemas, levels);
  const own = builtInConfiguration();
  return { schemas: withMandatory(stored.schemas, own.schemas), levels: withMandatory(stored.levels, own.levels) };
}

function withMandatory<T extends { readonly name: string }>(stored: readonly T[], own: readonly T[]): readonly T[] {
  const missing = own.filter(({ name }) => mandatoryNames.has(name) && !stored.some((one) => one.name === name));
  return [...stored, ...missing];
}

function readConfiguration(schemas: readonly JsonObject[], levels: readonly JsonObject[]): FlowControlConfiguration {
  return {
    schemas: schemas.flatMap((object) => readFlowSchema(object as unknown as FlowSchema) ?? []),
    levels: levels.flatMap((object) => readPriorityLevel(object as unknown as PriorityLevelConfiguration) ?? []),
  };
}
