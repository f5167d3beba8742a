// Objects and lists as bytes of an answer. JSON copies what the cache holds; the other forms are made when asked for.
import { encodeProtobuf, type JsonObject, objectAt, type ResourceInfo, StatusError, notAcceptable } from "@triarch/api";
import { concatBytes, utf8, utf8Text } from "@triarch/base";
import { stringify as yamlText } from "yaml";
import type { EncodedObject, ListResult } from "../storage/index.ts";
import { isConverted, servedObject } from "../registry/stored-version.ts";
import type { DocumentAnswer } from "./answer.ts";
import { type Encoding, type Form, refuseView } from "./accept.ts";
import { jsonListParts, listParts, type ListShape } from "./list-body.ts";
import { metadataOf, rowOf, tableOf } from "./views.ts";

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
  resource: Pick<ResourceInfo, "group" | "resource" | "kind">,
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
  if (view.kind === "metadata") {
    if (view.isList) refuseView("PartialObjectMetadataList", internalName(resource, resource.kind));
    return documentAnswer(metadataOf(object, view.apiVersion), encoding, options.statusCode);
  }
  return documentAnswer(object, encoding, options.statusCode);
}

/** Lists up to here leave whole, with their length in front; longer ones leave in parts. */
const wholeItemsMax = 50;

export function listAnswer(resource: ResourceInfo, list: ListResult, form: Form, options: ViewOptions): DocumentAnswer {
  // What can't be read makes the answer a failure, as long as nothing of it has left.
  for (const item of list.items) item.itemTail();
  const shape = listShape(resource, decodedItems(resource, list), form, { ...options, listMeta: listMetaOf(list) });
  const isCopied = form.view.kind === "plain" && form.encoding === "json" && !isConverted(resource);
  const parts = (): Iterable<Uint8Array> =>
    isCopied ? jsonListParts(shape, copiedItems(list)) : listParts(shape, form.encoding);
  const body = list.items.length > wholeItemsMax ? { parts } : concatBytes([...parts()]);
  return { kind: "document", statusCode: 200, contentType: contentTypes[form.encoding], body };
}

/** A list of objects that are stored nowhere. */
export function documentListAnswer(
  resource: ResourceInfo,
  objects: readonly JsonObject[],
  form: Form,
  options: ViewOptions,
): DocumentAnswer {
  const shape = listShape(resource, objects, form, { ...options, listMeta: {} });
  return answer(concatBytes([...listParts(shape, form.encoding)]), form.encoding);
}

function listShape(
  resource: ResourceInfo,
  objects: Iterable<JsonObject>,
  { view }: Form,
  options: ViewOptions & { readonly listMeta: JsonObject },
): ListShape {
  const { listMeta: metadata } = options;
  switch (view.kind) {
    case "plain":
      return {
        head: { kind: resource.listKind, apiVersion: apiVersionText(resource), metadata },
        field: "items",
        items: mapped(objects, withoutKind),
      };
    case "metadata":
      if (!view.isList) refuseView("PartialObjectMetadata", internalName(resource, resource.listKind));
      return {
        head: { kind: "PartialObjectMetadataList", apiVersion: view.apiVersion, metadata },
        field: "items",
        items: mapped(objects, (object) => metadataOf(object, view.apiVersion)),
      };
    case "table": {
      const tableOptions = { ...options, apiVersion: view.apiVersion };
      const { rows: _, ...head } = tableOf(resource, [], { ...tableOptions, columns: true });
      return {
        head,
        field: "rows",
        items: mapped(objects, (object) => rowOf(resource, object, tableOptions)),
      };
    }
  }
}

/** How errors of Kubernetes name a type: by the package of its group. */
function internalName({ group }: Pick<ResourceInfo, "group">, kind: string): string {
  return `*${group === "" ? "core" : (group.split(".")[0] ?? group)}.${kind}`;
}

/** Items of a typed list carry neither kind nor apiVersion. */
function withoutKind({ kind: _kind, apiVersion: _apiVersion, ...item }: JsonObject): JsonObject {
  return item;
}

function* mapped(objects: Iterable<JsonObject>, change: (object: JsonObject) => JsonObject): Generator<JsonObject> {
  for (const object of objects) yield change(object);
}

/** Decoded for this answer alone: a long list would push all else out of the cache of decoded objects. */
function* decodedItems(resource: ResourceInfo, { items }: ListResult): Generator<JsonObject> {
  for (const item of items) yield servedObject(resource, JSON.parse(utf8Text(item.json())) as JsonObject);
}

const open = utf8("{");

function* copiedItems({ items }: ListResult): Generator<readonly Uint8Array[]> {
  for (const item of items) yield [open, item.itemTail()];
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
