// The statuses that the API server itself writes: names of custom resource definitions, flow schemas that dangle, aggregated
// APIs that can't be reached. Fields are owned as Kubernetes' API server owns them.
import {
  acceptNames,
  apiVersionOf,
  applyConfiguration,
  availableCondition,
  cleanupFinalizer,
  danglingCondition,
  deepCopy,
  deepEqual,
  hasCondition,
  type JsonObject,
  listAt,
  childOf,
  type MutableObject,
  objectAt,
  type ResourceInfo,
  type ServiceState,
  setCondition,
  StatusError,
  type StatusCondition,
  textAt,
  timeText,
} from "@triarch/api";
import type { Logger } from "@triarch/telemetry";
import { readOrUndefined, resourceOf, serverUser } from "../bootstrap/bootstrap.ts";
import type { Registry } from "../registry/registry.ts";
import { updateObject, type UpdateTarget } from "../registry/update.ts";
import type { EncodedObject } from "../storage/index.ts";
import { type ObjectKeeper, startObjectKeeper } from "./object-keeper.ts";

/** Between the mark and the end of a definition, so that all masters have stopped to serve its objects. */
const definitionLingerMs = 1_000;
const serverManager = "kube-apiserver";
const flowControlManager = "api-priority-and-fairness-config-consumer-v1";

export interface OwnStatus {
  close(): Promise<void>;
}

export function keepOwnStatus(registry: Registry, logger: Logger): OwnStatus {
  const keepers = [definitionKeeper(registry, logger), flowSchemaKeeper(registry, logger), apiKeeper(registry, logger)];
  return { close: async () => void (await Promise.all(keepers.map((keeper) => keeper.close()))) };
}

function definitionKeeper(registry: Registry, logger: Logger): ObjectKeeper {
  const { store } = registry;
  const resource = resourceOf("apiextensions.k8s.io", "v1", "customresourcedefinitions");
  const groupOf = (definition: JsonObject): string => textAt(objectAt(definition, "spec"), "group");
  return startObjectKeeper({
    store,
    resource,
    logger,
    // A definition that goes, or gives up names, may let another one have them.
    causes: [{ resource, concerns: (object, other) => groupOf(object) === groupOf(other.object()) }],
    keep: async (definition) => {
      const meta = objectAt(definition, "metadata") ?? {};
      if (textAt(meta, "deletionTimestamp") !== "") return finishDefinition(registry, resource, definition);
      const { items } = await store.list(resource, { resourceVersion: "0" });
      const others = items.map((item) => item.object());
      const plan = (current: JsonObject): MutableObject => acceptNames(current, others, registry.clock.nowMs());
      if (deepEqual(plan(definition), definition)) return undefined;
      await write(registry, resource, definition, { produce: plan });
      return undefined;
    },
  });
}

/** There are no objects of it that would have to go first, so the definition goes once it has lingered. */
async function finishDefinition(
  registry: Registry,
  resource: ResourceInfo,
  definition: JsonObject,
): Promise<number | undefined> {
  const meta = objectAt(definition, "metadata") ?? {};
  if (!listAt(meta, "finalizers").includes(cleanupFinalizer)) return undefined;
  const leftMs = Date.parse(textAt(meta, "deletionTimestamp")) + definitionLingerMs - registry.clock.nowMs();
  if (leftMs > 0) return leftMs;
  await write(registry, resource, definition, {
    target: "raw",
    produce: (current) => {
      const next = deepCopy(current);
      const nextMeta = childOf(next, "metadata");
      nextMeta["finalizers"] = listAt(nextMeta, "finalizers").filter((one) => one !== cleanupFinalizer) as string[];
      return next;
    },
  });
  return undefined;
}

function flowSchemaKeeper(registry: Registry, logger: Logger): ObjectKeeper {
  const { store } = registry;
  const group = "flowcontrol.apiserver.k8s.io";
  const resource = resourceOf(group, "v1", "flowschemas");
  const levels = resourceOf(group, "v1", "prioritylevelconfigurations");
  const levelOf = (schema: JsonObject): string =>
    textAt(objectAt(objectAt(schema, "spec") ?? {}, "priorityLevelConfiguration"), "name");
  return startObjectKeeper({
    store,
    resource,
    logger,
    causes: [{ resource: levels, concerns: (object, other) => levelOf(object) === other.name }],
    keep: async (schema) => {
      const level = await readOrUndefined(store, levels, "", levelOf(schema));
      const condition = danglingCondition(schema, level !== undefined);
      if (hasCondition(schema, condition)) return undefined;
      const name = textAt(objectAt(schema, "metadata"), "name");
      await write(registry, resource, schema, {
        produce: (current) => {
          const nowMs = registry.clock.nowMs();
          const conditions = [{ ...condition, lastTransitionTime: timeText(nowMs) }];
          const head = { apiVersion: apiVersionOf(resource), kind: resource.kind };
          const config = { ...head, metadata: { name }, status: { conditions } };
          const by = { resource, subresource: "status", manager: flowControlManager, nowMs, force: true };
          return applyConfiguration(by, current, config);
        },
        applied: true,
      });
      return undefined;
    },
  });
}

function apiKeeper(registry: Registry, logger: Logger): ObjectKeeper {
  const { store } = registry;
  const resource = resourceOf("apiregistration.k8s.io", "v1", "apiservices");
  const endpoints = resourceOf("", "v1", "endpoints");
  const services = resourceOf("", "v1", "services");
  const concerns = (object: JsonObject, other: EncodedObject): boolean => {
    const reference = objectAt(objectAt(object, "spec") ?? {}, "service");
    return textAt(reference, "name") === other.name && textAt(reference, "namespace") === other.namespace;
  };
  const stateOf = async (apiService: JsonObject): Promise<ServiceState> => {
    const reference = objectAt(objectAt(apiService, "spec") ?? {}, "service");
    if (reference === undefined) return { service: undefined, hasEndpoints: false };
    const [namespace, name] = [textAt(reference, "namespace"), textAt(reference, "name")];
    const service = await readOrUndefined(store, services, namespace, name);
    const behind = await readOrUndefined(store, endpoints, namespace, name);
    return { service, hasEndpoints: listAt(behind ?? {}, "subsets").length > 0 };
  };
  return startObjectKeeper({
    store,
    resource,
    logger,
    causes: [
      { resource: services, concerns },
      { resource: endpoints, concerns },
    ],
    keep: async (apiService) => {
      const condition: StatusCondition = availableCondition(apiService, await stateOf(apiService));
      if (hasCondition(apiService, condition)) return undefined;
      await write(registry, resource, apiService, {
        produce: (current) => {
          const next = deepCopy(current);
          setCondition(next, condition, registry.clock.nowMs());
          return next;
        },
      });
      return undefined;
    },
  });
}

interface OwnWrite {
  produce(current: JsonObject): MutableObject;
  readonly target?: UpdateTarget;
  /** The object comes with its managed fields. */
  readonly applied?: boolean;
}

/** An object that is gone meanwhile needs no status. */
async function write(registry: Registry, resource: ResourceInfo, object: JsonObject, change: OwnWrite): Promise<void> {
  const name = textAt(objectAt(object, "metadata"), "name");
  const { target = "status", applied = false } = change;
  try {
    await updateObject(registry, {
      resource,
      namespace: "",
      name,
      user: serverUser,
      subresource: target === "status" ? "status" : "",
      fieldManager: applied || target === "raw" ? undefined : serverManager,
      dryRun: false,
      warnings: [],
      target,
      createIfAbsent: false,
      produce: (current) => change.produce(current ?? object),
    });
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.reason !== "NotFound") throw error;
  }
}
