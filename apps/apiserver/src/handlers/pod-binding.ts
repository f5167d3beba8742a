// pods/binding: the scheduler's word. A pod is bound once.
import {
  badRequest,
  childOf,
  conflict,
  deepCopy,
  fieldErrorText,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  notFound,
  notSupported,
  objectAt,
  StatusError,
  textAt,
  timeText,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { type Answer, jsonAnswer } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { readWriteOptions } from "../http/write-options.ts";
import { updateObject } from "../registry/update.ts";
import { type ResourceCall, writeRequest } from "./api.ts";

const bindingKind: ExpectedKind = { apiVersion: "v1", kind: "Binding", typeName: "io.k8s.api.core.v1.Binding" };
const subject = { group: "", resource: "pods/binding" };

/** The same by way of the older resource `bindings`, where the body alone names the pod. */
export async function handleNamelessBinding(call: ResourceCall): Promise<Answer> {
  const pods = assertDefined(findResource("", "v1", "pods"), "pods are not served");
  const { fieldValidation } = readWriteOptions(call.request.query, "CreateOptions");
  const name = textAt(objectAt(decodeBody(call.request, bindingKind, fieldValidation), "metadata"), "name");
  if (name === "") throw new StatusError(badRequest("name is required"));
  return handleBinding({ ...call, resource: pods, info: { ...call.info, name, subresource: "binding" } });
}

export async function handleBinding(call: ResourceCall): Promise<Answer> {
  const { api, request, info } = call;
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "CreateOptions");
  const binding = decodeBody(request, bindingKind, fieldValidation);
  if (textAt(objectAt(binding, "metadata"), "name") !== info.name) {
    throw new StatusError(badRequest("name in URL does not match name in Binding object"));
  }
  const nodeName = targetOf(binding);
  const write = writeRequest(call, dryRun);
  await api.registry.admission.admitCreate({ ...write, name: info.name, object: binding });
  await updateObject(api.registry, {
    ...write,
    // Binding gives the scheduler no fields.
    fieldManager: undefined,
    name: info.name,
    target: "raw",
    createIfAbsent: false,
    produce: (current) => {
      if (current === undefined) throw new StatusError(notFound({ group: "", resource: "pods" }, info.name));
      checkBindable(info.name, binding, current);
      return boundPod(current, binding, nodeName, timeText(api.registry.clock.nowMs()));
    },
  });
  return jsonAnswer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, 201);
}

function targetOf(binding: JsonObject): string {
  const target = objectAt(binding, "target");
  const kind = textAt(target, "kind");
  if (kind !== "" && kind !== "Node") {
    const error = notSupported("target.kind", kind, ["Node", "<empty>"]);
    throw new StatusError(badRequest(fieldErrorText(error)));
  }
  const nodeName = textAt(target, "name");
  if (nodeName === "") throw new StatusError(badRequest("target.name: Required value"));
  return nodeName;
}

function checkBindable(name: string, binding: JsonObject, pod: JsonObject): void {
  const meta = objectAt(pod, "metadata");
  const uid = textAt(objectAt(binding, "metadata"), "uid");
  const found = textAt(meta, "uid");
  if (uid !== "" && uid !== found) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${found}`;
    throw new StatusError(conflict(subject, name, why));
  }
  if (textAt(meta, "deletionTimestamp") !== "") {
    throw new StatusError(conflict(subject, name, `pod ${name} is being deleted, cannot be assigned to a host`));
  }
  const nodeName = textAt(objectAt(pod, "spec"), "nodeName");
  if (nodeName !== "") {
    throw new StatusError(
      conflict(subject, name, `pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`),
    );
  }
}

function boundPod(pod: JsonObject, binding: JsonObject, nodeName: string, now: string): MutableObject {
  const next = deepCopy(pod);
  childOf(next, "spec")["nodeName"] = nodeName;
  for (const key of ["annotations", "labels"]) {
    const added = objectAt(objectAt(binding, "metadata") ?? {}, key);
    if (added !== undefined) Object.assign(childOf(childOf(next, "metadata"), key), deepCopy(added));
  }
  const status = childOf(next, "status");
  const conditions = listAt(status, "conditions").filter(isObject) as MutableObject[];
  const scheduled = conditions.find((condition) => condition["type"] === "PodScheduled");
  if (scheduled === undefined) {
    status["conditions"] = [
      ...conditions,
      { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now },
    ];
  } else {
    if (scheduled["status"] !== "True") scheduled["lastTransitionTime"] = now;
    scheduled["status"] = "True";
    delete scheduled["reason"];
    delete scheduled["message"];
  }
  return next;
}
