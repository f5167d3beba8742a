import { request } from "node:https";
import { seededRng } from "@triarch/base";
import { loadKubeconfig, startRelay } from "@triarch/client";
import { createLogger } from "@triarch/telemetry";
import { CommandFailure, messageOf } from "../errors.ts";

/** A probe that takes longer than this counts as failed. */
const probeTimeoutMs = 1_000;

/** The balanced address as a process of its own; ends when `signal` aborts. */
export async function relayCommand(
  options: { readonly listen: string; readonly kubeconfig: string },
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
  try {
    const relay = await startRelay({
      host: match[1] ?? "",
      port: Number(match[2]),
      backends: access.servers,
      probe,
      rng: seededRng(process.pid),
      onChange: (url, healthy) => logger.info({ url, healthy }, healthy ? "master answers" : "master does not answer"),
    });
    logger.info({ listen: options.listen, masters: access.servers }, "balancing");
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await relay.close();
    return 0;
  } catch (error) {
    throw new CommandFailure(`cannot listen on ${options.listen}: ${messageOf(error)}`, { cause: error });
  }
}
