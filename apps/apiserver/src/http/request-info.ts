// What a method and a path ask for, before anybody knows whether it exists.
//
//   /api/v1/namespaces/NS/pods/NAME/log      core group, subresource log
//   /apis/apps/v1/deployments                all namespaces
//   /api/v1/namespaces/NS/finalize           a namespace's own subresource
//   /readyz                                  not a resource
import type { RequestAttributes } from "@triarch/auth";

export interface ResourceRequest {
  readonly kind: "resource";
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Empty on `/api/v1/namespaces/NS/` alone, which names nothing. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Empty: a collection. */
  readonly name: string;
  /** What stands after the subresource, without a slash in front. */
  readonly rest: string;
}

export interface PathRequest {
  readonly kind: "path";
  /** The method in lower case. */
  readonly verb: string;
  readonly path: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);
const verbs: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** @throws URIError when a segment is no valid percent-encoding */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const segments = path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decodeURIComponent);
  const isPath: PathRequest = { kind: "path", verb: method.toLowerCase(), path };
  const isCore = segments[0] === "api";
  if (!isCore && segments[0] !== "apis") return isPath;
  const prefixLength = isCore ? 2 : 3;
  if (segments.length <= prefixLength) return isPath;
  const group = isCore ? "" : (segments[1] as string);
  const version = segments[prefixLength - 1] as string;
  const { namespace, parts } = splitNamespace(segments.slice(prefixLength));
  const [resource = "", name = "", subresource = "", ...rest] = parts;
  const verb = verbOf(method, name, query);
  return { kind: "resource", verb, group, version, resource, subresource, namespace, name, rest: rest.join("/") };
}

/** `namespaces/NS/pods` is pods in NS; `namespaces/NS` and `namespaces/NS/finalize` are the namespace itself. */
function splitNamespace(parts: readonly string[]): { namespace: string; parts: readonly string[] } {
  if (parts[0] !== "namespaces") return { namespace: "", parts };
  const namespace = parts[1] ?? "";
  const next = parts[2];
  if (next === undefined || namespaceSubresources.has(next)) return { namespace, parts };
  return { namespace, parts: parts.slice(2) };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  const verb = verbs[method] ?? method.toLowerCase();
  if (name !== "") return verb;
  if (verb === "get") return isTrue(query.get("watch")) ? "watch" : "list";
  return verb === "delete" ? "deletecollection" : verb;
}

/** Go's idea of a true query parameter, which also takes the bare name. */
export function isTrue(value: string | null): boolean {
  return value !== null && !["0", "false", "False", "FALSE", "f", "F"].includes(value);
}

/** What authorisation looks at. A collection narrowed to one name counts as that object. */
export function attributesOf(info: RequestInfo, query: URLSearchParams): RequestAttributes {
  if (info.kind === "path") return info;
  const { verb, group, resource, subresource, namespace } = info;
  const name = info.name === "" ? nameFromSelector(query) : info.name;
  return { kind: "resource", verb, apiGroup: group, resource, subresource, namespace, name };
}

function nameFromSelector(query: URLSearchParams): string {
  const match = /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get("fieldSelector") ?? "");
  return match?.[1] ?? "";
}
