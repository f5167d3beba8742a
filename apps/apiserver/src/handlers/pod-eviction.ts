// pods/eviction: a delete that disruption budgets may refuse. Budgets are not looked at yet: every eviction deletes.
import { notFound, objectAt, StatusError } from "@triarch/api";
import { type Answer, jsonAnswer } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { readWriteOptions } from "../http/write-options.ts";
import { deleteObject } from "../registry/delete.ts";
import { readDeleteOptions } from "../registry/delete-options.ts";
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
  const options = readDeleteOptions(objectAt(eviction, "deleteOptions") ?? {}, request.query);
  const name = info.name;
  if (name === "") throw new StatusError(notFound(resource, name));
  await deleteObject(api.registry, {
    resource,
    namespace: info.namespace,
    name,
    user: request.user,
    options: { ...options, dryRun: dryRun || options.dryRun },
  });
  return jsonAnswer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, 201);
}
