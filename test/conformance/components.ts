// Our controller manager and scheduler beside one `triarch api`, for tests of what controllers do.
import { join } from "node:path";
import { createServer, type AddressInfo } from "node:net";
import type { ApiClient } from "./api-client.ts";
import { top } from "../support/cluster.ts";
import { type BackgroundProgram, startProgram } from "../support/command.ts";
import { until } from "../support/until.ts";

const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

/** Resolves once both lead. @returns ends them */
export async function startComponents(api: ApiClient): Promise<() => Promise<void>> {
  const { kubeconfig, caFile } = api.server;
  const start = async (app: string, ...more: readonly string[]): Promise<BackgroundProgram> => {
    const args = [join(top, "apps", app, "src", "main.ts"), "--kubeconfig", kubeconfig, ...more];
    return startProgram(process.execPath, [...args, "--health-port", String(await freePort())]);
  };
  const programs = [await start("controller-manager", "--root-ca-file", caFile), await start("scheduler")];
  const stop = async (): Promise<void> => {
    for (const program of programs) program.signal("SIGTERM");
    await Promise.all(programs.map((program) => program.ended(stopTimeoutMs)));
  };
  try {
    for (const name of ["kube-controller-manager", "kube-scheduler"]) {
      const path = `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${name}`;
      await until(`${name} to lead`, startTimeoutMs, async () => (await api.get(path))["spec"]);
    }
  } catch (error) {
    await stop();
    throw new Error(programs.map((program) => program.output()).join("\n"), { cause: error });
  }
  return stop;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
