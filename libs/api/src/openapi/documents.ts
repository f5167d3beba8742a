// OpenAPI v3: an index of one document per group version, each made on first use and kept as text; the bound on what is
// kept is the number of served group versions. The index carries hashes, so all documents are made for its first answer.
// OpenAPI v2: one document for all of them, in two forms.
import { hex } from "@triarch/base";
import type { JsonObject } from "../json.ts";
import { contentHash } from "../schema/content-hash.ts";
import { apiVersionOf, resources } from "../schema/resources.ts";
import { kubernetesVersion } from "../schema/version.ts";
import { componentSchemas } from "./components.ts";
import { referencedTypes, resourcePaths } from "./operations.ts";
import { openApiV2 } from "./v2-document.ts";
import { openApiV2Message } from "./v2-protobuf.ts";

export interface OpenApiDocument {
  /** JSON */
  readonly text: string;
  /** Changes when the text does; goes into the index's URLs and may serve as an entity tag. */
  readonly hash: string;
}

export interface OpenApiV2Document extends OpenApiDocument {
  /** gnostic's `openapi.v2.Document` */
  readonly message: Uint8Array;
}

const documents = new Map<string, OpenApiDocument>();
let v2: OpenApiV2Document | undefined;

/** `GET /openapi/v3` */
export function openApiIndex(): JsonObject {
  const paths = servedPaths().map((path) => {
    const hash = openApiDocument(path)?.hash ?? "";
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(paths) };
}

/**
 * `GET /openapi/v3/PATH`.
 *
 * @param path `api/v1` or `apis/GROUP/VERSION`, without a leading slash
 * @returns `undefined` for a group version that is not served
 */
export function openApiDocument(path: string): OpenApiDocument | undefined {
  const known = documents.get(path);
  if (known !== undefined) return known;
  if (!servedPaths().includes(path)) return undefined;
  const text = JSON.stringify(buildDocument(path));
  const document: OpenApiDocument = { text, hash: hex(contentHash(text)).toUpperCase() };
  documents.set(path, document);
  return document;
}

/** `GET /openapi/v2`, made on first use. */
export function openApiV2Document(): OpenApiV2Document {
  if (v2 !== undefined) return v2;
  const document = openApiV2(servedPaths().map(buildDocument));
  const text = JSON.stringify(document);
  v2 = { text, hash: hex(contentHash(text)).toUpperCase(), message: openApiV2Message(document) };
  return v2;
}

function servedPaths(): readonly string[] {
  return [...new Set(resources.map(documentPath))];
}

function documentPath(info: { readonly group: string; readonly version: string }): string {
  return info.group === "" ? `api/${info.version}` : `apis/${apiVersionOf(info)}`;
}

function buildDocument(path: string): JsonObject {
  const served = resources.filter((info) => documentPath(info) === path);
  const paths = Object.assign({}, ...served.map((info) => resourcePaths(`/${path}`, info))) as Record<
    string,
    JsonObject
  >;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: kubernetesVersion.gitVersion },
    paths,
    components: { schemas: componentSchemas(served.flatMap(referencedTypes)) },
  };
}
