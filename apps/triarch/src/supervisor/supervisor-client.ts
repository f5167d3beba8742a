import { spawn } from "node:child_process";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import type { ClusterPaths } from "../cluster/cluster-spec.ts";
import { CommandFailure } from "../errors.ts";
import type { ProcessSpec, ProcessStatus, SupervisorPlan } from "./process-spec.ts";
import { isRunning, type RunningProcess } from "./running-process.ts";
import type { SupervisorState } from "./supervisor.ts";

/** Longest path of a unix socket (the kernel's limit is 108 bytes with the end). */
const socketPathMax = 100;

function supervisorFiles(paths: ClusterPaths) {
  const inside = join(paths.run, "supervisor.sock");
  const short = join(tmpdir(), `triarch-${createHash("sha256").update(paths.root).digest("hex").slice(0, 16)}.sock`);
  return {
    plan: join(paths.run, "plan.json"),
    state: join(paths.run, "processes.json"),
    socket: inside.length > socketPathMax ? short : inside,
  };
}

/** Orders for the supervisor of one data directory. */
export class SupervisorClient {
  readonly #paths: ClusterPaths;

  constructor(paths: ClusterPaths) {
    this.#paths = paths;
  }

  /** @returns undefined when no supervisor answers */
  async status(): Promise<readonly ProcessStatus[] | undefined> {
    try {
      return (await this.#ask("GET", "/status")) as readonly ProcessStatus[];
    } catch {
      return undefined;
    }
  }

  /** `remove`: stop it and forget it. */
  async order(order: "hold" | "start" | "stop" | "remove", name: string): Promise<void> {
    await this.#ask("POST", `/${order}/${name}`);
  }

  /** Another process from now on; the next `up` has to know of it by itself. */
  async add(process: ProcessSpec): Promise<void> {
    await this.#ask("POST", "/add", process);
  }

  /** Asks for an orderly end and waits for it; then ends whatever is left. */
  async shutDown(timeoutMs = 60_000): Promise<void> {
    const left = await this.#leftOver();
    try {
      await this.#ask("POST", "/shutdown");
      await this.#waitGone(left, timeoutMs);
    } catch {
      // Nobody answers: end the processes ourselves.
    }
    const running = left.filter(isRunning);
    for (const one of running) signal(one, "SIGTERM");
    await this.#waitGone(running, 15_000);
    for (const one of running.filter(isRunning)) signal(one, "SIGKILL");
    await this.#waitGone(running, 5_000);
  }

  async #waitGone(all: readonly RunningProcess[], timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (all.some(isRunning) && performance.now() < deadline) await delay(50);
  }

  /** The supervisor and its processes as the state file has them. */
  async #leftOver(): Promise<RunningProcess[]> {
    try {
      const state = JSON.parse(await readFile(supervisorFiles(this.#paths).state, "utf8")) as SupervisorState;
      return [state.supervisor, ...state.processes].filter(isRunning);
    } catch {
      return [];
    }
  }

  /** Whether anything of an earlier run still lives. */
  async hasLeftOvers(): Promise<boolean> {
    return (await this.#leftOver()).length > 0;
  }

  async #ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    const client = new Client("http://supervisor", { socketPath: supervisorFiles(this.#paths).socket });
    try {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await client.request({ method, path, ...sent, headersTimeout: 30_000 });
      const answered: unknown = await answer.body.json();
      if (answer.statusCode >= 300) {
        throw new CommandFailure(`the supervisor refused ${path}: ${JSON.stringify(answered)}`);
      }
      return answered;
    } finally {
      await client.destroy();
    }
  }
}

/**
 * Starts the supervisor in a process of its own. It ends with this process unless `detach` was called.
 */
export async function startSupervisor(
  paths: ClusterPaths,
  processes: readonly ProcessSpec[],
  options: {
    readonly clusterId: string;
    /** How to run this program again, to be followed by `supervise PLAN`. */
    readonly program: readonly [string, ...string[]];
    readonly onLine: (line: string) => void;
  },
): Promise<SupervisorHandle> {
  const files = supervisorFiles(paths);
  await mkdir(paths.run, { recursive: true });
  await mkdir(paths.logs, { recursive: true });
  const plan: SupervisorPlan = {
    clusterId: options.clusterId,
    processes,
    logFolder: paths.logs,
    socket: files.socket,
    stateFile: files.state,
  };
  await writeFile(files.plan, JSON.stringify(plan, undefined, 2));
  const log = await open(paths.log("supervisor"), "a");
  const [file, ...args] = options.program;
  const child = spawn(file, [...args, "supervise", files.plan], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "ipc"],
  });
  await log.close();
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(
        new CommandFailure(`the supervisor ended at once (code ${code ?? "?"})`, {
          remedy: `see ${paths.log("supervisor")}`,
        }),
      );
    });
    child.on("message", (message: { readonly ready?: boolean; readonly line?: string }) => {
      if (message.ready === true) resolve();
      if (message.line !== undefined) options.onLine(message.line);
    });
  });
  return {
    exited,
    detach: () =>
      new Promise((resolve) => {
        child.once("disconnect", () => resolve());
        child.send({ detach: true });
        child.unref();
      }),
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export interface SupervisorHandle {
  readonly exited: Promise<void>;
  /** The supervisor goes on when this process ends. */
  detach(): Promise<void>;
  /** Ends all processes, then the supervisor. */
  stop(): Promise<void>;
}

function signal(one: RunningProcess, name: NodeJS.Signals): void {
  try {
    process.kill(one.pid, name);
  } catch {
    // It ended in the meantime.
  }
}
