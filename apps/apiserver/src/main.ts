// The API server's program. Exit codes: 0 stopped when told to, 1 it could not start or go on, 2 it was called wrongly.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseLogLevels } from "@triarch/telemetry";
import { readConfig } from "./server/config.ts";
import { type MasterOptions, startApiServer } from "./server/master.ts";
import { standaloneMaster } from "./server/standalone.ts";
import { UsageError } from "./server/usage-error.ts";

export { serveApi } from "./server/api-server.ts";
export type { ApiServer, ServeApiOptions } from "./server/api-server.ts";
export { startApiServer } from "./server/master.ts";
export type { MasterOptions, RunningMaster } from "./server/master.ts";
export { adminToken, standaloneFiles, standaloneMaster } from "./server/standalone.ts";
export type { StandaloneOptions } from "./server/standalone.ts";
export type { ListenAddress } from "./http/listeners.ts";

interface Flags {
  readonly config?: string;
  readonly standalone?: boolean;
  readonly port: number;
  readonly token?: string;
  readonly dataDir: string;
  readonly plainHttp?: boolean;
  readonly serviceCidr: string;
  readonly logLevel: string;
}

function parseFlags(argv: readonly string[]): Flags {
  const program = new Command("apiserver")
    .description("One master: a Kubernetes API server and a member of the replicated store")
    .exitOverride()
    .showHelpAfterError("(see --help)")
    .option("--config <file>", "a master's configuration file (YAML)")
    .addOption(new Option("--standalone", "an API server alone on a one-member store").conflicts("config"))
    .option("--port <port>", "standalone: port on 127.0.0.1", parsePort, 6443)
    .option("--token <token>", "standalone: bearer token of the administrator")
    .option("--data-dir <dir>", "standalone: where it keeps its data", ".triarch-api")
    .option("--plain-http", "standalone: HTTP without TLS")
    .option("--service-cidr <cidr>", "standalone: addresses of Services", "10.96.0.0/16")
    .option("--log-level <levels>", "info, or info,store=debug", parseLevels, "info");
  return program.parse(argv, { from: "user" }).opts<Flags>();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError("a port from 0 to 65535");
  return port;
}

function parseLevels(text: string): string {
  try {
    parseLogLevels(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return text;
}

async function optionsOf(flags: Flags): Promise<MasterOptions> {
  const { logLevel: logLevels, port, token, dataDir, plainHttp, serviceCidr } = flags;
  if (flags.config !== undefined) return { ...(await readConfig(flags.config)), logLevels };
  if (flags.standalone !== true) throw new UsageError("say --config FILE, or --standalone");
  return standaloneMaster({ dataDir, port, token, secure: plainHttp !== true, serviceCidr, logLevels });
}

/** @returns the exit code */
async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  const master = await startApiServer(await optionsOf(parseFlags(argv)), stop.signal);
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.signal.aborted) resolve(undefined);
    else stop.signal.addEventListener("abort", () => resolve(undefined));
  });
  const failure = await Promise.race([stopped, master.failed]);
  if (failure !== undefined) throw failure;
  await master.close();
  return 0;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`apiserver: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}

if (import.meta.main) {
  // A worker that is stuck must not keep a process that is done.
  process.exit(await main(process.argv.slice(2)).catch(exitCodeOf));
}
