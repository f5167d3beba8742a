// Discovery and OpenAPI over HTTP: which form of a document a client asks for, and whether it has that document already.
import { createHash } from "node:crypto";
import {
  aggregatedDiscovery,
  coreVersions,
  groupDocument,
  groupList,
  openApiDocument,
  openApiIndex,
  openApiV2Document,
  resourceList,
} from "@triarch/api";
import { parseAccept } from "../http/accept.ts";
import { type Answer, type ApiRequest, type DocumentAnswer, jsonAnswer, jsonType } from "../http/answer.ts";

const aggregatedGroup = "apidiscovery.k8s.io";
/** Of aggregated discovery; they differ in nothing but the name. */
const aggregatedVersions: readonly string[] = ["v2", "v2beta1"];
const openApiPrefix = "/openapi/v3/";
/** Clients may ask with an `@`; the answer has none, because Go cannot parse it there. */
const openApiV2Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const openApiV2Types: Readonly<Record<string, string>> = {
  "application/json": jsonType,
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf": openApiV2Protobuf,
  [openApiV2Protobuf]: openApiV2Protobuf,
};
/** A document that is asked for by its hash never changes: it may be kept for a year. */
const keptSeconds = 365 * 24 * 3_600;

/** @param path below `/api` or `/apis`. @returns undefined for what is not there */
export function discoveryAnswer(path: string, request: ApiRequest, serverAddress: () => string): Answer | undefined {
  const [root, group = "", version, ...rest] = path.split("/").slice(1);
  if (rest.length > 0) return undefined;
  if (group === "") {
    const top = root === "api" ? "api" : "apis";
    const aggregated = aggregatedVersionOf(request.headers.accept);
    if (aggregated !== undefined) return aggregatedAnswer(top, aggregated, request);
    return jsonAnswer(top === "api" ? coreVersions(serverAddress()) : groupList());
  }
  const document =
    root === "api"
      ? coreResources(group, version)
      : version === undefined
        ? groupDocument(group)
        : resourceList(group, version);
  return document === undefined ? undefined : jsonAnswer(document);
}

function coreResources(version: string, rest: string | undefined) {
  return rest === undefined ? resourceList("", version) : undefined;
}

function aggregatedAnswer(root: "api" | "apis", version: string, request: ApiRequest): Answer {
  const document = { ...aggregatedDiscovery(root), apiVersion: `${aggregatedGroup}/${version}` };
  const body = JSON.stringify(document);
  const hash = createHash("sha512").update(body).digest("hex").toUpperCase();
  const contentType = `application/json;g=${aggregatedGroup};v=${version};as=APIGroupDiscoveryList`;
  return unlessKnown(request, { kind: "document", statusCode: 200, contentType, body }, hash);
}

/** Aggregated discovery stands in the Accept header before plain JSON when the client prefers it. */
function aggregatedVersionOf(accept: string | undefined): string | undefined {
  for (const { mediaType, parameters } of parseAccept(accept ?? "")) {
    if (mediaType !== "application/json" && mediaType !== "*/*") continue;
    const as = parameters.get("as");
    if (as === undefined) return undefined;
    const version = parameters.get("v") ?? "";
    if (as !== "APIGroupDiscoveryList" || parameters.get("g") !== aggregatedGroup) continue;
    if (aggregatedVersions.includes(version)) return version;
  }
  return undefined;
}

/** @returns undefined for what is not there */
export function openApiAnswer(path: string, request: ApiRequest): Answer | undefined {
  if (path === "/openapi/v2") return openApiV2Answer(request);
  if (path === "/openapi/v3") return jsonAnswer(openApiIndex());
  if (!path.startsWith(openApiPrefix)) return undefined;
  const document = openApiDocument(path.slice(openApiPrefix.length));
  if (document === undefined) return undefined;
  const { text: body, hash } = document;
  const wanted = request.query.get("hash");
  if (wanted !== null && wanted !== hash) {
    const headers = { location: `${path}?hash=${hash}` };
    return { kind: "document", statusCode: 301, contentType: jsonType, body: "", headers };
  }
  const kept = wanted === null ? {} : { "cache-control": `public, immutable, max-age=${keptSeconds}` };
  return unlessKnown(request, { kind: "document", statusCode: 200, contentType: jsonType, body, headers: kept }, hash);
}

/** Protobuf only for those who name it: it is what client-go takes, and nothing a person reads. */
function openApiV2Answer(request: ApiRequest): Answer {
  const { text, message, hash } = openApiV2Document();
  const asked = parseAccept(request.headers.accept ?? "").find(
    ({ mediaType }) => mediaType in openApiV2Types,
  )?.mediaType;
  const contentType = openApiV2Types[asked ?? jsonType] ?? jsonType;
  const body = contentType === openApiV2Protobuf ? message : text;
  return unlessKnown(request, { kind: "document", statusCode: 200, contentType, body }, hash);
}

/** 304 where the client says that it has the document of this hash. */
function unlessKnown(request: ApiRequest, answer: DocumentAnswer, hash: string): DocumentAnswer {
  const etag = `"${hash}"`;
  const headers = { ...answer.headers, etag, vary: "Accept" };
  const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (!known.includes(etag) && !known.includes("*")) return { ...answer, headers };
  return { ...answer, statusCode: 304, body: "", headers };
}
