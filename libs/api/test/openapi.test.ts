import t from "tap";
import {
  kubernetesVersion,
  openApiDocument,
  openApiIndex,
  openApiV2Document,
  patchContentTypes,
  resources,
} from "@triarch/api";
import protobuf from "protobufjs/minimal.js";

interface Operation {
  readonly "x-kubernetes-action": string;
  readonly "x-kubernetes-group-version-kind": {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  };
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly operationId: string;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}
const read = (path: string): Document => JSON.parse(openApiDocument(path)?.text ?? "{}") as Document;

t.test("the index leads to every served group version", async (t) => {
  const { paths } = openApiIndex() as { paths: Record<string, { serverRelativeURL: string }> };
  const served = new Set(
    resources.map((info) => (info.group === "" ? `api/${info.version}` : `apis/${info.group}/${info.version}`)),
  );
  t.same(Object.keys(paths).sort(), [...served].sort());
  for (const [path, { serverRelativeURL }] of Object.entries(paths))
    t.equal(serverRelativeURL, `/openapi/v3/${path}?hash=${openApiDocument(path)?.hash ?? ""}`);
  t.equal(openApiDocument("apis/nothing/v1"), undefined);
  t.equal(openApiDocument("constructor"), undefined);
  t.equal(openApiDocument("api/v1"), openApiDocument("api/v1"), "made once");
});

t.test("kubectl finds what it looks for in an operation", async (t) => {
  const { openapi, info, paths } = read("apis/apps/v1");
  t.equal(openapi, "3.0.0");
  t.equal(info.version, kubernetesVersion.gitVersion);
  const patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?.["patch"];
  t.same(patch?.["x-kubernetes-group-version-kind"], { group: "apps", version: "v1", kind: "Deployment" });
  t.equal(patch?.["x-kubernetes-action"], "patch");
  t.same(Object.keys(patch?.requestBody?.content ?? {}), patchContentTypes);
  const names = patch?.parameters.filter((parameter) => parameter.in === "query").map((parameter) => parameter.name);
  t.same(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
  t.equal(patch?.operationId, "patchAppsV1NamespacedDeployment");
  const scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]?.["get"];
  t.same(scale?.["x-kubernetes-group-version-kind"], { group: "autoscaling", version: "v1", kind: "Scale" });
  t.equal(paths["/apis/apps/v1/deployments"]?.["get"]?.["x-kubernetes-action"], "list");
  t.equal(read("api/v1").paths["/api/v1/namespaces/{name}"]?.["delete"]?.operationId, "deleteCoreV1Namespace");
});

t.test("every reference in every document has its schema", async (t) => {
  for (const path of Object.keys((openApiIndex() as { paths: object }).paths)) {
    const text = openApiDocument(path)?.text ?? "";
    const { schemas } = read(path).components;
    const missing = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].filter(
      ([, name = ""]) => !Object.hasOwn(schemas, name),
    );
    t.same(missing, [], path);
  }
});

t.test("schemas say what the types say", async (t) => {
  const { schemas } = read("api/v1").components;
  t.match(schemas["io.k8s.api.core.v1.PodSpec"], {
    type: "object",
    required: ["containers"],
    properties: {
      containers: {
        type: "array",
        items: { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" },
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge",
      },
      terminationGracePeriodSeconds: { type: "integer", format: "int64" },
    },
  });
  t.match(schemas["io.k8s.api.core.v1.Pod"], {
    "x-kubernetes-group-version-kind": [{ group: "", version: "v1", kind: "Pod" }],
  });
  t.match(schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"], { format: "int-or-string" });
  t.same(schemas["io.k8s.api.core.v1.ServicePort"]?.["required"], ["port"]);
});

t.test("v2 says the same of every type, in JSON and as gnostic's message", async (t) => {
  const { text, message, hash } = openApiV2Document();
  const document = JSON.parse(text) as {
    swagger: string;
    definitions: Record<string, Record<string, unknown>>;
    paths: Record<string, Record<string, { parameters: { name: string; in: string }[]; consumes: string[] }>>;
  };
  t.equal(document.swagger, "2.0");
  t.match(hash, /^[0-9A-F]{16}$/);
  const missing = [...text.matchAll(/"#\/definitions\/([^"]+)"/g)].filter(
    ([, name = ""]) => !Object.hasOwn(document.definitions, name),
  );
  t.same(missing, []);
  // As keywords: a definition of JSON schemas has properties of these names.
  t.notMatch(text, /components\/schemas|"(?:oneOf|allOf)":\[/);
  const pod = document.definitions["io.k8s.api.core.v1.Pod"];
  t.same(pod?.["x-kubernetes-group-version-kind"], [{ group: "", kind: "Pod", version: "v1" }]);
  const { delete: remove, patch } = document.paths["/api/v1/namespaces/{namespace}/pods/{name}"] ?? {};
  t.same(patch?.consumes, patchContentTypes);
  t.match(remove?.parameters[0], { name: "body", in: "body" });

  const reader = new protobuf.Reader(message);
  const fields = new Map<number, number>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    fields.set(tag >>> 3, (fields.get(tag >>> 3) ?? 0) + 1);
    if (tag >>> 3 === 9) t.equal(namesIn(reader.bytes()), Object.keys(document.definitions).length);
    else reader.skipType(tag & 7);
  }
  t.same([...fields.keys()], [1, 2, 8, 9], "swagger, info, paths, definitions");
});

/** How many named entries a `Definitions` message holds. */
function namesIn(bytes: Uint8Array): number {
  const reader = new protobuf.Reader(bytes);
  let count = 0;
  for (; reader.pos < reader.len; count++) reader.skipType(reader.uint32() & 7);
  return count;
}
