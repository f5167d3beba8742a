// pods/log: text from the kubelet that runs the pod, passed on as it comes.
import {
  badRequest,
  failure,
  findResource,
  internalError,
  isObject,
  type JsonObject,
  listAt,
  notFound,
  objectAt,
  serviceUnavailable,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined, utf8Text } from "@triarch/base";
import type { Readable } from "node:stream";
import { about } from "../http/failures.ts";
import { type Answer, type StreamSink, textAnswer } from "../http/answer.ts";
import type { ResourceCall } from "./api.ts";

const passedOn = ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"];
/** Of a kubelet's error text; the rest is cut. */
const errorTextBytesMax = 4096;

export async function handleLog(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const store = api.registry.store;
  const pod = await about({ resource, name: info.name }, () =>
    store.get(resource, { namespace: info.namespace, name: info.name }),
  );
  const container = containerOf(pod.object(), info.name, request.query.get("container") ?? "");
  const nodeName = textAt(objectAt(pod.object(), "spec"), "nodeName");
  if (nodeName === "") return textAnswer("");
  if (api.kubelets === undefined) {
    throw new StatusError(
      serviceUnavailable("this server has no client certificate for kubelets, so it can't read logs"),
    );
  }
  const nodes = assertDefined(findResource("", "v1", "nodes"), "nodes are not served");
  const node = await about({ resource: nodes, name: nodeName }, () =>
    store.get(nodes, { namespace: "", name: nodeName }),
  );
  const query = new URLSearchParams();
  for (const key of passedOn) {
    const value = request.query.get(key);
    if (value !== null) query.set(key, value);
  }
  const path = `/containerLogs/${[info.namespace, info.name, container].map(encodeURIComponent).join("/")}${query.size === 0 ? "" : `?${query.toString()}`}`;
  const { statusCode, body } = await askKubelet(() =>
    assertDefined(api.kubelets, "checked").get(node.object(), path, request.signal()),
  );
  if (statusCode !== 200) throw new StatusError(kubeletFailure(statusCode, await errorText(body)));
  return { kind: "stream", contentType: "text/plain", run: (sink) => pass(body, sink) };
}

/** The container asked for, or the only one. @throws StatusError 400 */
export function containerOf(pod: JsonObject, podName: string, wanted: string): string {
  const spec = objectAt(pod, "spec") ?? {};
  const namesIn = (field: string): string[] =>
    listAt(spec, field)
      .filter(isObject)
      .map((container) => textAt(container, "name"));
  const [containers, init, ephemeral] = ["containers", "initContainers", "ephemeralContainers"].map(namesIn) as [
    string[],
    string[],
    string[],
  ];
  if (wanted !== "") {
    if ([...containers, ...init, ...ephemeral].includes(wanted)) return wanted;
    throw new StatusError(badRequest(`container ${wanted} is not valid for pod ${podName}`));
  }
  const [only, ...others] = containers;
  if (only !== undefined && others.length === 0) return only;
  const initText = init.length === 0 ? "" : ` or one of the init containers: [${init.join(" ")}]`;
  const text = `a container name must be specified for pod ${podName}, choose one of: [${containers.join(" ")}]${initText}`;
  throw new StatusError(badRequest(text));
}

async function askKubelet<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StatusError(internalError(`the kubelet can't be reached: ${(error as Error).message}`), { cause: error });
  }
}

function kubeletFailure(statusCode: number, text: string) {
  if (statusCode === 404) return { ...notFound({ group: "", resource: "pods" }, ""), message: text };
  if (statusCode === 400) return badRequest(text);
  return failure(statusCode < 400 ? 500 : statusCode, "InternalError", `the kubelet answered ${statusCode}: ${text}`);
}

async function errorText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > errorTextBytesMax) break;
  }
  body.destroy();
  return utf8Text(Buffer.concat(chunks).subarray(0, errorTextBytesMax)).trim();
}

/** A kubelet that goes away in the middle ends the answer the hard way: what came is not all there was. */
function pass(body: Readable, sink: StreamSink): void {
  sink.onDrained(() => body.resume());
  sink.signal.addEventListener("abort", () => body.destroy());
  body.on("data", (chunk: Buffer) => {
    if (!sink.write(chunk)) body.pause();
  });
  body.on("end", () => sink.end());
  body.on("error", () => sink.abort());
}
