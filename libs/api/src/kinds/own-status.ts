// What the API server itself says in the status of objects that configure it: whether a definition's names are accepted,
// whether a flow schema's priority level exists, whether an aggregated API can be reached. Plans only: who calls them
// watches the objects and writes what they say.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  childOf,
  deepCopy,
  deepCopyValue,
  deepEqual,
  isObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  ownField,
  textAt,
} from "../meta/mutable.ts";
import { timeText } from "../meta/time.ts";
import { isEstablished } from "./custom-resource-definitions.ts";

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

const singleNames = ["plural", "singular", "kind", "listKind"];

/**
 * The definition with the names that it may have: those that no other definition of its group has. A name that is taken
 * stays what was accepted before. Once established it stays so.
 * @param others definitions in the cluster; itself and other groups may be among them
 */
export function acceptNames(definition: JsonObject, others: readonly JsonObject[], nowMs: number): MutableObject {
  const next = deepCopy(definition);
  const status = childOf(next, "status");
  const names = objectAt(objectAt(definition, "spec") ?? {}, "names") ?? {};
  const taken = namesTaken(definition, others);
  const accepted = objectAt(status, "acceptedNames") ?? {};
  const conflicts: Condition[] = [];
  const result: MutableObject = {};
  for (const [field, value] of Object.entries(names)) {
    const found = conflict(field, value ?? null, taken);
    if (found !== undefined) conflicts.push(found);
    const kept = found === undefined ? value : ownField(accepted, field);
    if (kept !== undefined) result[field] = deepCopyValue(kept);
  }
  status["acceptedNames"] = result;
  const problem = conflicts[0];
  setCondition(next, problem ?? accept("NamesAccepted", "NoConflicts", "no conflicts found"), nowMs);
  if (!isEstablished(definition)) {
    const refused = { type: "Established", status: "False", reason: "NotAccepted" } as const;
    setCondition(
      next,
      problem === undefined
        ? accept("Established", "InitialNamesAccepted", "the initial names have been accepted")
        : { ...refused, message: "not all names are accepted" },
      nowMs,
    );
  }
  return next;
}

function accept(type: string, reason: string, message: string): Condition {
  return { type, status: "True", reason, message };
}

interface Taken {
  /** Plural, singular and short names share one space: all of them are resources on a command line. */
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

function namesTaken(definition: JsonObject, others: readonly JsonObject[]): Taken {
  const [group, name] = [groupOf(definition), textAt(objectAt(definition, "metadata"), "name")];
  const accepted = others
    .filter((other) => groupOf(other) === group && textAt(objectAt(other, "metadata"), "name") !== name)
    .map((other) => objectAt(objectAt(other, "status") ?? {}, "acceptedNames") ?? {});
  const textsOf = (field: string): readonly string[] =>
    accepted.map((names) => textAt(names, field)).filter((text) => text !== "");
  const shortNames = accepted.flatMap((names) => listAt(names, "shortNames")).filter((one) => typeof one === "string");
  return {
    resources: new Set([...textsOf("plural"), ...textsOf("singular"), ...shortNames]),
    kinds: new Set([...textsOf("kind"), ...textsOf("listKind")]),
  };
}

function groupOf(definition: JsonObject): string {
  return textAt(objectAt(definition, "spec"), "group");
}

function conflict(field: string, value: JsonValue, taken: Taken): Condition | undefined {
  const values = singleNames.includes(field) ? [value] : field === "shortNames" && Array.isArray(value) ? value : [];
  const space = field === "kind" || field === "listKind" ? taken.kinds : taken.resources;
  const found = values.filter((one): one is string => typeof one === "string" && space.has(one));
  if (found.length === 0) return undefined;
  const reason = `${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`;
  const message = found.map((one) => `${JSON.stringify(one)} is already in use`).join(", ");
  return { type: "NamesAccepted", status: "False", reason, message };
}

/** Sets one condition; its time changes only with its status. */
export function setCondition(object: MutableObject, wanted: Condition, nowMs: number): void {
  const status = childOf(object, "status");
  const conditions = listAt(status, "conditions").filter(isObject);
  const at = conditions.findIndex((condition) => textAt(condition, "type") === wanted.type);
  const before = conditions[at] ?? {};
  const same = textAt(before, "status") === wanted.status;
  const { type, status: state, reason, message } = wanted;
  const lastTransitionTime = same ? (before["lastTransitionTime"] ?? null) : timeText(nowMs);
  const next = { ...before, type, status: state, lastTransitionTime, reason, message };
  const all = at < 0 ? [...conditions, next] : conditions.with(at, next);
  status["conditions"] = all.map((condition) => deepCopy(condition));
}

/** True where `object` says already what `wanted` says. */
export function hasCondition(object: JsonObject, wanted: Condition): boolean {
  return listAt(objectAt(object, "status") ?? {}, "conditions")
    .filter(isObject)
    .some((condition) => {
      const { lastTransitionTime: _, ...said } = condition;
      return deepEqual(said, { ...wanted });
    });
}

/** Does the priority level of a flow schema exist? */
export function danglingCondition(flowSchema: JsonObject, levelExists: boolean): Condition {
  const spec = objectAt(flowSchema, "spec") ?? {};
  const name = JSON.stringify(textAt(objectAt(spec, "priorityLevelConfiguration"), "name"));
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${name}`;
  return levelExists
    ? { type: "Dangling", status: "False", reason: "Found", message: `${about} and it exists` }
    : { type: "Dangling", status: "True", reason: "NotFound", message: `${about} but there is no such object` };
}

/** What is known of the service behind an aggregated API. */
export interface ServiceState {
  /** The service, where it exists. */
  readonly service: JsonObject | undefined;
  /** Is there an address behind it? */
  readonly hasEndpoints: boolean;
}

/** Can the API behind an APIService be reached? One without a service is this server's own. */
export function availableCondition(apiService: JsonObject, { service, hasEndpoints }: ServiceState): Condition {
  const reference = objectAt(objectAt(apiService, "spec") ?? {}, "service");
  if (reference === undefined) return accept("Available", "Local", "Local APIServices are always available");
  const [namespace, name] = [textAt(reference, "namespace"), textAt(reference, "name")];
  const port = numberAt(reference, "port") ?? 0;
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const unavailable = (reason: string, message: string): Condition => ({
    type: "Available",
    status: "False",
    reason,
    message,
  });
  if (service === undefined) return unavailable("ServiceNotFound", `${where} is not present`);
  const spec = objectAt(service, "spec") ?? {};
  const ports = listAt(spec, "ports").filter(isObject);
  if (!ports.some((one) => one["port"] === port)) {
    return unavailable("ServicePortError", `${where} is not listening on port ${port}`);
  }
  if (!hasEndpoints) {
    const portName = JSON.stringify(textAt(ports.find((one) => one["port"] === port) ?? {}, "name"));
    return unavailable("MissingEndpoints", `endpoints for ${where} have no addresses with port name ${portName}`);
  }
  return unavailable(
    "FailedDiscoveryCheck",
    `${where} is not asked: this server does not forward to other API servers`,
  );
}
