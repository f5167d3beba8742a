// The paths of a resource in OpenAPI v3: what clients look for there is the kind, the action, the query parameters
// (`fieldValidation` tells kubectl that the server validates) and the content types that PATCH takes.
import type { JsonObject } from "../json.ts";
import type { ResourceInfo, SubresourceInfo } from "../schema/resource-info.ts";
import { typeNameOfKind } from "../schema/type-table.ts";
import { schemaRef } from "./components.ts";

/** Patch documents the server takes. */
export const patchContentTypes: readonly string[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];
const producedContentTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const metaVersion = "v1";

type Action = "list" | "get" | "post" | "put" | "patch" | "delete" | "deletecollection";
const methodOf: Readonly<Record<Action, string>> = {
  list: "get",
  get: "get",
  post: "post",
  put: "put",
  patch: "patch",
  delete: "delete",
  deletecollection: "delete",
};
const operationPrefix: Readonly<Record<Action, string>> = {
  list: "list",
  get: "read",
  post: "create",
  put: "replace",
  patch: "patch",
  delete: "delete",
  deletecollection: "deleteCollection",
};

const listQuery: readonly (readonly [string, string])[] = [
  ["allowWatchBookmarks", "boolean"],
  ["continue", "string"],
  ["fieldSelector", "string"],
  ["labelSelector", "string"],
  ["limit", "integer"],
  ["resourceVersion", "string"],
  ["resourceVersionMatch", "string"],
  ["sendInitialEvents", "boolean"],
  ["timeoutSeconds", "integer"],
  ["watch", "boolean"],
];
const deleteQuery: readonly (readonly [string, string])[] = [
  ["dryRun", "string"],
  ["gracePeriodSeconds", "integer"],
  ["orphanDependents", "boolean"],
  ["propagationPolicy", "string"],
];
const writeQuery: readonly (readonly [string, string])[] = [
  ["dryRun", "string"],
  ["fieldManager", "string"],
  ["fieldValidation", "string"],
];
const queryOf: Readonly<Record<Action, readonly (readonly [string, string])[]>> = {
  list: listQuery,
  get: [],
  post: writeQuery,
  put: writeQuery,
  patch: [...writeQuery, ["force", "boolean"]],
  delete: deleteQuery,
  deletecollection: [
    ...deleteQuery,
    ...listQuery.filter(([name]) => name !== "watch" && name !== "allowWatchBookmarks"),
  ],
};

interface Target {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Of what comes back; `undefined` where it is not in the schema (a log is text). */
  readonly typeName: string | undefined;
  readonly listTypeName: string | undefined;
  /** End of the operation's id: `CoreV1NamespacedPodStatus`. */
  readonly id: string;
}

/** Every path of `info` below `base` (`/api/v1`, `/apis/apps/v1`), with its operations. */
export function resourcePaths(base: string, info: ResourceInfo): Readonly<Record<string, JsonObject>> {
  const scope = info.namespaced ? "/namespaces/{namespace}" : "";
  const collection = `${base}${scope}/${info.resource}`;
  const target = targetOf(info, undefined);
  const has = (verb: string): boolean => info.verbs.includes(verb);
  const paths: Record<string, JsonObject> = {
    [collection]: operations(target, info.namespaced ? ["namespace"] : [], [
      has("list") && "list",
      has("create") && "post",
      has("deletecollection") && "deletecollection",
    ]),
    [`${collection}/{name}`]: operations(target, info.namespaced ? ["name", "namespace"] : ["name"], [
      has("get") && "get",
      has("update") && "put",
      has("patch") && "patch",
      has("delete") && "delete",
    ]),
  };
  if (info.namespaced)
    paths[`${base}/${info.resource}`] = operations({ ...target, id: `${target.id}ForAllNamespaces` }, [], ["list"]);
  for (const subresource of info.subresources) {
    const verbs = new Set(subresource.verbs);
    paths[`${collection}/{name}/${subresource.name}`] = operations(
      targetOf(info, subresource),
      info.namespaced ? ["name", "namespace"] : ["name"],
      [
        verbs.has("get") && "get",
        verbs.has("create") && "post",
        verbs.has("update") && "put",
        verbs.has("patch") && "patch",
      ],
    );
  }
  return paths;
}

/** Type names that the operations of `info` refer to. */
export function referencedTypes(info: ResourceInfo): readonly string[] {
  const targets = [targetOf(info, undefined), ...info.subresources.map((subresource) => targetOf(info, subresource))];
  return [
    ...targets.flatMap((target) => [target.typeName, target.listTypeName]).filter((name) => name !== undefined),
    `${meta}.DeleteOptions`,
    `${meta}.Patch`,
    `${meta}.Status`,
  ];
}

function targetOf(info: ResourceInfo, subresource: SubresourceInfo | undefined): Target {
  const { group, version, kind } = subresource ?? info;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const groupName = info.group === "" ? "core" : info.group.replace(/\.(authorization\.|apiserver\.)?k8s\.io$/, "");
  const id = [groupName, info.version, info.namespaced ? "namespaced" : "", info.kind, subresource?.name ?? ""];
  return {
    group,
    version,
    kind,
    typeName: subresource?.name === "log" ? undefined : typeNameOfKind(apiVersion, kind),
    listTypeName: subresource === undefined ? typeNameOfKind(apiVersion, info.listKind) : undefined,
    id: id.map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join(""),
  };
}

function operations(
  target: Target,
  pathParameters: readonly string[],
  actions: readonly (Action | false)[],
): JsonObject {
  const parameters = pathParameters.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", uniqueItems: true },
  }));
  const item: Record<string, JsonObject | readonly JsonObject[]> = {};
  for (const action of actions) if (action !== false) item[methodOf[action]] = operation(target, action);
  return { ...item, parameters: [...parameters, query("pretty", "string")] };
}

function operation(target: Target, action: Action): JsonObject {
  const { group, version, kind } = target;
  const answered =
    action === "list" ? target.listTypeName : action === "deletecollection" ? `${meta}.Status` : target.typeName;
  const content = Object.fromEntries(
    answered === undefined
      ? [["text/plain", { schema: { type: "string" } }]]
      : producedContentTypes.map((type) => [type, { schema: schemaRef(answered) }]),
  );
  return {
    operationId: `${operationPrefix[action]}${target.id}`,
    tags: [target.id.slice(0, target.id.length - kind.length) || metaVersion],
    parameters: queryOf[action].map(([name, type]) => query(name, type)),
    ...requestBody(target, action),
    responses: { "200": { description: "OK", content }, "401": { description: "Unauthorized" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind },
  };
}

function requestBody(target: Target, action: Action): JsonObject {
  switch (action) {
    case "post":
    case "put":
      if (target.typeName === undefined) return {};
      return { requestBody: { required: true, content: { "*/*": { schema: schemaRef(target.typeName) } } } };
    case "patch": {
      const schema = schemaRef(`${meta}.Patch`);
      return {
        requestBody: {
          required: true,
          content: Object.fromEntries(patchContentTypes.map((type) => [type, { schema }])),
        },
      };
    }
    case "delete":
    case "deletecollection":
      return { requestBody: { content: { "*/*": { schema: schemaRef(`${meta}.DeleteOptions`) } } } };
    case "list":
    case "get":
      return {};
  }
}

function query(name: string, type: string): JsonObject {
  return { name, in: "query", schema: { type, uniqueItems: true } };
}
