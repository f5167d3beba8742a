// The query of lists and watches: which objects, which state. What Kubernetes forbids is refused here, so that storage
// sees only combinations that mean something.
import {
  badRequest,
  type FieldError,
  forbidden,
  invalidObject,
  notSupported,
  parseFieldSelector,
  parseLabelSelector,
  type ResourceInfo,
  StatusError,
  strategyFor,
} from "@triarch/api";
import { queryInteger } from "../http/query-integer.ts";
import { isTrue } from "../http/request-info.ts";
import type { FieldMatcher, LabelMatcher } from "../storage/index.ts";

export interface ParsedListOptions {
  readonly labelSelector: LabelMatcher | undefined;
  readonly fieldSelector: FieldMatcher | undefined;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: "Exact" | "NotOlderThan" | undefined;
  readonly limit: number;
  readonly continue: string;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowBookmarks: boolean;
  /** Undefined: the client named none. */
  readonly timeoutSeconds: number | undefined;
}

/** @throws StatusError 400 | 422 */
export function readListOptions(
  resource: ResourceInfo,
  query: URLSearchParams,
  verb: "list" | "watch" | "deletecollection",
): ParsedListOptions {
  const fieldText = query.get("fieldSelector") ?? "";
  const labelText = query.get("labelSelector") ?? "";
  const initial = query.get("sendInitialEvents");
  const given = {
    resourceVersion: query.get("resourceVersion") ?? "",
    match: query.get("resourceVersionMatch") ?? "",
    continueToken: query.get("continue") ?? "",
    sendInitialEvents: initial === null || initial === "" ? undefined : isTrue(initial),
    watch: verb === "watch",
  };
  const timeoutSeconds = queryInteger(query, "timeoutSeconds");
  const limit = queryInteger(query, "limit") ?? 0;
  const errors = versionErrors(given);
  if (errors.length > 0)
    throw new StatusError(invalidObject({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors));
  if (given.continueToken !== "" && given.resourceVersion !== "" && given.resourceVersion !== "0") {
    throw new StatusError(badRequest("specifying resource version is not allowed when using continue"));
  }
  return {
    labelSelector: labelText === "" ? undefined : labelMatcher(labelText),
    fieldSelector: fieldText === "" ? undefined : fieldMatcher(resource, fieldText),
    resourceVersion: given.resourceVersion,
    resourceVersionMatch: given.match === "" ? undefined : (given.match as "Exact" | "NotOlderThan"),
    limit,
    continue: given.continueToken,
    sendInitialEvents: given.sendInitialEvents,
    allowBookmarks: isTrue(query.get("allowWatchBookmarks")),
    timeoutSeconds,
  };
}

interface VersionOptions {
  readonly resourceVersion: string;
  readonly match: string;
  readonly continueToken: string;
  readonly sendInitialEvents: boolean | undefined;
  readonly watch: boolean;
}

function versionErrors({
  resourceVersion,
  match,
  continueToken,
  sendInitialEvents,
  watch,
}: VersionOptions): FieldError[] {
  const field = "resourceVersionMatch";
  if (watch && sendInitialEvents !== undefined) {
    if (match === "")
      return [forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")];
    return match === "NotOlderThan" ? [] : [notSupported(field, match, ["NotOlderThan"])];
  }
  if (watch)
    return match === ""
      ? []
      : [forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")];
  if (sendInitialEvents !== undefined)
    return [forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")];
  if (match === "") return [];
  const errors: FieldError[] = [];
  if (continueToken !== "")
    errors.push(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
  if (resourceVersion === "")
    errors.push(forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
  if (match !== "Exact" && match !== "NotOlderThan")
    errors.push(notSupported(field, match, ["Exact", "NotOlderThan", ""]));
  if (match === "Exact" && resourceVersion === "0") {
    errors.push(forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  return errors;
}

function labelMatcher(text: string): LabelMatcher | undefined {
  return parseLabelSelector(text);
}

function fieldMatcher(resource: ResourceInfo, text: string): FieldMatcher {
  return parseFieldSelector(text, strategyFor(resource).supportedFieldSelectors);
}
