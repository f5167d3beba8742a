// Everything that is no resource: health, version, metrics, discovery and OpenAPI.
import {
  aggregatedDiscovery,
  aggregatedDiscoveryContentType,
  coreVersions,
  groupDocument,
  groupList,
  kubernetesVersion,
  methodNotAllowed,
  openApiDocument,
  openApiIndex,
  openApiV2Document,
  resourceList,
  StatusError,
} from "@triarch/api";
import type { ServiceAccountTokens } from "@triarch/auth";
import { healthReport, type HealthCheck, type Registry as MetricsRegistry } from "@triarch/telemetry";
import { parseAccept } from "../http/accept.ts";
import { type Answer, type ApiRequest, jsonAnswer, jsonType, textAnswer } from "../http/answer.ts";

export interface PathsOptions {
  readonly serviceAccountTokens: Pick<ServiceAccountTokens, "openIdConfiguration" | "jwks">;
  readonly metrics: MetricsRegistry;
  readonly livez: readonly HealthCheck[];
  readonly readyz: readonly HealthCheck[];
  /** `host:port` as in `/api`. */
  readonly serverAddress: () => string;
  readonly buildDate: string;
}

export type PathHandler = (request: ApiRequest) => Promise<Answer>;

const rootPaths = [
  "/.well-known/openid-configuration",
  "/api",
  "/api/v1",
  "/apis",
  "/healthz",
  "/livez",
  "/metrics",
  "/openapi/v2",
  "/openapi/v3",
  "/openid/v1/jwks",
  "/readyz",
  "/version",
];
const jwksPath = "/openid/v1/jwks";
const openApiPrefix = "/openapi/v3/";
/** Clients may ask with an `@`; the answer has none, because Go cannot parse it there. */
const openApiV2Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const openApiV2Types: Readonly<Record<string, string>> = {
  "application/json": jsonType,
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf": openApiV2Protobuf,
  [openApiV2Protobuf]: openApiV2Protobuf,
};

export function pathHandler(options: PathsOptions): PathHandler {
  const version = versionDocument(options.buildDate);
  return async (request) => {
    const path = request.path.length > 1 ? request.path.replace(/\/+$/, "") : request.path;
    const answer = await answerFor(path, request, options, version);
    if (answer === undefined) return textAnswer("404 page not found\n", 404);
    if (request.method !== "GET" && request.method !== "HEAD") throw new StatusError(methodNotAllowed());
    return answer;
  };
}

async function answerFor(
  path: string,
  request: ApiRequest,
  options: PathsOptions,
  version: object,
): Promise<Answer | undefined> {
  const [, first = "", second = ""] = path.split("/");
  switch (first) {
    case "":
      return jsonAnswer({ paths: rootPaths });
    case "version":
      return jsonAnswer(version);
    case "livez":
    case "readyz":
    case "healthz": {
      const checks = first === "readyz" ? options.readyz : options.livez;
      return healthAnswer(first, second, checks, request.query);
    }
    case "metrics":
      return { ...textAnswer(await options.metrics.metrics()), contentType: options.metrics.contentType };
    case ".well-known":
    case "openid":
      return issuerAnswer(path, options);
    case "openapi":
      return openApiAnswer(path, request.headers.accept);
    case "api":
    case "apis":
      return discoveryAnswer(path, request, options);
    default:
      return undefined;
  }
}

/** So that others can verify the tokens of our service accounts. */
async function issuerAnswer(path: string, options: PathsOptions): Promise<Answer | undefined> {
  const { serviceAccountTokens: tokens, serverAddress } = options;
  if (path === "/.well-known/openid-configuration") {
    return jsonAnswer(tokens.openIdConfiguration(`https://${serverAddress()}${jwksPath}`));
  }
  return path === jwksPath ? jsonAnswer(await tokens.jwks(), 200, "application/jwk-set+json") : undefined;
}

function openApiAnswer(path: string, accept: string | undefined): Answer | undefined {
  if (path === "/openapi/v2") return openApiV2Answer(accept);
  if (path === "/openapi/v3") return jsonAnswer(openApiIndex());
  if (!path.startsWith(openApiPrefix)) return undefined;
  const document = openApiDocument(path.slice(openApiPrefix.length));
  if (document === undefined) return undefined;
  return {
    kind: "document",
    statusCode: 200,
    contentType: "application/json",
    body: document.text,
    headers: { etag: `"${document.hash}"` },
  };
}

/** Protobuf only for those who name it: it is what client-go takes, and nothing a person reads. */
function openApiV2Answer(accept: string | undefined): Answer {
  const { text, message, hash } = openApiV2Document();
  const asked = parseAccept(accept ?? "").find(({ mediaType }) => mediaType in openApiV2Types)?.mediaType;
  const contentType = openApiV2Types[asked ?? jsonType] ?? jsonType;
  const body = contentType === openApiV2Protobuf ? message : text;
  return { kind: "document", statusCode: 200, contentType, body, headers: { etag: `"${hash}"` } };
}

function discoveryAnswer(path: string, request: ApiRequest, options: PathsOptions): Answer | undefined {
  const parts = path.split("/").slice(1);
  if (parts.length === 1) {
    const root = parts[0] === "api" ? "api" : "apis";
    if (wantsAggregated(request.headers.accept)) {
      return jsonAnswer(aggregatedDiscovery(root), 200, aggregatedDiscoveryContentType);
    }
    return jsonAnswer(root === "api" ? coreVersions(options.serverAddress()) : groupList());
  }
  const [root, group = "", version] = parts;
  if (parts.length > 3) return undefined;
  const document =
    root === "api"
      ? resourceList("", group)
      : version === undefined
        ? groupDocument(group)
        : resourceList(group, version);
  return document === undefined ? undefined : jsonAnswer(document);
}

/** Aggregated discovery stands in the Accept header before plain JSON when the client prefers it. */
function wantsAggregated(accept: string | undefined): boolean {
  for (const { mediaType, parameters } of parseAccept(accept ?? "")) {
    if (mediaType !== "application/json" && mediaType !== "*/*") continue;
    const as = parameters.get("as");
    if (as === undefined) return false;
    if (
      as === "APIGroupDiscoveryList" &&
      parameters.get("g") === "apidiscovery.k8s.io" &&
      parameters.get("v") === "v2"
    ) {
      return true;
    }
  }
  return false;
}

function healthAnswer(
  name: string,
  only: string,
  all: readonly HealthCheck[],
  query: URLSearchParams,
): Answer | undefined {
  const excluded = new Set(query.getAll("exclude"));
  const checks = all.filter((check) => (only === "" || check.name === only) && !excluded.has(check.name));
  if (only !== "" && checks.length === 0) return undefined;
  const { statusCode, body } = healthReport(name, checks);
  if (statusCode !== 200 || !query.has("verbose")) return textAnswer(body, statusCode);
  const lines = checks.map((check) => `[+]${check.name} ok`);
  return textAnswer(`${lines.join("\n")}\n${name} check passed\n`);
}

function versionDocument(buildDate: string): object {
  const { major, minor, gitVersion } = kubernetesVersion;
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate,
    goVersion: "",
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
