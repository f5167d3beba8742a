// A kubelet for tests of the API server: mutual TLS as the real one demands, the real one's streaming protocols, and real
// processes of this machine instead of containers.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { finished } from "node:stream/promises";
import { systemTimers, type Timers } from "@triarch/base";
import { issueCertificate } from "@triarch/pki";
import {
  type CommandRequest,
  type CommandStreams,
  createStreamingServer,
  StreamRefused,
  type StreamingTarget,
  type TerminalSize,
} from "@triarch/streaming";
import { silentLogger } from "@triarch/telemetry";
import type { KubeletCredentials } from "../../src/kubelet/kubelet-access.ts";
import { testCa, type TestClient } from "./test-server.ts";

export interface StandInKubelet {
  readonly port: number;
  /** Common names of those who asked. */
  readonly callers: Set<string>;
  /** Protocols of the upgrades that were asked for, in order. */
  readonly upgrades: readonly string[];
  readonly sizes: readonly TerminalSize[];
  readonly commands: readonly CommandRequest[];
  /** Processes that run now. */
  readonly running: ReadonlySet<ChildProcess>;
  /** What it answers to requests that are no upgrades. */
  serve(listener: RequestListener): void;
  /** Puts a node with this kubelet into the API. */
  join(call: TestClient, nodeName: string): Promise<void>;
  close(): Promise<void>;
}

const nowMs = Date.now();

/** What the API server shows to a kubelet. */
export async function kubeletCredentials(): Promise<KubeletCredentials> {
  const pair = await issueCertificate(testCa, {
    commonName: "kube-apiserver-kubelet-client",
    organizations: ["system:masters"],
    usages: ["client"],
    nowMs,
    validityDays: 1,
  });
  return { certificatePem: pair.certificatePem, keyPem: pair.keyPem, caPem: testCa.certificatePem };
}

/** @param options.pingIntervalMs default: as the real one */
export async function startStandInKubelet(options: { readonly pingIntervalMs?: number } = {}): Promise<StandInKubelet> {
  const own = { commonName: "n1", ipAddresses: ["127.0.0.1"], usages: ["server"] as const, nowMs, validityDays: 1 };
  const pair = await issueCertificate(testCa, own);
  const target = new ProcessTarget();
  const timers: Timers = {
    ...systemTimers,
    every: (intervalMs, run) => systemTimers.every(options.pingIntervalMs ?? intervalMs, run),
  };
  const streaming = createStreamingServer({ target, logger: silentLogger, timers });
  const callers = new Set<string>();
  const upgrades: string[] = [];
  let listener: RequestListener = (_request, response) => response.writeHead(404).end("404 page not found");
  const server = createServer(
    {
      cert: pair.certificatePem,
      key: pair.keyPem,
      ca: testCa.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => listener(request, response),
  );
  server.on("secureConnection", (socket) => {
    const name: unknown = socket.getPeerCertificate().subject.CN;
    callers.add(String(name));
  });
  server.on("upgrade", (request, socket, head) => {
    upgrades.push(request.headers["sec-websocket-protocol"] ?? request.headers.upgrade ?? "");
    if (!streaming.upgrade(request, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    callers,
    upgrades,
    ...{ sizes: target.sizes, commands: target.commands, running: target.running },
    serve: (own) => (listener = own),
    join: async (call, name) => {
      await call("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
      const status = {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      };
      await call(
        "PATCH",
        `/api/v1/nodes/${name}/status`,
        { status },
        { "content-type": "application/merge-patch+json" },
      );
    },
    close: async () => {
      await streaming.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Pods named `gone` are unknown. Attaching is to a process that repeats what it is told. */
class ProcessTarget implements StreamingTarget {
  readonly sizes: TerminalSize[] = [];
  readonly commands: CommandRequest[] = [];
  readonly running = new Set<ChildProcess>();

  async checkCommand({ pod, container }: CommandRequest): Promise<void> {
    if (pod === "gone") throw new StreamRefused(404, `container not found ("${container}")`);
  }

  async checkPod({ pod }: { readonly pod: string }): Promise<void> {
    if (pod === "gone") throw new StreamRefused(404, "pod does not exist");
  }

  async run(request: CommandRequest, streams: CommandStreams): Promise<{ readonly exitCode: number }> {
    this.commands.push(request);
    const [file = "cat", ...args] = request.kind === "exec" ? request.command : ["cat"];
    const child = spawn(file, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const failed = new Promise<never>((_resolve, reject) => child.once("error", reject));
    await Promise.race([once(child, "spawn"), failed]);
    this.running.add(child);
    const kill = (): void => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    if (streams.signal.aborted) kill();
    else streams.signal.addEventListener("abort", kill, { once: true });
    streams.onResize((size) => this.sizes.push(size));
    child.stdin.on("error", () => undefined);
    if (streams.stdin === undefined) child.stdin.end();
    else streams.stdin.pipe(child.stdin);
    if (streams.stdout !== undefined) child.stdout.pipe(streams.stdout, { end: false });
    else child.stdout.resume();
    const stderr = streams.stderr ?? streams.stdout;
    if (stderr !== undefined) child.stderr.pipe(stderr, { end: false });
    else child.stderr.resume();
    const ended = Promise.all([finished(child.stdout), finished(child.stderr)]).catch(() => undefined);
    const [code] = (await once(child, "exit")) as [number | null];
    this.running.delete(child);
    if (!streams.signal.aborted) await ended;
    return { exitCode: code ?? 137 };
  }

  async connect({ port }: { readonly port: number }): Promise<ReturnType<typeof connect>> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }
}
