// A kubelet writes its own node, its own lease and the pods bound to it, and of those only what is a kubelet's to write:
// nothing that would bring other people's pods, or their secrets, to its machine.
import { findResource, isObject, type JsonObject, listAt, objectAt, semanticEqual, textAt } from "@triarch/api";
import { nodeLeaseNamespace, nodeNameOf } from "@triarch/auth";
import { assertDefined } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, type AdmissionRequest, isCore, refused } from "./admission.ts";
import { changedLabels, forbiddenLabels } from "./node-labels.ts";
import { referencesOf } from "./pod-references.ts";

type Refuse = (why: string) => never;

const itself = "with spec.nodeName set to itself";
const mirrorAnnotation = "kubernetes.io/config.mirror";

export function nodeRestriction(store: ResourceStore): AdmissionPlugin {
  const nodes = assertDefined(findResource("", "v1", "nodes"), "nodes are not served");
  return {
    name: "NodeRestriction",
    admitCreate: async (request) => {
      const nodeName = nodeNameOf(request.user);
      if (nodeName === undefined) return;
      const { object } = request;
      const refuse = refusal(request, object);
      const name = textAt(objectAt(object, "metadata"), "name");
      if (isCore(request, "nodes")) return checkNewNode(nodeName, object, refuse);
      if (isCore(request, "pods")) {
        checkMirrorPod(nodeName, object, refuse);
        const owner = ownersOf(object)[0] ?? {};
        const uid = textAt(objectAt((await readFresh(store, nodes, "", nodeName)) ?? {}, "metadata"), "uid");
        if (textAt(owner, "uid") !== uid) {
          refuse(`node ${nodeName} UID mismatch: expected ${textAt(owner, "uid")} got ${uid}`);
        }
      } else checkOwnName(request, nodeName, name, refuse);
    },
    admitUpdate: (request, next, old) => {
      const nodeName = nodeNameOf(request.user);
      if (nodeName === undefined) return;
      const refuse = refusal(request, next);
      const { group, resource } = request.resource;
      if (group === "" && resource === "pods") checkPodUpdate(request, nodeName, { next, old }, refuse);
      else if (group === "" && resource === "nodes") checkNodeUpdate(nodeName, next, old, refuse);
      else checkOwnName(request, nodeName, request.name ?? "", refuse);
    },
    admitDelete: (request, old) => {
      const nodeName = nodeNameOf(request.user);
      if (nodeName === undefined) return;
      const refuse = refusal(request, old);
      if (!isCore(request, "pods")) return checkOwnName(request, nodeName, request.name ?? "", refuse);
      if (nodeOf(old) !== nodeName) refuse(`node "${nodeName}" can only delete pods ${itself}`);
    },
  };
}

function refusal(request: AdmissionRequest, object: JsonObject): Refuse {
  return (why) => {
    throw refused(request, object, why);
  };
}

function checkNewNode(nodeName: string, node: JsonObject, refuse: Refuse): void {
  const name = textAt(objectAt(node, "metadata"), "name");
  if (name !== nodeName) refuse(`node "${nodeName}" is not allowed to modify node "${name}"`);
  const forbidden = forbiddenLabels(changedLabels(labelsOf(node), {}));
  if (forbidden.length > 0) {
    refuse(`node "${nodeName}" is not allowed to set the following labels: ${forbidden.join(", ")}`);
  }
}

function checkNodeUpdate(nodeName: string, next: JsonObject, old: JsonObject, refuse: Refuse): void {
  const name = textAt(objectAt(old, "metadata"), "name");
  if (name !== nodeName) refuse(`node "${nodeName}" is not allowed to modify node "${name}"`);
  const taintsOf = (node: JsonObject): JsonObject[string] => objectAt(node, "spec")?.["taints"];
  if (!semanticEqual(taintsOf(next), taintsOf(old))) refuse(`node "${nodeName}" is not allowed to modify taints`);
  // A node that names an owner which is not there would be collected as garbage.
  if (!semanticEqual(ownersOf(next), ownersOf(old))) {
    refuse(`node "${nodeName}" is not allowed to modify ownerReferences`);
  }
  const forbidden = forbiddenLabels(changedLabels(labelsOf(next), labelsOf(old)));
  if (forbidden.length > 0) refuse(`is not allowed to modify labels: ${forbidden.join(", ")}`);
}

/** A kubelet makes pods only to show the static ones that it runs anyway; they lean on nothing of the API. */
function checkMirrorPod(nodeName: string, pod: JsonObject, refuse: Refuse): void {
  const annotations = objectAt(objectAt(pod, "metadata") ?? {}, "annotations") ?? {};
  if (annotations[mirrorAnnotation] === undefined) {
    refuse(`pod does not have "${mirrorAnnotation}" annotation, node "${nodeName}" can only create mirror pods`);
  }
  if (nodeOf(pod) !== nodeName) refuse(`node "${nodeName}" can only create pods ${itself}`);
  checkOwner(nodeName, ownersOf(pod), refuse);
  const [first] = referencesOf(objectAt(pod, "spec") ?? {});
  if (first !== undefined) refuse(`node "${nodeName}" can not create pods that reference ${first}`);
}

function checkOwner(nodeName: string, owners: readonly JsonObject[], refuse: Refuse): void {
  const only = `node "${nodeName}" can only create pods with`;
  const [owner, ...more] = owners;
  if (more.length > 0) refuse(`${only} a single owner reference set to itself`);
  const isOwn = owner?.["apiVersion"] === "v1" && owner["kind"] === "Node" && owner["name"] === nodeName;
  if (!isOwn) return refuse(`${only} an owner reference set to itself`);
  if (owner["controller"] !== true) refuse(`${only} a controller owner reference set to itself`);
  if (owner["blockOwnerDeletion"] === true) {
    refuse(`node "${nodeName}" must not set blockOwnerDeletion on an owner reference`);
  }
}

interface Change {
  readonly next: JsonObject;
  readonly old: JsonObject;
}

function checkPodUpdate(request: AdmissionRequest, nodeName: string, { next, old }: Change, refuse: Refuse): void {
  const { subresource = "" } = request;
  if (subresource === "") {
    refuse(`unexpected operation "UPDATE", node "${nodeName}" can only create and delete mirror pods`);
  }
  if (subresource !== "status") {
    refuse(`unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`);
  }
  if (nodeOf(old) !== nodeName) refuse(`node "${nodeName}" can only update pod status for pods ${itself}`);
  if (!semanticEqual(labelsOf(next), labelsOf(old))) {
    refuse(`node "${nodeName}" cannot update labels through pod status`);
  }
  const claimsOf = (pod: JsonObject): JsonObject[string] => objectAt(pod, "status")?.["resourceClaimStatuses"];
  if (!semanticEqual(claimsOf(next), claimsOf(old))) refuse(`node "${nodeName}" cannot update resource claim statuses`);
}

/** Leases and CSINodes bear the name of their node. */
function checkOwnName({ resource, namespace }: AdmissionRequest, nodeName: string, name: string, refuse: Refuse): void {
  if (resource.group === "coordination.k8s.io" && resource.resource === "leases") {
    if (namespace !== nodeLeaseNamespace) {
      refuse(`can only access leases in the "${nodeLeaseNamespace}" system namespace`);
    }
    if (name !== nodeName) refuse("can only access node lease with the same name as the requesting node");
  }
  if (resource.group === "storage.k8s.io" && resource.resource === "csinodes" && name !== nodeName) {
    refuse("can only access CSINode with the same name as the requesting node");
  }
}

function nodeOf(pod: JsonObject): string {
  return textAt(objectAt(pod, "spec"), "nodeName");
}

function labelsOf(object: JsonObject): JsonObject {
  return objectAt(objectAt(object, "metadata") ?? {}, "labels") ?? {};
}

function ownersOf(object: JsonObject): readonly JsonObject[] {
  return listAt(objectAt(object, "metadata") ?? {}, "ownerReferences").filter(isObject);
}
