// Makes the machine ready for the tests, as far as it may: system packages, a Docker Engine, the local image, kubectl and
// helm.
// What cannot be had is told in a line, and the tests that need it skip themselves by name.
import { readFile } from "node:fs/promises";
import {
  dockerClient,
  dockerVersion,
  ensureLocalImage,
  hasCommand,
  installPackages,
  missingPackages,
  startDockerEngine,
  testPackages,
  workerPackages,
} from "@triarch/machine";
import { ensureClientPrograms } from "./client-programs.ts";

const engineStopMs = 20_000;

export interface MachineSetup {
  /** Ends what the set-up started. */
  undo(): Promise<void>;
}

export async function setUpMachine(
  top: string,
  options: { readonly systemPackages: boolean; readonly long: boolean; readonly say: (line: string) => void },
): Promise<MachineSetup> {
  const { say } = options;
  const undo: (() => Promise<void>)[] = [];
  const attempt = async (what: string, work: () => Promise<string | undefined>): Promise<void> => {
    try {
      const done = await work();
      if (done !== undefined) say(done);
    } catch (error) {
      say(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const isRoot = process.getuid?.() === 0;
  await attempt("system packages", async () => {
    const missing = await missingPackages([...workerPackages, ...testPackages]);
    if (missing.length === 0) return undefined;
    const names = missing.map((one) => one.name).join(" ");
    if (!options.systemPackages) return `not installed (--no-system-packages): ${names}`;
    if (!isRoot || !(await hasCommand("apt-get"))) return `not installed (needs root and apt): ${names}`;
    say(`installing system packages: ${names}`);
    await installPackages(missing);
    return "system packages installed";
  });
  if (isRoot && (await hasCommand("dockerd"))) {
    await attempt("Docker Engine", async () => {
      if ((await dockerVersion()) !== undefined) return undefined;
      const version = await startDockerEngine("/var/log/triarch");
      undo.push(stopDockerEngine);
      return `Docker Engine ${version} started for the tests`;
    });
    await attempt("local image", async () =>
      (await ensureLocalImage(dockerClient())) ? "local image built" : undefined,
    );
  }
  await attempt("kubectl and helm", async () => {
    for (const line of await ensureClientPrograms(top, options)) say(line);
    return undefined;
  });
  return {
    undo: async () => {
      for (const one of undo.reverse()) await one();
    },
  };
}

async function stopDockerEngine(): Promise<void> {
  const pid = Number(await readFile("/var/run/docker.pid", "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, "SIGTERM");
    const deadline = performance.now() + engineStopMs;
    while (performance.now() < deadline) {
      process.kill(pid, 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } catch {
    // It is gone.
  }
}
