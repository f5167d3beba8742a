// From verb, resource and subresource to a handler. What the tables of `@triarch/api` do not list is not there.
import {
  certificateApproval,
  findResource,
  methodNotAllowed,
  pathNotFound,
  podEphemeralContainers,
  podResize,
  resources,
  StatusError,
  type SubresourceRules,
} from "@triarch/api";
import type { Answer, ApiRequest } from "../http/answer.ts";
import { textAnswer } from "../http/answer.ts";
import type { ResourceRequest } from "../http/request-info.ts";
import type { Api, ResourceCall } from "./api.ts";
import { handleComponentStatus, handleComponentStatuses } from "./component-statuses.ts";
import { handleFinalize } from "./namespace-finalize.ts";
import { handlePatch } from "./patch.ts";
import { handleBinding, handleNamelessBinding } from "./pod-binding.ts";
import { handleEviction } from "./pod-eviction.ts";
import { handleLog } from "./pod-log.ts";
import { handleAttach, handleExec, handlePortForward } from "./pod-streams.ts";
import { handleGet, handleList } from "./read.ts";
import {
  handleLocalSubjectAccessReview,
  handleSelfSubjectAccessReview,
  handleSelfSubjectRulesReview,
  handleSubjectAccessReview,
} from "./reviews/access-reviews.ts";
import { handleSelfSubjectReview, handleTokenReview } from "./reviews/identity-reviews.ts";
import { handleProxy } from "./proxy.ts";
import { handleScale } from "./scale.ts";
import { handleServiceAccountToken } from "./service-account-token.ts";
import { handleWatch } from "./watch.ts";
import { handleCreate, handleDelete, handleDeleteCollection, handleUpdate } from "./write.ts";

type Handler = (call: ResourceCall) => Promise<Answer>;

const objectHandlers: Readonly<Record<string, Handler>> = {
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  create: handleCreate,
  update: (call) => handleUpdate(call, "main"),
  patch: (call) => handlePatch(call, "main"),
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
};

/** Resources that are questions or commands, stored nowhere. */
const unstoredHandlers: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  "/bindings": { create: handleNamelessBinding },
  "/componentstatuses": { get: handleComponentStatus, list: handleComponentStatuses },
  "authentication.k8s.io/selfsubjectreviews": { create: handleSelfSubjectReview },
  "authentication.k8s.io/tokenreviews": { create: handleTokenReview },
  "authorization.k8s.io/localsubjectaccessreviews": { create: handleLocalSubjectAccessReview },
  "authorization.k8s.io/selfsubjectaccessreviews": { create: handleSelfSubjectAccessReview },
  "authorization.k8s.io/selfsubjectrulesreviews": { create: handleSelfSubjectRulesReview },
  "authorization.k8s.io/subjectaccessreviews": { create: handleSubjectAccessReview },
};

const subresourceHandlers: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  status: {
    get: handleGet,
    update: (call) => handleUpdate(call, "status"),
    patch: (call) => handlePatch(call, "status"),
  },
  scale: { get: handleScale, update: handleScale, patch: handleScale },
  binding: { create: handleBinding },
  eviction: { create: handleEviction },
  finalize: { update: handleFinalize },
  ephemeralcontainers: confined(podEphemeralContainers),
  resize: confined(podResize),
  approval: confined(certificateApproval),
  log: { get: handleLog },
  exec: { get: handleExec, create: handleExec },
  attach: { get: handleAttach, create: handleAttach },
  portforward: { get: handlePortForward, create: handlePortForward },
  proxy: Object.fromEntries(
    ["get", "create", "update", "patch", "delete", "options"].map((verb) => [verb, handleProxy]),
  ),
  token: { create: handleServiceAccountToken },
};

/** A path that shows the object and changes a part of it. */
function confined(rules: SubresourceRules): Readonly<Record<string, Handler>> {
  return {
    get: handleGet,
    update: (call) => handleUpdate(call, rules),
    patch: (call) => handlePatch(call, rules),
  };
}

const groupVersions: ReadonlySet<string> = new Set(resources.map(({ group, version }) => `${group}/${version}`));

/** @throws StatusError 404 | 405 and what the handlers throw */
export async function handleResource(api: Api, request: ApiRequest, info: ResourceRequest): Promise<Answer> {
  if (!groupVersions.has(`${info.group}/${info.version}`)) return textAnswer("404 page not found\n", 404);
  const resource = findResource(info.group, info.version, info.resource);
  if (resource === undefined || (info.rest !== "" && info.subresource !== "proxy"))
    throw new StatusError(pathNotFound());
  if (!resource.namespaced && info.namespace !== "" && resource.resource !== "namespaces") {
    throw new StatusError(pathNotFound());
  }
  const own = resource.namespaced ? info : { ...info, namespace: "" };
  return handlerFor({ api, request, info: own, resource })({ api, request, info: own, resource });
}

function handlerFor({ info, resource }: ResourceCall): Handler {
  const { verb, subresource, namespace, name } = info;
  // An object of a namespaced kind is only reached through its namespace; lists may span all.
  if (resource.namespaced && namespace === "" && (name !== "" || verb === "create" || verb === "deletecollection")) {
    throw new StatusError(name === "" ? methodNotAllowed() : pathNotFound());
  }
  if (subresource === "") {
    const handler = objectHandlers[verb];
    const isCollectionVerb = ["list", "watch", "create", "deletecollection"].includes(verb);
    if (handler === undefined || !resource.verbs.includes(verb) || isCollectionVerb !== (name === "")) {
      throw new StatusError(methodNotAllowed());
    }
    return unstoredHandlers[`${resource.group}/${resource.resource}`]?.[verb] ?? handler;
  }
  const served = resource.subresources.find((one) => one.name === subresource);
  const handlers = subresourceHandlers[subresource];
  if (served === undefined || handlers === undefined) throw new StatusError(pathNotFound());
  const handler = handlers[verb];
  if (handler === undefined || (verb !== "options" && !served.verbs.includes(verb)))
    throw new StatusError(methodNotAllowed());
  return handler;
}
