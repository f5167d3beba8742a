// namespaces/finalize: the namespace controller says that the content is gone. Only spec.finalizers are taken over.
import {
  childOf,
  deepCopy,
  deepCopyValue,
  listAt,
  namespaceFinalize,
  notFound,
  objectAt,
  StatusError,
} from "@triarch/api";
import { negotiate } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { decodeBody } from "../http/body.ts";
import { objectAnswer } from "../http/encode.ts";
import { readWriteOptions } from "../http/write-options.ts";
import { updateObject } from "../registry/update.ts";
import { kindOf, type ResourceCall, viewOptions, writeRequest } from "./api.ts";

export async function handleFinalize(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "UpdateOptions");
  const namespace = decodeBody(request, kindOf(resource), fieldValidation);
  const { object } = await updateObject(api.registry, {
    ...writeRequest(call, dryRun),
    namespace: "",
    name: info.name,
    target: namespaceFinalize,
    createIfAbsent: false,
    produce: (current) => {
      if (current === undefined) throw new StatusError(notFound(resource, info.name));
      const next = deepCopy(current);
      const sent = objectAt(namespace, "metadata") ?? {};
      const meta = childOf(next, "metadata");
      // uid and version say which namespace was meant; the update compares them.
      for (const key of ["uid", "resourceVersion"]) meta[key] = deepCopyValue(sent[key] ?? meta[key] ?? "");
      const finalizers = listAt(objectAt(namespace, "spec") ?? {}, "finalizers").map(deepCopyValue);
      if (finalizers.length > 0) childOf(next, "spec")["finalizers"] = finalizers;
      else delete childOf(next, "spec")["finalizers"];
      return next;
    },
  });
  return objectAnswer(resource, object, form, viewOptions(call));
}
