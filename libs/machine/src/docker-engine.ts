import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { commandPath } from "./command.ts";

/** How long a Docker Engine that we started may take until its socket answers. */
const engineStartMs = 30_000;

export function dockerClient(): Docker {
  return new Docker();
}

/** The engine's version, or undefined when no socket answers. */
export async function dockerVersion(docker = dockerClient()): Promise<string | undefined> {
  try {
    return (await docker.version()).Version;
  } catch {
    return undefined;
  }
}

/**
 * Starts `dockerd` detached, so that containers outlive the caller, and waits until it answers.
 * @throws Error naming the log when it does not answer in 30 s
 */
export async function startDockerEngine(logFolder: string): Promise<string> {
  mkdirSync(logFolder, { recursive: true });
  removeStalePidFile("/var/run/docker.pid", "dockerd");
  removeStalePidFile("/var/run/docker/containerd/containerd.pid", "containerd");
  const logFile = `${logFolder}/dockerd.log`;
  const log = openSync(logFile, "a");
  const child = spawn("dockerd", [], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, PATH: commandPath() },
  });
  let ended: string | undefined;
  child.once("error", (error) => (ended = error.message));
  child.once("exit", (code) => (ended = `it ended with code ${code}`));
  child.unref();
  const deadline = performance.now() + engineStartMs;
  while (performance.now() < deadline && ended === undefined) {
    const version = await dockerVersion();
    if (version !== undefined) return version;
    await delay(100);
  }
  throw new Error(`dockerd did not start (${ended ?? `no answer in ${engineStartMs / 1000} s`}); see ${logFile}`);
}

/** An engine that was killed leaves its pid behind; should another program have that number now, dockerd would not start. */
export function removeStalePidFile(file: string, program: string): void {
  try {
    const pid = readFileSync(file, "utf8").trim();
    const name = existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, "utf8").trim() : "";
    if (name !== program) rmSync(file, { force: true });
  } catch {
    // No such file: nothing was left behind.
  }
}
