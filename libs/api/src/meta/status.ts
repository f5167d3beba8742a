// The `Status` documents with which an API server answers failure. Texts, reasons and codes are matched by clients.
import type { StatusCause, StatusDetails } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { fieldErrorBody, fieldErrorText, type FieldError } from "./field-error.ts";

/** The part of a resource's description that error texts need; `ResourceInfo` has it. */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

export interface KindName {
  readonly group: string;
  readonly kind: string;
}

/** A `meta/v1 Status` that says why not. `code` is the HTTP status to answer with. */
export interface FailureStatus {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: JsonObject;
  readonly status: "Failure";
  readonly message: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** Thrown where a request can't be served; the HTTP side answers with `status`. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: FailureStatus;
  constructor(status: FailureStatus, options?: ErrorOptions) {
    super(status.message, options);
    this.status = status;
  }
}

export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: StatusDetails,
): FailureStatus {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** `deployments.apps`, or just `pods` in the core group. */
export function qualifiedResource({ group, resource }: ResourceName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

function qualifiedKind({ group, kind }: KindName): string {
  return group === "" ? kind : `${kind}.${group}`;
}

function detailsOf(name: string, group: string, kind: string): StatusDetails {
  return { ...(name === "" ? {} : { name }), ...(group === "" ? {} : { group }), ...(kind === "" ? {} : { kind }) };
}

export function notFound(resource: ResourceName, name: string): FailureStatus {
  const details = detailsOf(name, resource.group, resource.resource);
  return failure(404, "NotFound", `${qualifiedResource(resource)} "${name}" not found`, details);
}

/** No such path or resource. */
export function pathNotFound(): FailureStatus {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(resource: ResourceName, name: string): FailureStatus {
  const details = detailsOf(name, resource.group, resource.resource);
  return failure(409, "AlreadyExists", `${qualifiedResource(resource)} "${name}" already exists`, details);
}

export const modifiedText =
  "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(resource: ResourceName, name: string, why: string = modifiedText): FailureStatus {
  const details = detailsOf(name, resource.group, resource.resource);
  return failure(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`,
    details,
  );
}

/**
 * A delete or update whose precondition does not hold. Kubernetes names the kind here, not the resource:
 * `Operation cannot be fulfilled on ConfigMap "pre": the UID in the precondition (a) does not match …`.
 */
export function preconditionConflict(
  kind: KindName,
  name: string,
  field: "UID" | "ResourceVersion",
  { wanted, found }: { readonly wanted: string; readonly found: string },
): FailureStatus {
  const what = field === "UID" ? "deleted and then recreated" : "modified";
  const why = `the ${field} in the precondition (${wanted}) does not match the ${field} in record (${found}). The object might have been ${what}`;
  return conflict({ group: kind.group, resource: kind.kind }, name, why);
}

/** 422: all errors of all fields. Texts that repeat are shown once, causes are kept as they are. */
export function invalidObject(served: KindName, name: string, errors: readonly FieldError[]): FailureStatus {
  // Both groups' events are judged as the core group's.
  const kind = served.group === "events.k8s.io" ? { group: "", kind: served.kind } : served;
  const texts = [...new Set(errors.map(fieldErrorText))];
  const shown = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const causes = errors.map((error) => ({ reason: error.type, message: fieldErrorBody(error), field: error.field }));
  return failure(422, "Invalid", `${qualifiedKind(kind)} ${JSON.stringify(name)} is invalid: ${shown}`, {
    ...detailsOf(name, kind.group, kind.kind),
    ...(causes.length === 0 ? {} : { causes }),
  });
}

/** 422 without saying which field: what a patch that can't be applied gets. */
export function unprocessable(): FailureStatus {
  return failure(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

export function badRequest(message: string): FailureStatus {
  return failure(400, "BadRequest", message);
}

export function unauthorized(): FailureStatus {
  return failure(401, "Unauthorized", "Unauthorized");
}

/** @param why the whole sentence after `… is forbidden: ` */
export function forbiddenRequest(resource: ResourceName, name: string, why: string): FailureStatus {
  const subject = qualifiedResource(resource);
  const message = name === "" ? `${subject} is forbidden: ${why}` : `${subject} "${name}" is forbidden: ${why}`;
  return failure(403, "Forbidden", message, detailsOf(name, resource.group, resource.resource));
}

export function methodNotAllowed(): FailureStatus {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** The resource exists, this action on it does not: `delete is not supported on resources of kind "pods"`. */
export function methodNotSupported(resource: ResourceName, action: string): FailureStatus {
  const details = detailsOf("", resource.group, resource.resource);
  const message = `${action} is not supported on resources of kind "${qualifiedResource(resource)}"`;
  return failure(405, "MethodNotAllowed", message, details);
}

export function notAcceptable(mediaTypes: readonly string[]): FailureStatus {
  const message = `406: Not Acceptable\n\nAvailable representations: ${mediaTypes.join(", ")}`;
  return failure(406, "NotAcceptable", message, {});
}

export function unsupportedMediaType(mediaTypes: readonly string[]): FailureStatus {
  const message = `the body of the request was in an unknown format - accepted media types include: ${mediaTypes.join(", ")}`;
  return failure(415, "UnsupportedMediaType", message);
}

/** A PATCH whose content type is no patch. */
export function unsupportedPatchType(): FailureStatus {
  return failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
}

export function requestEntityTooLarge(message: string): FailureStatus {
  return failure(413, "RequestEntityTooLarge", `Request entity is too large: ${message}`);
}

/** 410: the resourceVersion asked for is no longer known. */
export function expired(message: string): FailureStatus {
  return failure(410, "Expired", message);
}

export function timeout(message: string, retryAfterSeconds = 0): FailureStatus {
  return failure(504, "Timeout", `Timeout: ${message}`, retryAfterSeconds > 0 ? { retryAfterSeconds } : {});
}

/** 504 for a resourceVersion in the future; the cause lets clients tell it from other time-outs. */
export function tooLargeResourceVersion(wanted: string, current: string): FailureStatus {
  return failure(504, "Timeout", `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

export function tooManyRequests(message: string, retryAfterSeconds = 1): FailureStatus {
  return failure(429, "TooManyRequests", message, { retryAfterSeconds });
}

/** An eviction that a disruption budget does not allow now. */
export function disruptionBudgetExceeded(causes: readonly StatusCause[]): FailureStatus {
  const message = "Cannot evict pod as it would violate the pod's disruption budget.";
  return failure(429, "TooManyRequests", message, { causes });
}

export function internalError(message: string): FailureStatus {
  return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

export function serviceUnavailable(message: string): FailureStatus {
  return failure(503, "ServiceUnavailable", message);
}
