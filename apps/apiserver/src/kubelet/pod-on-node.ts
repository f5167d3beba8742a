// A pod's subresources that its kubelet serves: the pod, the node it is bound to, and how its kubelet is reached.
import {
  badRequest,
  findResource,
  type JsonObject,
  objectAt,
  serviceUnavailable,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { about } from "../http/failures.ts";
import type { Api, ResourceCall } from "../handlers/api.ts";
import type { KubeletAccess } from "./kubelet-access.ts";

/** @throws StatusError 404 */
export async function podOf({ api, info, resource }: ResourceCall): Promise<JsonObject> {
  const { namespace, name } = info;
  const pod = await about({ resource, name }, () => api.registry.store.get(resource, { namespace, name }));
  return pod.object();
}

/** @throws StatusError 400 while the pod is on no node, 404 when its node is gone */
export async function nodeOfPod(api: Api, pod: JsonObject): Promise<JsonObject> {
  const nodeName = textAt(objectAt(pod, "spec"), "nodeName");
  if (nodeName !== "") return nodeNamed(api, nodeName);
  const name = textAt(objectAt(pod, "metadata"), "name");
  throw new StatusError(badRequest(`pod ${name} does not have a host assigned`));
}

/** @throws StatusError 404 */
export async function nodeNamed(api: Api, name: string): Promise<JsonObject> {
  const nodes = assertDefined(findResource("", "v1", "nodes"), "nodes are not served");
  const node = await about({ resource: nodes, name }, () => api.registry.store.get(nodes, { namespace: "", name }));
  return node.object();
}

/** @throws StatusError 503 */
export function kubeletsOf({ kubelets }: Api): KubeletAccess {
  if (kubelets !== undefined) return kubelets;
  throw new StatusError(serviceUnavailable("this server has no client certificate for kubelets, so it can't ask them"));
}
