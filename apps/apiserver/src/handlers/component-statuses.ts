// componentstatuses: an old view of the control plane's health. The store answers for itself; the scheduler and the
// controller manager are healthy while one of them holds its Lease.
import {
  findResource,
  type JsonObject,
  notFound,
  numberAt,
  objectAt,
  parseTime,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { negotiate } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { documentListAnswer, objectAnswer } from "../http/encode.ts";
import { readFresh } from "../identity/bound-objects.ts";
import { StorageError } from "../storage/index.ts";
import { type ResourceCall, viewOptions } from "./api.ts";

/** By component: the Lease of its leader. */
const leases: Readonly<Record<string, string>> = {
  "controller-manager": "kube-controller-manager",
  scheduler: "kube-scheduler",
};
const storeName = "etcd-0";
const deprecation = "v1 ComponentStatus is deprecated in v1.19+";

export async function handleComponentStatuses(call: ResourceCall): Promise<Answer> {
  const form = negotiate(call.request.headers.accept);
  call.request.warnings.push(deprecation);
  const items = await Promise.all([...Object.keys(leases), storeName].map((name) => statusOf(call, name)));
  return documentListAnswer(call.resource, items, form, viewOptions(call));
}

export async function handleComponentStatus(call: ResourceCall): Promise<Answer> {
  const { resource, request, info } = call;
  const form = negotiate(request.headers.accept);
  request.warnings.push(deprecation);
  if (info.name !== storeName && leases[info.name] === undefined) {
    throw new StatusError(notFound(resource, info.name));
  }
  return objectAnswer(resource, await statusOf(call, info.name), form, viewOptions(call));
}

async function statusOf(call: ResourceCall, name: string): Promise<JsonObject> {
  const problem = name === storeName ? await storeProblem(call) : await leaseProblem(call, leases[name] ?? "");
  const condition = { type: "Healthy", status: problem === undefined ? "True" : "False", message: problem ?? "ok" };
  return { kind: "ComponentStatus", apiVersion: "v1", metadata: { name }, conditions: [condition] };
}

/** A read of the latest state passes through a majority of the masters. */
async function storeProblem({ api }: ResourceCall): Promise<string | undefined> {
  const namespaces = assertDefined(findResource("", "v1", "namespaces"), "namespaces are not served");
  try {
    await api.registry.store.list(namespaces, { limit: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof StorageError) return error.message;
    throw error;
  }
}

async function leaseProblem({ api }: ResourceCall, name: string): Promise<string | undefined> {
  const resource = assertDefined(findResource("coordination.k8s.io", "v1", "leases"), "leases are not served");
  const lease = await readFresh(api.registry.store, resource, "kube-system", name);
  const spec = objectAt(lease ?? {}, "spec");
  const renewedMs = parseTime(textAt(spec, "renewTime")) ?? 0;
  const endMs = renewedMs + (numberAt(spec, "leaseDurationSeconds") ?? 0) * 1000;
  return endMs > api.registry.clock.nowMs() ? undefined : `nobody holds the Lease kube-system/${name}`;
}
