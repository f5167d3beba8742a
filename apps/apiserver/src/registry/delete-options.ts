// What a client may say about a delete: in the body, or in the query where there is no body.
import {
  type FieldError,
  invalid,
  invalidObject,
  isObject,
  type JsonObject,
  notSupported,
  objectAt,
  StatusError,
  textAt,
} from "@triarch/api";
import { queryInteger } from "../http/query-integer.ts";
import { isTrue } from "../http/request-info.ts";
import type { Preconditions } from "../storage/index.ts";

export type Propagation = "Foreground" | "Background" | "Orphan";

export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  /** Undefined: the object's own finalizers decide. */
  readonly propagation: Propagation | undefined;
  readonly preconditions: Preconditions;
  readonly dryRun: boolean;
}

const propagations: readonly string[] = ["Foreground", "Background", "Orphan", "nil"];

/** @throws StatusError 422 */
export function readDeleteOptions(body: JsonObject | undefined, query: URLSearchParams): DeleteOptions {
  const given = body ?? fromQuery(query);
  const errors: FieldError[] = [];
  const policy = textAt(given, "propagationPolicy");
  const orphan = given["orphanDependents"];
  if (policy !== "" && orphan !== undefined && orphan !== null) {
    const why = "orphanDependents and deletionPropagation cannot be both set";
    errors.push(invalid("propagationPolicy", policy, why));
  } else if (policy !== "" && (!propagations.includes(policy) || policy === "nil")) {
    errors.push(notSupported("propagationPolicy", policy, propagations));
  }
  const dryRun = Array.isArray(given["dryRun"]) ? given["dryRun"] : query.getAll("dryRun");
  errors.push(...dryRunErrors(dryRun));
  if (errors.length > 0)
    throw new StatusError(invalidObject({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors));
  const grace = given["gracePeriodSeconds"];
  const preconditions = objectAt(given, "preconditions") ?? {};
  const [uid, resourceVersion] = [textAt(preconditions, "uid"), textAt(preconditions, "resourceVersion")];
  return {
    // A negative grace period counts as one second, as in Kubernetes.
    gracePeriodSeconds: typeof grace === "number" ? (grace < 0 ? 1 : grace) : undefined,
    propagation: policy === "" ? propagationOfOrphan(orphan) : (policy as Propagation),
    preconditions: {
      ...(uid === "" ? {} : { uid }),
      ...(resourceVersion === "" ? {} : { resourceVersion }),
    },
    dryRun: dryRun.length > 0,
  };
}

export function dryRunErrors(values: readonly unknown[]): readonly FieldError[] {
  if (values.every((value) => value === "All")) return [];
  const shown = values.filter((value) => typeof value === "string");
  return [{ type: "FieldValueNotSupported", field: "dryRun", detail: 'supported values: "All"', badValue: shown }];
}

function propagationOfOrphan(orphan: unknown): Propagation | undefined {
  if (orphan === true) return "Orphan";
  return orphan === false ? "Background" : undefined;
}

function fromQuery(query: URLSearchParams): JsonObject {
  const grace = queryInteger(query, "gracePeriodSeconds");
  const orphan = query.get("orphanDependents");
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
    propagationPolicy: query.get("propagationPolicy") ?? "",
  };
}

/** The delete options of a body that was decoded; anything else counts as none. */
export function deleteOptionsBody(value: unknown): JsonObject | undefined {
  return isObject(value as JsonObject) ? (value as JsonObject) : undefined;
}
