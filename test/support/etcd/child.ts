// Child processes of tests that serve until they are told to end.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const startTimeoutMs = 240_000;
/** Node keeps what it made of our sources there, for the next process. */
const compileCache = join(tmpdir(), "triarch-compile-cache");
/** Of what a process wrote to its standard error, the end. */
const errorTextMax = 8_000;

export interface Served {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it wrote to its standard error last. */
  errors(): string;
  /** Undefined while it runs. */
  exit(): string | undefined;
  readonly exited: Promise<void>;
  /** Waits for the end, too. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** @param onLine told of each line of standard output */
export function spawnServed(file: string, args: readonly string[], onLine?: (line: string) => void): Served {
  const child = spawn(file, args, {
    stdio: ["pipe", onLine === undefined ? "ignore" : "pipe", "pipe"],
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: compileCache },
  });
  let errors = "";
  child.stderr?.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-errorTextMax)));
  child.stdin?.on("error", () => undefined);
  if (onLine !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on("line", onLine);
  let exit: string | undefined;
  const exited = new Promise<void>((resolve) => {
    const ended = (what: string): void => {
      exit ??= what;
      resolve();
    };
    child.once("error", (error) => ended(error.message));
    child.once("exit", (code, signal) => ended(signal ?? `code ${code ?? -1}`));
  });
  return {
    child,
    pid: child.pid ?? -1,
    errors: () => errors,
    exit: () => exit,
    exited,
    kill: async (signal = "SIGKILL") => {
      if (exit === undefined) child.kill(signal);
      await exited;
    },
  };
}

/** Starts it and waits for its first line. @throws Error with its last words when it ends before, or says nothing in time */
export async function spawnUntilReady(
  file: string,
  args: readonly string[],
): Promise<Served & { readonly line: string }> {
  const first = Promise.withResolvers<string>();
  const served = spawnServed(file, args, (line) => first.resolve(line));
  const late = setTimeout(
    () => first.reject(new Error(`${file} said nothing in ${startTimeoutMs} ms`)),
    startTimeoutMs,
  );
  void served.exited.then(() => first.reject(new Error(`${file} ended (${served.exit() ?? ""}): ${served.errors()}`)));
  try {
    return { ...served, line: await first.promise };
  } catch (error) {
    await served.kill();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** A folder in memory where there is one: these tests are not about the disk's speed. */
export function temporaryFolder(name: string): Promise<string> {
  return mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `triarch-${name}-`));
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
