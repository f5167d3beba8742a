// One run of a probe (or of a lifecycle hook, which takes the same forms).
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container, HTTPGetAction, Probe, TCPSocketAction } from "@triarch/api";
import type { ContainerRuntime } from "@triarch/runtime-hollow";

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly runtime: ContainerRuntime;
}

/** `failure` is the text that events carry. */
export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly failure: string };

/** Of an answer's body and of a command's output in messages. */
const textMax = 1024;

export async function runCheck(
  check: Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<CheckResult> {
  try {
    if (check.exec !== undefined) {
      const { exitCode, output } = await target.runtime.exec(target.containerId, check.exec.command ?? [], timeoutMs);
      return exitCode === 0 ? { ok: true } : { ok: false, failure: output.slice(0, textMax) };
    }
    // Simulated containers have no network: asking would reach whoever has the address on the real one.
    if (target.runtime.scheme === "hollow") return { ok: true };
    if (check.httpGet !== undefined) return await httpCheck(check.httpGet, target, timeoutMs);
    if (check.tcpSocket !== undefined) return await tcpCheck(check.tcpSocket, target, timeoutMs);
    return { ok: false, failure: "this kind of probe is not supported" };
  } catch (error) {
    return { ok: false, failure: error instanceof Error ? error.message : String(error) };
  }
}

function httpCheck(action: HTTPGetAction, target: ProbeTarget, timeoutMs: number): Promise<CheckResult> {
  const secure = action.scheme === "HTTPS";
  const host = action.host ?? target.podIp;
  const port = portNumber(action.port, target.container);
  const path = `/${(action.path ?? "/").replace(/^\//, "")}`;
  const url = `${secure ? "https" : "http"}://${host}:${port}${path}`;
  const headers: Record<string, string> = { "User-Agent": "kube-probe/1.36", Accept: "*/*", Connection: "close" };
  for (const { name, value } of action.httpHeaders ?? []) headers[name] = value;
  return new Promise((resolve) => {
    const options = { host, port, path, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) };
    const sent = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    sent.on("response", (answer) => {
      answer.resume();
      const code = answer.statusCode ?? 0;
      const ok = code >= 200 && code < 400;
      resolve(ok ? { ok } : { ok, failure: `HTTP probe failed with statuscode: ${code}` });
      answer.on("error", () => undefined);
    });
    sent.on("error", (error) => resolve({ ok: false, failure: `Get "${url}": ${reason(error, timeoutMs)}` }));
    sent.end();
  });
}

function tcpCheck(action: TCPSocketAction, target: ProbeTarget, timeoutMs: number): Promise<CheckResult> {
  const host = action.host ?? target.podIp;
  const port = portNumber(action.port, target.container);
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
    socket.once("connect", () => {
      resolve({ ok: true });
      socket.destroy();
    });
    socket.once("error", (error) =>
      resolve({ ok: false, failure: `dial tcp ${host}:${port}: ${reason(error, timeoutMs)}` }),
    );
  });
}

function reason(error: Error, timeoutMs: number): string {
  return error.name === "AbortError" ? `no answer in ${timeoutMs / 1000} s` : error.message;
}

/** A number, or the name of one of the container's ports. @throws Error when the container has no such port */
export function portNumber(port: number | string, container: Container): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find((one) => one.name === port)?.containerPort ?? Number(port);
  if (Number.isInteger(named)) return named;
  throw new Error(`container ${container.name} has no port named "${port}"`);
}
