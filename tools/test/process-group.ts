// A command in a process group of its own, so that ending it ends its children too.
import { spawn } from "node:child_process";

export interface GroupOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onStdout?: (text: string) => void;
}

export interface GroupResult {
  /** -1 when it could not be started or was killed. */
  readonly exitCode: number;
  /** Both streams as they came, cut in the middle of a very long output. */
  readonly output: string;
  readonly timedOut: boolean;
}

/** Characters kept of the beginning and of the end of a command's output. */
const keptCharacters = 2 * 1024 * 1024;
/** Time between SIGTERM and SIGKILL. */
const killAfterMs = 10_000;

/** Runs a command to its end, its time limit or the abort of `signal`; resolves when the process is gone. */
export async function runGroup(file: string, args: readonly string[], options: GroupOptions): Promise<GroupResult> {
  if (options.signal.aborted) return { exitCode: -1, output: "interrupted", timedOut: false };
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let head = "";
  let tail = "";
  const keep = (text: string): void => {
    if (head.length < keptCharacters) head += text;
    else tail = `${tail}${text}`.slice(-keptCharacters);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    keep(text);
    options.onStdout?.(text);
  });
  child.stderr.setEncoding("utf8").on("data", keep);

  const killGroup = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    killGroup("SIGTERM");
    killTimer ??= setTimeout(() => killGroup("SIGKILL"), killAfterMs);
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal.addEventListener("abort", end, { once: true });
  try {
    const exitCode = await new Promise<number>((resolve) => {
      child.once("error", (error) => {
        keep(error.message);
        resolve(-1);
      });
      child.once("close", (code) => resolve(code ?? -1));
    });
    return { exitCode, output: tail === "" ? head : `${head}\n[...]\n${tail}`, timedOut };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    options.signal.removeEventListener("abort", end);
    killGroup("SIGKILL"); // children that outlived it
  }
}
