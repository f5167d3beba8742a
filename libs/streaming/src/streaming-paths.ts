// What a kubelet's streaming path asks for:
//
//   /exec/NS/POD/CONTAINER?command=ls&command=-l&input=1&output=1&error=1&tty=1
//   /attach/NS/POD/CONTAINER?output=1
//   /portForward/NS/POD?port=80        ports only for the WebSocket protocol that has no streams of its own
import { StreamRefused, type CommandRequest, type PortRequest } from "./streaming-target.ts";

export type StreamingRequest =
  | { readonly kind: "command"; readonly request: CommandRequest }
  | { readonly kind: "ports"; readonly pod: Omit<PortRequest, "port">; readonly ports: readonly number[] };

/** Ports of one request. */
const portsMax = 64;

/** @returns undefined: no streaming path. @throws StreamRefused 400 */
export function parseStreamingUrl(url: string): StreamingRequest | undefined {
  const { pathname, searchParams } = new URL(url, "http://kubelet");
  const parts = pathname.split("/").slice(1).map(decodeURIComponent);
  const [first, namespace = "", pod = ""] = parts;
  if (first === "portForward" && (parts.length === 3 || parts.length === 4)) {
    return { kind: "ports", pod: { namespace, pod }, ports: portsOf(searchParams) };
  }
  // The older form has the pod's uid before the container.
  if ((first === "exec" || first === "attach") && (parts.length === 4 || parts.length === 5)) {
    const container = parts.at(-1) ?? "";
    return { kind: "command", request: commandOf(first, { namespace, pod, container }, searchParams) };
  }
  return undefined;
}

function commandOf(
  kind: "exec" | "attach",
  where: { readonly namespace: string; readonly pod: string; readonly container: string },
  query: URLSearchParams,
): CommandRequest {
  const isOn = (...names: readonly string[]): boolean => names.some((name) => isTrue(query.get(name)));
  const tty = isOn("tty");
  const streams = { stdin: isOn("input", "stdin"), stdout: isOn("output", "stdout"), stderr: isOn("error", "stderr") };
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw new StreamRefused(400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  const command = kind === "exec" ? query.getAll("command") : [];
  if (kind === "exec" && command.length === 0) throw new StreamRefused(400, "you must specify a command to execute");
  return { kind, ...where, command, ...streams, stderr: streams.stderr && !tty, tty };
}

function portsOf(query: URLSearchParams): readonly number[] {
  const texts = [...query.getAll("port"), ...query.getAll("ports")].flatMap((text) => text.split(","));
  if (texts.length > portsMax) throw new StreamRefused(400, `more than ${portsMax} ports`);
  return texts.map(portOf);
}

/** @throws StreamRefused 400 */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new StreamRefused(400, `${JSON.stringify(text)} is no port`);
  return port;
}

function isTrue(value: string | null): boolean {
  return value === "1" || value === "true";
}
