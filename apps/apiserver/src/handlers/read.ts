// get and list.
import { about } from "../http/failures.ts";
import { negotiate } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { listAnswer, storedAnswer } from "../http/encode.ts";
import { storedResource } from "../registry/stored-version.ts";
import { type ResourceCall, viewOptions } from "./api.ts";
import { readListOptions } from "./list-options.ts";

export async function handleGet(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const key = { namespace: info.namespace, name: info.name };
  const resourceVersion = request.query.get("resourceVersion") ?? "";
  const object = await about({ resource, name: info.name }, () =>
    api.registry.store.get(storedResource(resource), key, { resourceVersion }),
  );
  return storedAnswer(resource, object, form, viewOptions(call));
}

export async function handleList(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const options = readListOptions(resource, request.query, "list");
  const list = await about({ resource, name: "" }, () =>
    api.registry.store.list(storedResource(resource), { namespace: info.namespace, ...options }),
  );
  return listAnswer(resource, list, form, viewOptions(call));
}
