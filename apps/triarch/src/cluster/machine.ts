// Makes the machine ready for a cluster: decides between real containers and the hollow runtime, installs what is
// missing, starts a Docker Engine where none answers, and builds the local image.
import {
  dockerClient,
  dockerVersion,
  ensureLocalImage,
  hasCommand,
  installPackages,
  localImage,
  missingPackages,
  startDockerEngine,
  workerPackages,
} from "@triarch/machine";
import { CommandFailure } from "../errors.ts";
import type { Progress } from "../output/progress.ts";
import type { ClusterPaths, Runtime } from "./cluster-spec.ts";

export interface MachineOptions {
  /** Undefined: containers where that is possible. */
  readonly wanted: Runtime | undefined;
  readonly systemPackages: boolean;
  readonly paths: ClusterPaths;
}

export async function prepareMachine(options: MachineOptions, progress: Progress): Promise<Runtime> {
  if (options.wanted === "hollow") return "hollow";
  const obstacle = await obstacleToContainers(options);
  if (obstacle !== undefined) {
    if (options.wanted === "docker") throw new CommandFailure(obstacle.what, { remedy: obstacle.remedy });
    progress.note(`${obstacle.what}: using the hollow runtime (simulated containers). ${obstacle.remedy}.`);
    return "hollow";
  }
  const missing = await missingPackages(workerPackages);
  if (missing.length > 0) {
    const list = missing.map((one) => `${one.name} (${one.purpose})`).join(", ");
    await progress.step(
      "Installing system packages",
      async (step) => {
        step.detail(list);
        await installPackages(missing);
      },
      () => list,
    );
  }
  await progress.step(
    "Docker Engine",
    async (step) => {
      const running = await dockerVersion();
      if (running !== undefined) return running;
      step.detail("no socket answers, starting dockerd");
      return `${await startDockerEngine("/var/log/triarch")}, started now`;
    },
    (version) => version,
  );
  await progress.step(
    "Local image",
    async () => ensureLocalImage(dockerClient()),
    (built) => `${localImage}${built ? ", built from the machine's busybox" : ""}`,
  );
  return "docker";
}

interface Obstacle {
  readonly what: string;
  readonly remedy: string;
}

async function obstacleToContainers(options: MachineOptions): Promise<Obstacle | undefined> {
  if (process.platform !== "linux")
    return { what: `no containers on ${process.platform}`, remedy: "run on Linux for real ones" };
  if (process.getuid?.() !== 0) return { what: "not running as root", remedy: "Run as root for real containers" };
  const missing = (await missingPackages(workerPackages)).map((one) => one.name);
  if (missing.length === 0) return undefined;
  const what = `${missing.join(", ")} not installed`;
  if (!options.systemPackages)
    return {
      what: `${what} (and --no-system-packages was given)`,
      remedy: `Install with: apt-get install ${missing.join(" ")}`,
    };
  if (!(await hasCommand("apt-get")))
    return { what: `${what} and there is no apt-get`, remedy: "Install them for real containers" };
  return undefined;
}
