// OpenAPI v2: one document for everything, for clients that do not know v3. It is the v3 documents said again: schemas
// become definitions, request bodies become body parameters, content types become `consumes` and `produces`.
import type { JsonObject, JsonValue } from "../json.ts";
import { kubernetesVersion } from "../schema/version.ts";

type Writable = Record<string, JsonValue | undefined>;

const refPrefix = "#/components/schemas/";
const methods = ["get", "put", "post", "delete", "options", "head", "patch"] as const;

/** What v2 has no `oneOf` for is a text there. */
const unionTypes: Readonly<Record<string, JsonObject>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { type: "string" },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": { type: "string", format: "int-or-string" },
};

/** @param documents v3, as `openApiDocument` makes them */
export function openApiV2(documents: Iterable<JsonObject>): JsonObject {
  const paths = new Map<string, JsonObject>();
  const definitions = new Map<string, JsonObject>();
  for (const document of documents) {
    for (const [path, item] of Object.entries(objectAt(document, "paths")))
      paths.set(path, pathItem(item as JsonObject));
    const { schemas } = objectAt(document, "components") as { readonly schemas?: JsonObject };
    for (const [name, schema] of Object.entries(schemas ?? {})) {
      if (!definitions.has(name)) definitions.set(name, { ...definition(schema as JsonObject), ...unionTypes[name] });
    }
  }
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: kubernetesVersion.gitVersion },
    paths: sorted(paths),
    definitions: sorted(definitions),
  };
}

function sorted(values: ReadonlyMap<string, JsonObject>): JsonObject {
  return Object.fromEntries([...values].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function objectAt(object: JsonObject, name: string): JsonObject {
  return (object[name] ?? {}) as JsonObject;
}

function definition(schema: JsonObject): JsonObject {
  const out: Writable = {};
  for (const [name, value] of Object.entries(schema)) {
    switch (name) {
      case "$ref":
        out["$ref"] = reference(value as string);
        break;
      case "allOf":
        // v3 wraps a reference that has siblings; v2 readers take them side by side.
        Object.assign(out, definition((value as readonly JsonObject[])[0] ?? {}));
        break;
      case "oneOf":
        out["type"] = "string";
        break;
      case "items":
      case "additionalProperties":
        out[name] = definition(value as JsonObject);
        break;
      case "properties":
        out["properties"] = Object.fromEntries(
          Object.entries(value as JsonObject).map(([key, property]) => [key, definition(property as JsonObject)]),
        );
        break;
      default:
        out[name] = value;
    }
  }
  return out;
}

function reference(ref: string): string {
  return `#/definitions/${ref.slice(refPrefix.length)}`;
}

function pathItem(item: JsonObject): JsonObject {
  const out: Writable = {};
  for (const method of methods) {
    const operation = item[method] as JsonObject | undefined;
    if (operation !== undefined) out[method] = operationOf(operation);
  }
  out["parameters"] = parametersOf(item);
  return out;
}

function operationOf(operation: JsonObject): JsonObject {
  const { parameters: _, requestBody, responses, ...rest } = operation;
  const body = contentOf(requestBody);
  const answer = contentOf(objectAt(objectAt(operation, "responses"), "200"));
  return {
    ...rest,
    consumes: body === undefined ? ["*/*"] : Object.keys(body),
    produces: Object.keys(answer ?? {}),
    parameters: [
      ...(body === undefined ? [] : [bodyParameter(requestBody as JsonObject, body)]),
      ...parametersOf(operation),
    ],
    responses: Object.fromEntries(
      Object.entries(responses as JsonObject).map(([code, response]) => [code, responseOf(response as JsonObject)]),
    ),
  };
}

function contentOf(holder: JsonValue | undefined): JsonObject | undefined {
  return (holder as { readonly content?: JsonObject } | undefined)?.content;
}

function firstSchema(content: JsonObject): JsonObject {
  return definition(objectAt(Object.values(content)[0] as JsonObject, "schema"));
}

function bodyParameter({ required }: JsonObject, content: JsonObject): JsonObject {
  return { name: "body", in: "body", ...(required === true ? { required } : {}), schema: firstSchema(content) };
}

function parametersOf(holder: JsonObject): readonly JsonObject[] {
  return ((holder["parameters"] ?? []) as readonly JsonObject[]).map(({ schema, ...rest }) => ({
    ...rest,
    ...(schema as JsonObject),
  }));
}

function responseOf(response: JsonObject): JsonObject {
  const content = contentOf(response);
  const { description = "" } = response;
  return content === undefined ? { description } : { description, schema: firstSchema(content) };
}
