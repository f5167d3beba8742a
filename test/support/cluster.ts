// A cluster of a test, driven only from outside: the command line, kubectl, etcdctl, HTTP. It is written into the
// register of test clusters before it starts, so that the runner takes it down when the test cannot.
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandOptions, CommandResult } from "@triarch/machine";
import { findKubectl } from "../../tools/test/client-programs.ts";
import { forgetCluster, registerCluster, triarchProgram } from "../../tools/test/test-clusters.ts";
import { runProgram, startProgram, type BackgroundProgram } from "./command.ts";

export const top = join(import.meta.dirname, "..", "..");

const upTimeoutMs = 180_000;
const downTimeoutMs = 120_000;

/** `triarch status -o json`, as far as tests read it. */
export interface StatusJson {
  readonly clusterId: string;
  readonly runtime: string;
  readonly members: readonly {
    readonly name: string;
    readonly id: string;
    readonly pid: number | null;
    readonly role: "leader" | "follower" | "learner" | "unreachable";
    readonly term: number;
    readonly revision: number;
    readonly appliedIndex: number;
    readonly lag: number;
    readonly apiUrl: string;
    readonly etcdUrl: string;
  }[];
  readonly components: readonly { readonly name: string; readonly holder: string }[];
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[];
  readonly processes: readonly {
    readonly name: string;
    readonly pid?: number;
    readonly state: string;
    readonly restarts: number;
  }[];
  readonly problems: readonly string[];
}

export interface ClusterShape {
  readonly runtime: "docker" | "hollow";
  /** Tests that may run at the same time take ports that are 200 apart, from 17000 on. */
  readonly basePort: number;
  readonly masters?: number;
  readonly workers?: number;
}

export class TestCluster {
  readonly dataDir: string;
  readonly folder: string;
  readonly #shape: ClusterShape;
  readonly #kubectl: string;

  private constructor(folder: string, shape: ClusterShape, kubectl: string) {
    this.folder = folder;
    this.dataDir = join(folder, "data");
    this.#shape = shape;
    this.#kubectl = kubectl;
  }

  /** Makes the folder; starts nothing. */
  static async create(shape: ClusterShape): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), "triarch-test-"));
    await chmod(folder, 0o755);
    const cluster = new TestCluster(folder, shape, (await findKubectl(top)) ?? "kubectl");
    await registerCluster(top, { dataDir: cluster.dataDir, folder });
    return cluster;
  }

  get kubeconfig(): string {
    return join(this.dataDir, "kubeconfig");
  }

  /** A file outside the data directory. */
  file(name: string): string {
    return join(this.folder, name);
  }

  readText(name: string): Promise<string> {
    return readFile(join(this.dataDir, name), "utf8");
  }

  /** `triarch ARGS --data-dir D`. */
  triarch(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const all = [triarchProgram(top), ...args, "--data-dir", this.dataDir];
    return runProgram(process.execPath, all, { timeoutMs: downTimeoutMs, ...options });
  }

  /** As `triarch`. @throws Error with its output unless it ends with code 0 */
  async mustTriarch(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return must(`triarch ${args.join(" ")}`, await this.triarch(args, options));
  }

  #upArguments(args: readonly string[]): readonly string[] {
    const { runtime, basePort, masters, workers } = this.#shape;
    return [
      "up",
      ...["--runtime", runtime, "--base-port", String(basePort), "--no-system-packages"],
      ...(masters === undefined ? [] : ["--masters", String(masters)]),
      ...(workers === undefined ? [] : ["--workers", String(workers)]),
      ...args,
    ];
  }

  /** Starts the cluster detached. @throws Error with the progress output when it does not come up */
  async up(args: readonly string[] = []): Promise<CommandResult> {
    const result = await this.triarch([...this.#upArguments(args), "--detach"], { timeoutMs: upTimeoutMs });
    must("triarch up", result);
    return result;
  }

  /** `triarch up` that stays, as in a terminal. */
  upInForeground(args: readonly string[] = []): BackgroundProgram {
    const all = [triarchProgram(top), ...this.#upArguments(args), "--data-dir", this.dataDir];
    return startProgram(process.execPath, all);
  }

  /** Takes everything away, also what is only half there. */
  async destroy(): Promise<void> {
    const { exitCode, stderr } = await this.triarch(["down", "--delete-data"]);
    if (exitCode !== 0 && !stderr.includes("there is no cluster")) throw new Error(`down failed: ${stderr}`);
    await rm(this.folder, { recursive: true, force: true });
    await forgetCluster(top, this.dataDir);
  }

  async status(): Promise<StatusJson> {
    const { stdout, stderr } = await this.triarch(["status", "-o", "json"], { timeoutMs: 20_000 });
    if (stdout === "") throw new Error(`no status: ${stderr}`);
    return JSON.parse(stdout) as StatusJson;
  }

  /** `kill -9` of one supervised process. @returns its pid. @throws Error when no such process runs */
  async kill(name: string): Promise<number> {
    const pid = (await this.status()).processes.find((one) => one.name === name)?.pid;
    if (pid === undefined || pid <= 1) throw new Error(`${name} does not run`);
    process.kill(pid, "SIGKILL");
    return pid;
  }

  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runProgram(this.#kubectl, args, { timeoutMs: 30_000, ...options, env: this.#kubectlEnv() });
  }

  async mustKubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return must(`kubectl ${args.join(" ")}`, await this.kubectl(args, options));
  }

  /** kubectl that goes on, for watches. */
  kubectlInBackground(args: readonly string[]): BackgroundProgram {
    return startProgram(this.#kubectl, args, { env: this.#kubectlEnv() });
  }

  #kubectlEnv(): Record<string, string> {
    return { KUBECONFIG: this.kubeconfig, HOME: this.folder };
  }

  /** `kubectl get WHAT -o json`. */
  async get<T>(...what: readonly string[]): Promise<T> {
    return JSON.parse(await this.mustKubectl(["get", ...what, "-o", "json"])) as T;
  }

  /** A shell command after sourcing etcd.env. */
  async etcdctl(args: readonly string[]): Promise<CommandResult> {
    const script = `. "$0" && etcdctl "$@"`;
    return runProgram("bash", ["-c", script, join(this.dataDir, "etcd.env"), ...args], { timeoutMs: 20_000 });
  }
}

/** @throws Error with the program's output unless it ended with code 0 */
export function must(what: string, result: CommandResult): string {
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${what} ended with code ${result.exitCode}\n${result.stderr}${result.stdout}`.slice(-6_000));
}
