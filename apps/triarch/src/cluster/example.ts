// The example that `up` applies: three web servers that tell their names, behind a Service.
import { request } from "node:http";
import type { Deployment, Service } from "@triarch/api";
import { ApiError, resourceRefs, type KubeClient } from "@triarch/client";
import { localImage } from "@triarch/machine";
import type { Runtime } from "./cluster-spec.ts";

const labels = { app: "hello" };
const key = { namespace: "default", name: "hello" };
const containerPort = 8080;

export const exampleReplicas = 3;

/** Hollow containers serve nothing, and nobody answers at their addresses: there the web server is not probed. */
const deploymentFor = (runtime: Runtime): Deployment => ({
  metadata: { ...key, labels },
  spec: {
    replicas: exampleReplicas,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: "web",
            image: localImage,
            command: [
              "sh",
              "-c",
              `mkdir -p /srv && echo "hello from $(hostname)" > /srv/index.html && exec httpd -f -p ${containerPort} -h /srv`,
            ],
            ports: [{ name: "http", containerPort }],
            ...(runtime === "hollow"
              ? {}
              : { readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 } }),
          },
        ],
      },
    },
  },
});

const service: Service = {
  metadata: { ...key, labels },
  spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] },
};

/** Creates what is not there; an example that its user changed stays as it is. */
export async function applyExample(client: KubeClient, runtime: Runtime): Promise<void> {
  await createMissing(() => client.create(resourceRefs.deployments, deploymentFor(runtime)));
  await createMissing(() => client.create(resourceRefs.services, service));
}

export async function exampleState(
  client: KubeClient,
): Promise<{ readonly wanted: number; readonly available: number; readonly clusterIp: string }> {
  const [now, address] = await Promise.all([
    client.get<Deployment>(resourceRefs.deployments, key),
    client.get<Service>(resourceRefs.services, key),
  ]);
  return {
    wanted: now.spec?.replicas ?? exampleReplicas,
    available: now.status?.observedGeneration === now.metadata?.generation ? (now.status?.availableReplicas ?? 0) : 0,
    clusterIp: address.spec?.clusterIP ?? "",
  };
}

/** One request to the Service's address, from this machine. */
export function askExample(clusterIp: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: clusterIp, port: 80, path: "/", timeout: 2_000, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve(Buffer.concat(chunks).toString("utf8").trim()));
    });
    asking.on("timeout", () => asking.destroy(new Error(`http://${clusterIp}/ did not answer in 2 s`)));
    asking.on("error", reject);
    asking.end();
  });
}

async function createMissing(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
  }
}
