// A pod carries the zone and the region of its node as labels, so that its containers can be told by the downward API.
import { childOf, findResource, type JsonObject, objectAt, setOwn, textAt } from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, type CreateAdmission, isCore } from "./admission.ts";

const copied = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/** Labels that the pod, or the binding, has already stay as they are. */
export function podTopologyLabels(store: ResourceStore): AdmissionPlugin {
  const nodes = assertDefined(findResource("", "v1", "nodes"), "nodes are not served");
  return {
    name: "PodTopologyLabels",
    admitCreate: async (request) => {
      const nodeName = nodeNameOf(request);
      if (nodeName === "") return;
      const node = await readFresh(store, nodes, "", nodeName);
      const labels = objectAt(objectAt(node ?? {}, "metadata") ?? {}, "labels") ?? {};
      const found = copied.filter((key) => textAt(labels, key) !== "");
      if (found.length === 0) return;
      const own = childOf(childOf(request.object, "metadata"), "labels");
      for (const key of found) if (own[key] === undefined) setOwn(own, key, textAt(labels, key));
    },
  };
}

/** Where a pod is made to run from the start, or is bound to by `pods/binding`. */
function nodeNameOf(request: CreateAdmission): string {
  const { resource, subresource, object } = request;
  if (isCore(request, "pods")) return textAt(objectAt(object, "spec"), "nodeName");
  const isBinding = resource.group === "" && resource.resource === "pods" && subresource === "binding";
  const target: JsonObject = (isBinding ? objectAt(object, "target") : undefined) ?? {};
  const kind = textAt(target, "kind");
  return kind === "Node" ? textAt(target, "name") : "";
}
