// Runs programs for tests: to their end with a time limit, or in the background until the test has seen enough.
import { spawn } from "node:child_process";
import { tryCommand, type CommandOptions, type CommandResult } from "@triarch/machine";

/** The environment of a test's programs: nothing of the tester's own clusters, no colours. */
const cleanEnv = { NO_COLOR: "1", FORCE_COLOR: "0", KUBECONFIG: "/nonexistent", TAP: "" };

/** Runs a program to its end, whatever its exit code (127: it could not be started). */
export function runProgram(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return tryCommand(file, args, { ...options, env: { ...cleanEnv, ...options.env } });
}

/** A program that goes on until it is stopped. */
export interface BackgroundProgram {
  readonly pid: number;
  /** Both output streams so far. */
  output(): string;
  /** Resolves as soon as the output holds `text`. @throws Error when it ends or `timeoutMs` pass first */
  waitForOutput(text: string | RegExp, timeoutMs: number): Promise<void>;
  /** Sends a signal to this program alone. */
  signal(name: NodeJS.Signals): void;
  /** @returns the exit code; 128 + n after signal n. @throws Error when `timeoutMs` pass first; it is killed then */
  ended(timeoutMs: number): Promise<number>;
}

export function startProgram(file: string, args: readonly string[], options: CommandOptions = {}): BackgroundProgram {
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...cleanEnv, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  const watchers = new Set<() => void>();
  const look = (): void => watchers.forEach((watcher) => watcher());
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      look();
    });
  }
  let exitCode: number | undefined;
  child.once("error", (error) => {
    output += error.message;
    exitCode = 127;
    look();
  });
  child.once("close", (code, signal) => {
    exitCode ??= code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15);
    look();
  });
  /** Looks again at each output and at the end. */
  const until = <T>(found: () => T | undefined, what: string, timeoutMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        watchers.delete(watcher);
        act();
      };
      const watcher = (): void => {
        const result = found();
        if (result !== undefined) settle(() => resolve(result));
        else if (exitCode !== undefined) {
          settle(() => reject(new Error(`${file} ended with code ${exitCode} before ${what}:\n${output}`)));
        }
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`${file}: no ${what} in ${timeoutMs / 1000} s:\n${output}`)));
      }, timeoutMs);
      watchers.add(watcher);
      watcher();
    });
  return {
    pid: child.pid ?? -1,
    output: () => output,
    waitForOutput: async (text, timeoutMs) => {
      const holds = (): boolean => (typeof text === "string" ? output.includes(text) : text.test(output));
      await until(() => (holds() ? true : undefined), `output ${String(text)}`, timeoutMs);
    },
    signal: (name) => void child.kill(name),
    ended: async (timeoutMs) => {
      try {
        return await until(() => exitCode, "end", timeoutMs);
      } catch (error) {
        child.kill("SIGKILL");
        throw error;
      }
    },
  };
}
