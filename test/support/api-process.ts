// `triarch api` as a process of its own, and what its clients need: a kubeconfig, kubectl and helm in a clean home.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standaloneFiles } from "@triarch/apiserver";
import type { CommandOptions, CommandResult } from "@triarch/machine";
import { Agent, request } from "undici";
import { triarchProgram } from "../../tools/test/test-clusters.ts";
import { must, top } from "./cluster.ts";
import { runProgram, startProgram, type BackgroundProgram } from "./command.ts";
import { until } from "./until.ts";

export const adminToken = "sesame";
const readyTimeoutMs = 40_000;
const stopTimeoutMs = 10_000;
/** What ends a test from outside. Without a handler a process goes without its `exit` event. */
const interruptions = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export interface ApiProcess {
  readonly url: string;
  readonly port: number;
  /** Of the process that `triarch api` is; its child serves. */
  readonly pid: number;
  readonly caFile: string;
  readonly kubeconfig: string;
  /** A folder for the test's files, and the home of its clients. */
  readonly folder: string;
  /** What the server printed so far. */
  output(): string;
  /** Ends it and deletes the folder. */
  close(): Promise<void>;
}

/** @param more further arguments, e.g. `--plain-http`, with which the kubeconfig is of no use */
export async function startApiProcess(...more: readonly string[]): Promise<ApiProcess> {
  const folder = await mkdtemp(join(tmpdir(), "triarch-api-test-"));
  const dataDir = join(folder, "data");
  const port = await freePort();
  const args = [triarchProgram(top), "api", "--port", String(port), "--token", adminToken, "--data-dir", dataDir];
  // A group of its own, because the server is a child of the program; so it is taken down here when the test is killed.
  const child = spawn(process.execPath, [...args, ...more], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const killGroup = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  };
  const onExit = (): void => killGroup("SIGKILL");
  const onSignal = (): never => process.exit(1);
  process.once("exit", onExit);
  for (const name of interruptions) process.once(name, onSignal);
  const close = async (): Promise<void> => {
    killGroup("SIGTERM");
    const timer = setTimeout(() => killGroup("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
    process.off("exit", onExit);
    for (const name of interruptions) process.off(name, onSignal);
    await rm(folder, { recursive: true, force: true });
  };
  const scheme = more.includes("--plain-http") ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${port}`;
  const caFile = standaloneFiles(dataDir).ca;
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigText(url, caFile));
  try {
    await waitUntilReady(url, () => child.exitCode);
  } catch (error) {
    await close();
    throw new Error(`triarch api did not get ready\n${output}`, { cause: error });
  }
  return { url, port, pid: child.pid ?? -1, caFile, kubeconfig, folder, output: () => output, close };
}

async function waitUntilReady(url: string, exitCode: () => number | null): Promise<void> {
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    await until("readyz", readyTimeoutMs, async () => {
      if (exitCode() !== null) return exitCode();
      const answer = await request(`${url}/readyz`, { dispatcher: agent });
      await answer.body.dump();
      return answer.statusCode === 200 ? null : undefined;
    }).then((code) => {
      if (code !== null) throw new Error(`it ended with code ${code}`);
    });
  } finally {
    await agent.destroy();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function kubeconfigText(server: string, caFile: string): string {
  return [
    "apiVersion: v1",
    "kind: Config",
    "current-context: test",
    `clusters: [{ name: test, cluster: { server: "${server}", certificate-authority: "${caFile}" } }]`,
    `users: [{ name: admin, user: { token: "${adminToken}" } }]`,
    "contexts: [{ name: test, context: { cluster: test, user: admin, namespace: default } }]",
    "",
  ].join("\n");
}

/** A client program against one server. */
export interface ClientProgram {
  /** Whatever its exit code. */
  readonly run: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** @returns standard output. @throws Error with all output unless it ends with code 0 */
  readonly must: (args: readonly string[], options?: CommandOptions) => Promise<string>;
  readonly background: (args: readonly string[]) => BackgroundProgram;
}

export function clientProgram(file: string, server: ApiProcess): ClientProgram {
  const env = { KUBECONFIG: server.kubeconfig, HOME: server.folder };
  const run = (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
    runProgram(file, args, { timeoutMs: 45_000, cwd: server.folder, ...options, env: { ...env, ...options.env } });
  return {
    run,
    must: async (args, options) => must(`${file} ${args.join(" ")}`, await run(args, options)),
    background: (args) => startProgram(file, args, { env, cwd: server.folder }),
  };
}
