import { request } from "node:https";
import { seededRng } from "@triarch/base";
import { loadKubeconfig, startRelay } from "@triarch/client";
import { createLogger, createRegistry, Gauge, startHealthServer } from "@triarch/telemetry";
import { CommandFailure, messageOf } from "../errors.ts";

/** A probe that takes longer than this counts as failed. */
const probeTimeoutMs = 1_000;

/** The balanced address as a process of its own; ends when `signal` aborts. */
export async function relayCommand(
  options: { readonly listen: string; readonly kubeconfig: string; readonly healthPort: string },
  signal: AbortSignal,
): Promise<number> {
  const logger = createLogger({ component: "balancer" });
  const match = /^(.+):(\d+)$/.exec(options.listen);
  if (match === null) throw new CommandFailure(`--listen takes HOST:PORT, not "${options.listen}"`, { exitCode: 2 });
  const access = await loadKubeconfig(options.kubeconfig);
  const probe = (url: string): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const asking = request(
        `${url}/readyz`,
        {
          ca: access.caPem,
          cert: access.clientCertificatePem,
          key: access.clientKeyPem,
          timeout: probeTimeoutMs,
          agent: false,
        },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode === 200);
        },
      );
      asking.on("timeout", () => asking.destroy(new Error("timed out")));
      asking.on("error", reject);
      asking.end();
    });
  const registry = createRegistry("balancer");
  const healthy = new Map(access.servers.map((url) => [url, true]));
  const gauge = new Gauge({
    name: "balancer_master_healthy",
    help: "1: the master answers",
    labelNames: ["url"],
    registers: [registry],
  });
  for (const url of access.servers) gauge.set({ url }, 1);
  try {
    const health = await startHealthServer({
      host: "127.0.0.1",
      port: Number(options.healthPort),
      registry,
      readyz: [
        { name: "masters", check: () => ([...healthy.values()].includes(true) ? undefined : "no master answers") },
      ],
    });
    const relay = await startRelay({
      host: match[1] ?? "",
      port: Number(match[2]),
      backends: access.servers,
      probe,
      rng: seededRng(process.pid),
      onChange: (url, answers) => {
        healthy.set(url, answers);
        gauge.set({ url }, answers ? 1 : 0);
        logger.info({ url, healthy: answers }, answers ? "master answers" : "master does not answer");
      },
    });
    logger.info({ listen: options.listen, masters: access.servers }, "balancing");
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await relay.close();
    await health.close();
    return 0;
  } catch (error) {
    throw new CommandFailure(`cannot listen on ${options.listen}: ${messageOf(error)}`, { cause: error });
  }
}
