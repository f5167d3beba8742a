// A kubelet writes its own node, its own lease and the pods bound to it. Which node a pod is on is known only here.
import { childOf, forbiddenRequest, type JsonObject, objectAt, StatusError, textAt } from "@triarch/api";
import { nodeNameOf } from "@triarch/auth";
import { type AdmissionPlugin, type AdmissionRequest, isCore } from "./admission.ts";

export const nodeRestriction: AdmissionPlugin = {
  name: "NodeRestriction",
  admitCreate: (request) => {
    const nodeName = nodeNameOf(request.user);
    if (nodeName === undefined) return;
    const name = textAt(childOf(request.object, "metadata"), "name");
    const own = isCore(request, "nodes") || request.resource.resource === "leases";
    if (own && name !== nodeName) refuse(request, name, `node "${nodeName}" is not allowed to create node "${name}"`);
    if (isCore(request, "pods") && textAt(objectAt(request.object, "spec"), "nodeName") !== nodeName) {
      refuse(request, name, `node "${nodeName}" can only create pods with spec.nodeName set to itself`);
    }
  },
  admitUpdate: (request, _next, old) => checkPod(request, old, "update status for"),
  admitDelete: (request, old) => checkPod(request, old, "delete"),
};

function checkPod(request: AdmissionRequest, old: JsonObject, action: string): void {
  const nodeName = nodeNameOf(request.user);
  if (nodeName === undefined || request.resource.group !== "" || request.resource.resource !== "pods") return;
  if (textAt(objectAt(old, "spec"), "nodeName") === nodeName) return;
  refuse(request, request.name ?? "", `node "${nodeName}" can only ${action} pods with spec.nodeName set to itself`);
}

function refuse(request: AdmissionRequest, name: string, why: string): never {
  throw new StatusError(forbiddenRequest(request.resource, name, why));
}
