// exec, attach and portforward: the request is put into the kubelet's words, and the connection becomes a tunnel. What is
// spoken inside (WebSocket channels, SPDY) is between the client and the kubelet.
import { badRequest, StatusError } from "@triarch/api";
import type { Answer } from "../http/answer.ts";
import { isTrue } from "../http/request-info.ts";
import { kubeletsOf, nodeOfPod, podOf } from "../kubelet/pod-on-node.ts";
import { upgradeHeaders } from "../tunnel/forwarded-headers.ts";
import { upgradeAnswer } from "../tunnel/upgrade-answer.ts";
import type { ResourceCall } from "./api.ts";
import { containerOf } from "./pod-log.ts";

/** The API's names of the streams, and the kubelet's. */
const streams = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" } as const;

export async function handleExec(call: ResourceCall): Promise<Answer> {
  return handleCommand(call, "exec");
}

export async function handleAttach(call: ResourceCall): Promise<Answer> {
  return handleCommand(call, "attach");
}

/** @throws StatusError 400 | 404 | 500 | 503 */
async function handleCommand(call: ResourceCall, kind: "exec" | "attach"): Promise<Answer> {
  const { query } = call.request;
  const pod = await podOf(call);
  const container = containerOf(pod, call.info.name, query.get("container") ?? "");
  const asked = new URLSearchParams();
  if (kind === "exec") for (const part of query.getAll("command")) asked.append("command", part);
  for (const [ours, kubelets] of Object.entries(streams)) if (isTrue(query.get(ours))) asked.set(kubelets, "1");
  return tunnelTo(call, await nodeOfPod(call.api, pod), [kind, call.info.namespace, call.info.name, container], asked);
}

export async function handlePortForward(call: ResourceCall): Promise<Answer> {
  const pod = await podOf(call);
  const asked = new URLSearchParams();
  for (const port of call.request.query.getAll("ports")) asked.append("port", port);
  return tunnelTo(call, await nodeOfPod(call.api, pod), ["portForward", call.info.namespace, call.info.name], asked);
}

async function tunnelTo(
  { api, request }: ResourceCall,
  node: Awaited<ReturnType<typeof nodeOfPod>>,
  parts: readonly string[],
  query: URLSearchParams,
): Promise<Answer> {
  if (request.upgrade === undefined) throw new StatusError(badRequest("Upgrade request required"));
  const kubelets = kubeletsOf(api);
  const path = `/${parts.map(encodeURIComponent).join("/")}`;
  return upgradeAnswer(request, {
    url: new URL(`${kubelets.urlOf(node)}${path}${query.size === 0 ? "" : `?${query.toString()}`}`),
    method: request.method,
    headers: upgradeHeaders(request.headers),
    tls: kubelets.tls,
  });
}
