// A real API server in this process, all controllers on it, and a stand-in for scheduler and kubelets.
import { seededRng, systemClock } from "@triarch/base";
import { adminToken, standaloneMaster, startApiServer } from "@triarch/apiserver";
import { createEventRecorder, createKubeClient, resourceRefs, type KubeClient } from "@triarch/client";
import type { Node } from "@triarch/api";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { controllers } from "../../src/all-controllers.ts";
import { SharedInformers, type ControllerContext } from "../../src/controller.ts";
import { runNodeAgent } from "./node-agent.ts";

export const nodeNames = ["n1", "n2", "n3"] as const;
export const rootCa = "-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n";

export interface TestCluster {
  readonly client: KubeClient;
  readonly informers: SharedInformers;
  /** Nodes whose kubelet does nothing; the test may change it. */
  readonly silentNodes: Set<string>;
  close(): Promise<void>;
}

export interface TestClusterOptions {
  readonly dataDir: string;
  /** Called before the informers start: ask there for those the test reads. */
  readonly prepare: (informers: SharedInformers) => void;
  /** Absent: nodes need no heartbeat. */
  readonly nodeMonitorGracePeriodMs?: number;
}

export async function startCluster(options: TestClusterOptions): Promise<TestCluster> {
  const { dataDir, prepare, nodeMonitorGracePeriodMs = 3_600_000 } = options;
  const token = "sesame";
  const master = await startApiServer({
    ...(await standaloneMaster({
      dataDir,
      port: 0,
      token,
      secure: false,
      serviceCidr: "10.96.0.0/16",
      logLevels: "silent",
    })),
    tokens: [adminToken(token)],
    // The controllers under test do.
    furnishesNamespaces: false,
  });
  const [address] = master.addresses;
  if (address === undefined) throw new Error("the API server listens nowhere");
  const [clock, rng, logger] = [systemClock, seededRng(1), silentLogger];
  const access = {
    servers: [`http://${address.host}:${address.port}`],
    token,
    insecureSkipTlsVerify: false,
  };
  const client = createKubeClient({ access, clock, rng, userAgent: "controllers-test" });
  const informers = new SharedInformers({ client, clock, rng, logger });
  const stop = new AbortController();
  prepare(informers);
  const context: ControllerContext = {
    client,
    informers,
    recorder: (component) => createEventRecorder({ client, component, clock, rng }),
    clock,
    rng,
    logger,
    registry: createRegistry("test"),
    options: { clusterCidr: "10.244.0.0/16", rootCa, nodeMonitorGracePeriodMs },
  };
  const running = controllers.map((make) => make(context));
  const silentNodes = new Set<string>();
  const agent = runNodeAgent(client, informers, { nodes: nodeNames, silent: silentNodes });
  for (const name of nodeNames) {
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const ready = { type: "Ready", status: "True", lastHeartbeatTime: now, lastTransitionTime: now };
    const node = await client.create<Node>(resourceRefs.nodes, { metadata: { name } });
    await client.update(resourceRefs.nodes, { ...node, status: { conditions: [ready] } }, { subresource: "status" });
  }
  await informers.start(stop.signal);
  const done = Promise.all([...running.map((one) => one.run(stop.signal)), agent(stop.signal)]);
  return {
    client,
    informers,
    silentNodes,
    close: async () => {
      stop.abort();
      await done;
      await client.close();
      await master.close();
    },
  };
}
