// What the Docker Engine itself says about a cluster's containers, and commands run in them.
import { dockerClient } from "@triarch/machine";

const docker = dockerClient();
const label = (name: string): string => `triarch.dev/${name}`;

export interface ContainerFacts {
  readonly id: string;
  /** `sandbox` is the pause container. */
  readonly kind: string;
  readonly pod: string;
  readonly namespace: string;
  readonly node: string;
  readonly container: string;
  readonly running: boolean;
}

/** All containers of a cluster, also ended ones. */
export async function containersOf(clusterId: string): Promise<readonly ContainerFacts[]> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${label("cluster")}=${clusterId}`] } });
  return found.map((one) => ({
    id: one.Id,
    kind: one.Labels[label("kind")] ?? "",
    pod: one.Labels[label("pod-name")] ?? "",
    namespace: one.Labels[label("pod-namespace")] ?? "",
    node: one.Labels[label("node")] ?? "",
    container: one.Labels[label("container")] ?? "",
    running: one.State === "running",
  }));
}

/** Runs a command in a running container. @returns its output and exit code */
export async function execIn(id: string, command: readonly string[]): Promise<{ output: string; exitCode: number }> {
  const exec = await docker.getContainer(id).exec({
    Cmd: [...command],
    AttachStdout: true,
    AttachStderr: true,
    Tty: true, // one plain stream
  });
  const stream = await exec.start({ Tty: true });
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  const { ExitCode } = await exec.inspect();
  return { output: Buffer.concat(chunks).toString("utf8").replaceAll("\r\n", "\n").trim(), exitCode: ExitCode ?? -1 };
}

/** Kills a container behind the kubelet's back. */
export async function killContainer(id: string): Promise<void> {
  await docker.getContainer(id).kill();
}

export async function networkModeOf(id: string): Promise<string> {
  return (await docker.getContainer(id).inspect()).HostConfig.NetworkMode ?? "";
}
