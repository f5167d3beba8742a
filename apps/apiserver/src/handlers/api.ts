// What handlers share: the parts of the server, and a request that is known to be about a served resource.
import { apiVersionOf, type ResourceInfo } from "@triarch/api";
import type { Logger } from "@triarch/telemetry";
import type { Dispatcher } from "undici";
import type { ApiRequest } from "../http/answer.ts";
import type { ExpectedKind } from "../http/body.ts";
import type { ViewOptions } from "../http/encode.ts";
import type { ResourceRequest } from "../http/request-info.ts";
import type { Identity } from "../identity/identity.ts";
import type { KubeletAccess } from "../kubelet/kubelet-access.ts";
import { fieldManagerOf } from "../http/write-options.ts";
import type { Registry, WriteRequest } from "../registry/registry.ts";

export interface Api {
  readonly registry: Registry;
  readonly identity: Identity;
  /** Undefined: this server has no client certificate for kubelets, so logs can't be read. */
  readonly kubelets: KubeletAccess | undefined;
  /** Connections to pods and services that are proxied. */
  readonly proxyDispatcher: Dispatcher;
  readonly logger: Logger;
}

export interface ResourceCall {
  readonly api: Api;
  readonly request: ApiRequest;
  readonly info: ResourceRequest;
  readonly resource: ResourceInfo;
}

export function kindOf(resource: ResourceInfo): ExpectedKind {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, typeName: resource.typeName };
}

export function viewOptions({ api, request }: ResourceCall): ViewOptions {
  return { nowMs: api.registry.clock.nowMs(), includeObject: request.query.get("includeObject") ?? "" };
}

export function writeRequest({ request, info, resource }: ResourceCall, dryRun: boolean): WriteRequest {
  return {
    resource,
    namespace: info.namespace,
    user: request.user,
    subresource: info.subresource,
    fieldManager: fieldManagerOf(request),
    dryRun,
    warnings: request.warnings,
  };
}
