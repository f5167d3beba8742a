import t from "tap";
import { openApiDocument, openApiV2Document, resources } from "@triarch/api";
import { descriptionOf, descriptions } from "../src/descriptions/descriptions.ts";
import { typeSchema } from "../src/schema/type-table.ts";
import type { ValueSchema } from "../src/schema/type-schema.ts";

const core = ["Pod", "Service", "ConfigMap", "Secret", "Node", "Namespace", "PersistentVolumeClaim"];
const shared = ["ObjectMeta", "ListMeta", "OwnerReference", "ManagedFieldsEntry", "LabelSelector", "Status"];
const describedRoots: readonly string[] = [
  ...core.map((kind) => `io.k8s.api.core.v1.${kind}`),
  ...["Deployment", "StatefulSet", "DaemonSet"].map((kind) => `io.k8s.api.apps.v1.${kind}`),
  "io.k8s.api.batch.v1.Job",
  "io.k8s.api.networking.v1.Ingress",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  ...[...shared, "DeleteOptions"].map((name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`),
];
/** Free-form and scalar types, which have no row in the table of types. */
const withoutFields =
  /\.(Time|MicroTime|Quantity|IntOrString|FieldsV1|JSON|JSONSchemaPropsOr(Array|Bool|StringArray))$/;

function typeOf(value: ValueSchema): string | undefined {
  if (value.kind === "list") return typeOf(value.items);
  if (value.kind === "map") return typeOf(value.values);
  return value.kind === "scalar" || value.typeName === "" ? undefined : value.typeName;
}

function reachable(roots: readonly string[]): ReadonlySet<string> {
  const types = new Set(roots);
  for (const typeName of types)
    for (const field of typeSchema(typeName)?.fields.values() ?? []) {
      const next = typeOf(field.value);
      if (next !== undefined) types.add(next);
    }
  return types;
}

t.test("every type and field that the common kinds reach is described", async (t) => {
  const missing: string[] = [];
  let fields = 0;
  for (const typeName of reachable(describedRoots)) {
    if (descriptionOf(typeName) === undefined) missing.push(typeName);
    for (const name of typeSchema(typeName)?.fields.keys() ?? []) {
      fields++;
      if (descriptionOf(typeName, name) === undefined) missing.push(`${typeName} ${name}`);
    }
  }
  t.same(missing, []);
  t.ok(fields > 1000, `${String(fields)} fields`);
});

t.test("every kind that is served says what it is", async (t) => {
  const silent = resources.filter(({ typeName }) => descriptionOf(typeName) === undefined).map(({ kind }) => kind);
  t.same(silent, []);
});

t.test("no description is of something that does not exist", async (t) => {
  const unknown: string[] = [];
  for (const [typeName, texts] of descriptions()) {
    const type = typeSchema(typeName);
    if (type === undefined && !withoutFields.test(typeName)) unknown.push(typeName);
    for (const name of Object.keys(texts))
      if (name !== "" && type?.fields.has(name) !== true) unknown.push(`${typeName} ${name}`);
  }
  t.same(unknown, []);
});

t.test("a description is one short sentence", async (t) => {
  const odd: string[] = [];
  for (const [typeName, texts] of descriptions())
    for (const [name, text] of Object.entries(texts))
      if (text.length > 200 || !/^[A-Z].*[^.\s]\.$/.test(text) || /\s{2}/.test(text))
        odd.push(`${typeName} ${name}: ${text}`);
  t.same(odd, []);
});

t.test("common fields of kinds without a table are described too, other things are not", async (t) => {
  const prefix = "io.k8s.api.storage.v1.";
  t.match(descriptionOf(`${prefix}StorageClass`, "apiVersion"), /such as v1/);
  t.equal(descriptionOf(`${prefix}StorageClassList`, "items"), "The objects of the list.");
  t.equal(descriptionOf(`${prefix}StorageClassList`), undefined);
  t.equal(descriptionOf(`${prefix}StorageClass`, "provisioner"), undefined);
  t.equal(descriptionOf(`${prefix}StorageClass`, "constructor"), undefined);
  t.equal(descriptionOf("io.k8s.api.core.v1.Pod", "constructor"), undefined);
  t.equal(descriptionOf("io.k8s.api.core.v1.Nothing"), undefined);
});

interface Property {
  readonly description?: string;
  readonly $ref?: string;
  readonly items?: Property;
  readonly allOf?: readonly Property[];
}
interface Schema extends Property {
  readonly properties: Readonly<Record<string, Property>>;
}
type Schemas = Readonly<Record<string, Schema>>;

/** Follows a dotted path as `kubectl explain` does, and gives the property at its end. */
function explained(schemas: Schemas, root: string, path: string): Property | undefined {
  let schema = schemas[root];
  let property: Property | undefined = schema;
  for (const step of path.split(".")) {
    property = schema?.properties[step];
    const target = property?.items ?? property?.allOf?.[0] ?? property;
    schema = schemas[target?.$ref?.split("/").at(-1) ?? ""];
  }
  return property;
}

t.test("both OpenAPI documents carry the texts where kubectl explain reads them", async (t) => {
  const pod = "io.k8s.api.core.v1.Pod";
  const v3 = (JSON.parse(openApiDocument("api/v1")?.text ?? "{}") as { components: { schemas: Schemas } }).components
    .schemas;
  const v2 = (JSON.parse(openApiV2Document().text) as { definitions: Schemas }).definitions;
  for (const [version, schemas] of Object.entries({ v2, v3 })) {
    for (const path of ["spec", "spec.containers", "spec.containers.image", "spec.securityContext.runAsUser"])
      t.match(explained(schemas, pod, path)?.description, /^[A-Z].*\.$/, `${version} ${path}`);
    t.equal(
      explained(schemas, pod, "spec.containers")?.description,
      descriptionOf("io.k8s.api.core.v1.PodSpec", "containers"),
    );
    t.equal(schemas[pod]?.description, descriptionOf(pod));
    t.match(schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]?.description, /^An amount/, version);
  }
  const container = "#/components/schemas/io.k8s.api.core.v1.SecurityContext";
  const field = v3["io.k8s.api.core.v1.Container"]?.properties["securityContext"];
  t.same(field?.allOf, [{ $ref: container }], "nothing stands beside a reference in v3");
  t.equal(field?.$ref, undefined);
  t.same(v2["io.k8s.api.core.v1.Container"]?.properties["securityContext"]?.allOf, undefined);
});
