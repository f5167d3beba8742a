// pods/eviction: a delete that disruption budgets may refuse.
import { badRequest, isObject, type JsonObject, objectAt, StatusError, textAt } from "@triarch/api";
import { about } from "../http/failures.ts";
import { type Answer, jsonAnswer } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { readWriteOptions } from "../http/write-options.ts";
import { deleteObject } from "../registry/delete.ts";
import { readDeleteOptions } from "../registry/delete-options.ts";
import { countsAsDisruption, takeDisruption } from "../registry/disruption-budgets.ts";
import type { ResourceCall } from "./api.ts";

const evictionKind: ExpectedKind = {
  apiVersion: "policy/v1",
  kind: "Eviction",
  typeName: "io.k8s.api.policy.v1.Eviction",
  anyVersion: true,
};

export async function handleEviction(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "CreateOptions");
  const eviction = decodeBody(request, evictionKind, fieldValidation);
  const { namespace, name } = info;
  checkName(eviction, name);
  const given = readDeleteOptions(objectAt(eviction, "deleteOptions") ?? {}, request.query);
  const options = { ...given, dryRun: dryRun || given.dryRun };
  const pod = await about({ resource, name }, () => api.registry.store.get(resource, { namespace, name }));
  const object = pod.object();
  if (countsAsDisruption(object)) {
    await takeDisruption(api.registry, object, options.dryRun);
    // What the budget allowed is this pod, not another one of its name.
    const preconditions = { uid: textAt(objectAt(object, "metadata"), "uid"), ...options.preconditions };
    await deleteObject(api.registry, {
      resource,
      namespace,
      name,
      user: request.user,
      options: { ...options, preconditions },
    });
  } else {
    await deleteObject(api.registry, { resource, namespace, name, user: request.user, options });
  }
  return jsonAnswer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, 201);
}

function checkName(eviction: JsonObject, name: string): void {
  const meta = eviction["metadata"];
  const given = isObject(meta) ? textAt(meta, "name") : "";
  if (given !== name) throw new StatusError(badRequest("name in URL does not match name in Eviction object"));
}
