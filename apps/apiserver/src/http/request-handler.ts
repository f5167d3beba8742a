// From a raw request to an answer: who asks, may they, what is it. Measures and logs each request once.
import { randomUUID } from "node:crypto";
import { forbiddenRequest, failure, internalError, StatusError, unauthorized, type FailureStatus } from "@triarch/api";
import { refusalText, type RequestAttributes, type UserInfo } from "@triarch/auth";
import type { Clock } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import type { Fairness, FairRequest } from "../fairness/fairness.ts";
import type { Api } from "../handlers/api.ts";
import type { PathHandler } from "../handlers/paths.ts";
import { handleResource } from "../handlers/resources.ts";
import { StorageError } from "../storage/index.ts";
import { type Answer, type ApiRequest, statusAnswer } from "./answer.ts";
import { expectedStatus, statusOfStorageError } from "./failures.ts";
import type { Handle, Handled, RawRequest } from "./http-server.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { attributesOf, parseRequestInfo, type RequestInfo } from "./request-info.ts";

export interface RequestHandlerOptions {
  readonly api: Api;
  readonly paths: PathHandler;
  /** Who is known waits here for his turn, before it is asked whether he may. */
  readonly fairness: Pick<Fairness, "run">;
  readonly metrics: RequestMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function requestHandler(options: RequestHandlerOptions): Handle {
  return async (raw) => {
    const startedMs = options.clock.monotonicMs();
    const { pathname, searchParams } = splitUrl(raw.url);
    const warnings: string[] = [];
    let info: RequestInfo = { kind: "path", verb: raw.method.toLowerCase(), path: pathname };
    let user: UserInfo | undefined;
    const work = async (): Promise<Answer> => {
      info = parseRequestInfo(raw.method, pathname, searchParams);
      user = await authenticate(options, raw);
      const attributes = attributesOf(info, searchParams);
      const fair = fairRequest(raw, info, { user, attributes, query: searchParams });
      return options.fairness.run(fair, () => serve(fair, info).catch(failed));
    };
    const serve = async ({ user, attributes }: FairRequest, info: RequestInfo): Promise<Answer> => {
      authorize(options, user, attributes);
      if (opensStreams(attributes, raw)) authorize(options, user, { ...attributes, verb: "create" });
      const { method, url, headers, body, bodyStream, upgrade, signal } = raw;
      const request: ApiRequest = {
        method,
        url,
        path: pathname,
        query: searchParams,
        headers,
        body,
        bodyStream,
        upgrade,
        user,
        info,
        signal,
        warnings,
      };
      return info.kind === "path" ? options.paths(request) : handleResource(options.api, request, info);
    };
    const failed = (error: unknown): Answer => statusAnswer(statusOf(error, options, raw));
    const answer = await work().catch(failed);
    const elapsedMs = options.clock.monotonicMs() - startedMs;
    const code = codeOf(answer);
    options.metrics.observe(info, code, elapsedMs / 1000);
    options.logger.debug(
      {
        id: raw.id,
        method: raw.method,
        url: raw.url,
        code,
        ms: Math.round(elapsedMs * 10) / 10,
        user: user?.name ?? "",
      },
      "request",
    );
    return { answer, warnings: [...new Set(warnings)] } satisfies Handled;
  };
}

function fairRequest(
  { body, signal }: RawRequest,
  info: RequestInfo,
  asked: Pick<FairRequest, "user" | "attributes" | "query">,
): FairRequest {
  return { ...asked, version: info.kind === "path" ? "" : info.version, bodyBytes: body.byteLength, signal };
}

function codeOf(answer: Answer): number {
  if (answer.kind === "document") return answer.statusCode;
  return answer.kind === "upgrade" ? 101 : (answer.statusCode ?? 200);
}

/** A WebSocket's handshake is always a GET: who may only read must not run commands by it. */
function opensStreams(attributes: RequestAttributes, { upgrade }: RawRequest): boolean {
  if (upgrade === undefined || attributes.kind !== "resource") return false;
  const { apiGroup, resource, subresource, verb } = attributes;
  if (apiGroup !== "" || resource !== "pods" || verb !== "get") return false;
  return subresource === "exec" || subresource === "attach" || subresource === "portforward";
}

async function authenticate({ api }: RequestHandlerOptions, raw: RawRequest): Promise<UserInfo> {
  const result = await api.identity.authenticator.authenticate({
    certificate: raw.certificate,
    authorization: raw.headers.authorization,
  });
  if (result.kind === "refused") throw new StatusError(unauthorized());
  return result.user;
}

function authorize({ api }: RequestHandlerOptions, user: UserInfo, attributes: RequestAttributes): void {
  if (api.identity.authorizer.allows(user, attributes)) return;
  throw new StatusError(refusal(user, attributes));
}

function refusal(user: UserInfo, attributes: RequestAttributes): FailureStatus {
  const why = refusalText(user, attributes);
  if (attributes.kind === "path") return failure(403, "Forbidden", `forbidden: ${why}`, {});
  return forbiddenRequest({ group: attributes.apiGroup, resource: attributes.resource }, attributes.name, why);
}

/** What nobody foresaw is a defect of ours: the client gets 500 and a mark to find the log line by. */
function statusOf(error: unknown, { logger }: RequestHandlerOptions, raw: RawRequest): FailureStatus {
  const expected = expectedStatus(error);
  if (expected !== undefined) return expected;
  if (error instanceof StorageError) {
    return statusOfStorageError(error, { resource: { group: "", resource: "objects", kind: "Object" }, name: "" });
  }
  if (raw.signal().aborted) return failure(499, "ClientClosedRequest", "the client is gone");
  const mark = randomUUID();
  logger.error({ id: raw.id, mark, method: raw.method, url: raw.url, error }, "request failed unexpectedly");
  return internalError(`unexpected failure, see the server's log for ${mark}`);
}

function splitUrl(url: string): { readonly pathname: string; readonly searchParams: URLSearchParams } {
  const question = url.indexOf("?");
  if (question < 0) return { pathname: url, searchParams: new URLSearchParams() };
  return { pathname: url.slice(0, question), searchParams: new URLSearchParams(url.slice(question + 1)) };
}
