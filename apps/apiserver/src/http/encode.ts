// Objects and lists as bytes of an answer. JSON copies what the cache holds; the other forms are made when asked for.
import { encodeProtobuf, type JsonObject, objectAt, type ResourceInfo, StatusError, notAcceptable } from "@triarch/api";
import { utf8 } from "@triarch/base";
import { stringify as yamlText } from "yaml";
import type { EncodedObject, ListResult } from "../storage/index.ts";
import { isConverted, servedObject } from "../registry/stored-version.ts";
import type { DocumentAnswer } from "./answer.ts";
import type { Encoding, Form } from "./accept.ts";
import { metadataListOf, metadataOf, tableOf } from "./views.ts";

export interface ViewOptions {
  readonly nowMs: number;
  readonly includeObject: string;
}

/** One stored object in the form the client wants. */
export function storedAnswer(
  resource: ResourceInfo,
  object: EncodedObject,
  form: Form,
  options: ViewOptions & { readonly statusCode?: number },
): DocumentAnswer {
  if (form.encoding === "json" && form.view.kind === "plain" && !isConverted(resource)) {
    return answer(object.json(), "json", options.statusCode);
  }
  return objectAnswer(resource, servedObject(resource, object.object()), form, options);
}

/** One object that is not a stored one: a dry run, a deleted one, a subresource's document. */
export function objectAnswer(
  resource: Pick<ResourceInfo, "group" | "resource">,
  object: JsonObject,
  form: Form,
  options: ViewOptions & { readonly statusCode?: number },
): DocumentAnswer {
  const { encoding, view } = form;
  if (view.kind === "table") {
    const table = tableOf(resource, [object], {
      ...options,
      apiVersion: view.apiVersion,
      listMeta: versionOf(object),
      columns: true,
    });
    return documentAnswer(table, encoding, options.statusCode);
  }
  if (view.kind === "metadata")
    return documentAnswer(metadataOf(object, view.apiVersion), encoding, options.statusCode);
  return documentAnswer(object, encoding, options.statusCode);
}

export function listAnswer(resource: ResourceInfo, list: ListResult, form: Form, options: ViewOptions): DocumentAnswer {
  const { encoding, view } = form;
  const listMeta = listMetaOf(list);
  if (view.kind === "plain" && encoding === "json" && !isConverted(resource)) {
    return answer(listBytes(resource, list, listMeta), "json");
  }
  const objects = list.items.map((item) => servedObject(resource, item.object()));
  return documentListAnswer(resource, objects, form, { ...options, listMeta });
}

/** A list of objects that are decoded, or that are stored nowhere. */
export function documentListAnswer(
  resource: ResourceInfo,
  objects: readonly JsonObject[],
  { encoding, view }: Form,
  options: ViewOptions & { readonly listMeta?: JsonObject },
): DocumentAnswer {
  const { listMeta = {} } = options;
  if (view.kind === "table") {
    const table = tableOf(resource, objects, { ...options, apiVersion: view.apiVersion, listMeta, columns: true });
    return documentAnswer(table, encoding);
  }
  if (view.kind === "metadata") return documentAnswer(metadataListOf(objects, view.apiVersion, listMeta), encoding);
  return documentAnswer(listDocument(resource, objects, listMeta), encoding);
}

/** A typed list: its items carry neither kind nor apiVersion. */
export function listDocument(resource: ResourceInfo, objects: readonly JsonObject[], listMeta: JsonObject): JsonObject {
  const items = objects.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
  return { kind: resource.listKind, apiVersion: apiVersionText(resource), metadata: listMeta, items };
}

export function documentAnswer(document: JsonObject, encoding: Encoding, statusCode = 200): DocumentAnswer {
  switch (encoding) {
    case "json":
      return answer(JSON.stringify(document), encoding, statusCode);
    case "yaml":
      return answer(yamlText(document, { aliasDuplicateObjects: false }), encoding, statusCode);
    case "protobuf":
      return answer(protobufOf(document), encoding, statusCode);
  }
}

export function listMetaOf(list: ListResult): JsonObject {
  return {
    resourceVersion: list.resourceVersion,
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}

const contentTypes: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};

function answer(body: Uint8Array | string, encoding: Encoding, statusCode = 200): DocumentAnswer {
  return { kind: "document", statusCode, contentType: contentTypes[encoding], body };
}

const [open, comma, close] = [utf8("{"), utf8(",{"), utf8("]}")];

/** The list's bytes from the items' own: one allocation, no parsing. */
function listBytes(resource: ResourceInfo, { items }: ListResult, listMeta: JsonObject): Uint8Array {
  const head = utf8(
    `{"kind":${JSON.stringify(resource.listKind)},"apiVersion":${JSON.stringify(apiVersionText(resource))},"metadata":${JSON.stringify(listMeta)},"items":[`,
  );
  const tails = items.map((item) => item.itemTail());
  const separators = items.length === 0 ? 0 : open.length + (items.length - 1) * comma.length;
  const size = tails.reduce((sum, tail) => sum + tail.length, head.length + separators + close.length);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  const put = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  put(head);
  tails.forEach((tail, i) => {
    put(i === 0 ? open : comma);
    put(tail);
  });
  put(close);
  return bytes;
}

function protobufOf(document: JsonObject): Uint8Array {
  const { apiVersion, kind } = document;
  if (typeof apiVersion !== "string" || typeof kind !== "string")
    throw new StatusError(notAcceptable(["application/json"]));
  return encodeProtobuf(apiVersion, kind, document);
}

function versionOf(object: JsonObject): JsonObject {
  const version = objectAt(object, "metadata")?.["resourceVersion"];
  return version === undefined ? {} : { resourceVersion: version };
}

function apiVersionText({ group, version }: ResourceInfo): string {
  return group === "" ? version : `${group}/${version}`;
}
