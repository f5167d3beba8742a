// Everything that is no resource: health, version, metrics; discovery and OpenAPI in a file of their own.
import { kubernetesVersion, methodNotAllowed, StatusError } from "@triarch/api";
import type { ServiceAccountTokens } from "@triarch/auth";
import { healthReport, type HealthCheck, type Registry as MetricsRegistry } from "@triarch/telemetry";
import { type Answer, type ApiRequest, jsonAnswer, textAnswer } from "../http/answer.ts";
import { discoveryAnswer, openApiAnswer } from "./discovery.ts";

export interface PathsOptions {
  readonly serviceAccountTokens: Pick<ServiceAccountTokens, "openIdConfiguration" | "jwks">;
  readonly metrics: MetricsRegistry;
  /** Under `/debug/`. */
  readonly debug: (path: string, query: URLSearchParams) => Answer | undefined;
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
    case "debug":
      return options.debug(path, request.query);
    case "metrics":
      return { ...textAnswer(await options.metrics.metrics()), contentType: options.metrics.contentType };
    case ".well-known":
    case "openid":
      return issuerAnswer(path, options);
    case "openapi":
      return openApiAnswer(path, request);
    case "api":
    case "apis":
      return discoveryAnswer(path, request, options.serverAddress);
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
