// One supervised process: runs it, writes its output to its log, starts it again with back-off when it dies.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ProcessSpec, ProcessStatus } from "./process-spec.ts";

/** Restart delay: doubles from first to maximum; back to first after the process ran for `stableMs`. */
const backoffFirstMs = 200;
const backoffMaxMs = 10_000;
const stableMs = 20_000;
/** A process that does not end this long after SIGTERM is killed. */
const stopTimeoutMs = 15_000;
/** A log that is larger at a start is moved to `.1`, whose predecessor goes. */
const logBytesMax = 64 * 1024 * 1024;

export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly logFile: string;
  readonly #say: (line: string) => void;
  readonly #changed: () => void;
  #child: ChildProcess | undefined;
  #state: ProcessStatus["state"] = "stopped";
  #restarts = 0;
  #lastExit: string | undefined;
  #backoffMs = backoffFirstMs;
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;

  constructor(spec: ProcessSpec, logFolder: string, hooks: { say(line: string): void; changed(): void }) {
    this.spec = spec;
    this.logFile = join(logFolder, `${spec.name}.log`);
    this.#say = (line) => hooks.say(line);
    this.#changed = () => hooks.changed();
  }

  get status(): ProcessStatus {
    return {
      name: this.spec.name,
      group: this.spec.group,
      pid: this.#child?.pid,
      state: this.#state,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
      logFile: this.logFile,
    };
  }

  start(): void {
    this.#wanted = true;
    clearTimeout(this.#timer);
    if (this.#child !== undefined) return;
    if (existsSync(this.logFile) && statSync(this.logFile).size > logBytesMax)
      renameSync(this.logFile, `${this.logFile}.1`);
    const log = openSync(this.logFile, "a");
    const [file, ...args] = this.spec.command;
    const startedAt = performance.now();
    const child = spawn(file, args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...this.spec.env },
      detached: true, // a Ctrl-C of the terminal is the supervisor's to handle, in order
    });
    closeSync(log);
    this.#child = child;
    this.#state = "running";
    child.once("error", (error) => this.#ended(`could not start: ${error.message}`, startedAt));
    child.once("exit", (code, signal) => {
      this.#ended(signal === null ? `exit code ${code ?? "?"}` : `signal ${signal}`, startedAt);
    });
    this.#changed();
  }

  /** Kept down until `start`: when it dies it is not started again. */
  hold(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    if (this.#child === undefined) this.#state = "held";
    this.#changed();
  }

  /** SIGTERM, then SIGKILL; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) {
      this.#state = "stopped";
      return;
    }
    await new Promise<void>((resolve) => {
      const kill = setTimeout(() => {
        this.#say(`${this.spec.name} did not end in ${stopTimeoutMs / 1000} s, killing it`);
        child.kill("SIGKILL");
      }, stopTimeoutMs);
      child.once("exit", () => {
        clearTimeout(kill);
        resolve();
      });
      child.kill("SIGCONT"); // a paused process cannot end
      child.kill("SIGTERM");
    });
    this.#state = "stopped";
  }

  #ended(how: string, startedAt: number): void {
    if (this.#child === undefined) return;
    this.#child = undefined;
    this.#lastExit = how;
    if (!this.#wanted) {
      this.#state = this.#state === "stopped" ? "stopped" : "held";
      this.#changed();
      return;
    }
    if (performance.now() - startedAt > stableMs) this.#backoffMs = backoffFirstMs;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(backoffMaxMs, waitMs * 2);
    this.#state = "backoff";
    this.#restarts += 1;
    this.#say(`${this.spec.name} ended (${how}); starting it again in ${waitMs / 1000} s; log: ${this.logFile}`);
    this.#timer = setTimeout(() => this.start(), waitMs);
    this.#changed();
  }
}
