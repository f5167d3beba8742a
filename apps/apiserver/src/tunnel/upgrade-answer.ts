// The answer to a request that becomes a tunnel: upstream agreed, or said why not.
import type { IncomingMessage } from "node:http";
import { failure, StatusError } from "@triarch/api";
import type { Answer, ApiRequest } from "../http/answer.ts";
import { type Headers, responseHeaders } from "./forwarded-headers.ts";
import { joinSockets } from "./tunnel.ts";
import { requestUpgrade, type UpgradeRequest } from "./upstream-upgrade.ts";

/** Of what upstream says when it refuses; the rest is cut. */
const refusalBytesMax = 64 * 1024;

/** @throws StatusError 500 as Kubernetes has it, when upstream can't be reached */
export async function upgradeAnswer(request: ApiRequest, upgrade: Omit<UpgradeRequest, "signal">): Promise<Answer> {
  const result = await requestUpgrade({ ...upgrade, signal: request.signal() }).catch((error: unknown) => {
    const status = failure(500, undefined, `error dialing backend: ${dialProblem(error)}`);
    throw new StatusError(status, { cause: error });
  });
  if (result.kind === "refused") return refusal(result.answer);
  return {
    kind: "upgrade",
    rawHeaders: result.rawHeaders,
    run: (client, signal) => joinSockets(client, result, signal),
    giveUp: () => void result.socket.destroy(),
  };
}

/** Passed on as it came: clients show its text. */
async function refusal(answer: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > refusalBytesMax) break;
  }
  answer.destroy();
  const { "content-type": contentType = "text/plain", ...headers }: Headers = responseHeaders(answer.headers);
  delete headers["content-length"];
  return {
    kind: "document",
    statusCode: answer.statusCode ?? 502,
    contentType: String(contentType),
    body: Buffer.concat(chunks).subarray(0, refusalBytesMax),
    headers,
  };
}

export function dialProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses were tried: the first says enough.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return error.message === "" && first instanceof Error ? first.message : error.message;
}
