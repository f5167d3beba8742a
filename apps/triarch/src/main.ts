// The command line. Exit codes: 0 done, 1 it did not work, 2 it was asked for wrongly.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import colours from "picocolors";
import { downCommand } from "./commands/down.ts";
import { drillListCommand, drillRunCommand } from "./commands/drill.ts";
import {
  memberAddCommand,
  memberListCommand,
  memberPromoteCommand,
  memberRemoveCommand,
  memberReplaceCommand,
  moveLeaderCommand,
} from "./commands/member.ts";
import { relayCommand } from "./commands/relay.ts";
import { runProgram } from "./commands/run-program.ts";
import { snapshotListCommand, snapshotScheduleCommand } from "./commands/snapshot-schedule.ts";
import { snapshotRestoreCommand, snapshotSaveCommand, snapshotStatusCommand } from "./commands/snapshot.ts";
import { statusCommand } from "./commands/status.ts";
import { parseShape, upCommand } from "./commands/up.ts";
import { walInspectCommand, walVerifyCommand } from "./commands/wal.ts";
import { CommandFailure, messageOf } from "./errors.ts";
import { runSupervisor } from "./supervisor/supervisor.ts";

const stop = new AbortController();
/** Ends a run that a second Ctrl-C insists on. */
let interrupts = 0;

function onInterrupt(): void {
  interrupts += 1;
  if (interrupts > 2) process.exit(130);
  stop.abort(new CommandFailure("interrupted"));
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_000) throw new InvalidArgumentError("a port from 1 to 65000");
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("a whole number from 0 on");
  return value;
}

const dataDir = (): Option => new Option("--data-dir <dir>", "where the cluster lives").default(".triarch");
const keyFile = (): Option => new Option("--key-file <file>", "the key of an encrypted snapshot");
const json = (): Option => new Option("-o, --output <format>", "output format").choices(["json"]);
const shape = (name: "masters" | "workers") => (text: string) => parseShape(text, name);

/** Wraps an action so that its number becomes the exit code. */
function run<A extends unknown[]>(action: (...args: A) => Promise<number> | number): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = await action(...args);
  };
}

export function buildProgram(): Command {
  const program = new Command("triarch")
    .description("A highly available Kubernetes control plane")
    .version("0.1.0")
    .exitOverride()
    .showHelpAfterError("(see --help)");

  program
    .command("up")
    .description("start a local cluster, or bring back the one in the data directory")
    .addOption(dataDir())
    .option("--masters <n>", "masters: 1, 3, 5 or 7 (default 3)", shape("masters"))
    .option("--workers <n>", "workers (default 2)", shape("workers"))
    .addOption(
      new Option("--runtime <runtime>", "containers (docker) or simulated ones (hollow)").choices(["docker", "hollow"]),
    )
    .option("--base-port <port>", "first of the local ports (default 6443)", port)
    .option("--detach", "return when the cluster is up")
    .option("--no-system-packages", "do not install system packages")
    .option("--no-example", "do not apply the example")
    .option("--log-level <levels>", "info, or info,raft=debug", "info")
    .action(run((options: Parameters<typeof upCommand>[0]) => upCommand(options, stop.signal)));

  program
    .command("down")
    .description("stop the cluster")
    .addOption(dataDir())
    .option("--delete-data", "and delete its data directory")
    .action(run(downCommand));

  program
    .command("status")
    .description("members, leader, lag, elected components and nodes")
    .addOption(dataDir())
    .addOption(json())
    .option("--watch", "again every second")
    .action(run((options: Parameters<typeof statusCommand>[0]) => statusCommand(options, stop.signal)));

  program
    .command("server")
    .description("one master, from a configuration file: for real machines")
    .requiredOption("--config <file>", "the master's configuration (YAML), see docs/operating.md")
    .option("--log-level <levels>", "info, or info,raft=debug", "info")
    .action(
      run((options: { config: string; logLevel: string }) =>
        runProgram("apiserver", ["--config", options.config, "--log-level", options.logLevel], stop.signal),
      ),
    );

  program
    .command("api")
    .description("an API server alone on a one-member store: for tests of operators and clients")
    .option("--port <port>", "port on 127.0.0.1", port, 6443)
    .requiredOption("--token <token>", "bearer token of the administrator")
    .option("--data-dir <dir>", "where it keeps its data", ".triarch-api")
    .option("--plain-http", "HTTP without TLS")
    .action(
      run((options: { port: number; token: string; dataDir: string; plainHttp?: boolean }) =>
        runProgram(
          "apiserver",
          [
            "--standalone",
            ...["--port", String(options.port), "--token", options.token, "--data-dir", options.dataDir],
            ...(options.plainHttp === true ? ["--plain-http"] : []),
          ],
          stop.signal,
        ),
      ),
    );

  const snapshot = program.command("snapshot").description("etcd-compatible snapshots");
  snapshot
    .command("save <file>")
    .description("save a snapshot of the running cluster and verify it")
    .addOption(dataDir())
    .action(run(snapshotSaveCommand));
  snapshot
    .command("status <file>")
    .description("verify a snapshot file and show what it holds")
    .addOption(keyFile())
    .addOption(json())
    .action(run(snapshotStatusCommand));
  snapshot
    .command("restore <file>")
    .description("make a new cluster out of a snapshot; `triarch up` then starts it")
    .addOption(dataDir())
    .addOption(keyFile())
    .option("--masters <n>", "masters: 1, 3, 5 or 7 (default 3)", shape("masters"))
    .option("--workers <n>", "workers (default 2)", shape("workers"))
    .addOption(new Option("--runtime <runtime>", "as for `up`").choices(["docker", "hollow"]))
    .option("--base-port <port>", "as for `up`", port)
    .action(run(snapshotRestoreCommand));
  snapshot
    .command("schedule")
    .description("show, set (--every) or stop (--stop) snapshots that the leader takes and verifies by itself")
    .addOption(dataDir())
    .option("--every <duration>", "time between two, such as 30m, 6h or 1d")
    .option(
      "--directory <dir>",
      "where they go, on the machine of each master (default: snapshots in the data directory)",
    )
    .option("--keep <n>", "newest ones that stay (default 24)")
    .option("--keep-age <duration>", "older ones go, but for the newest")
    .option("--key-file <file>", "encrypt them with the key in this file, there on each master (openssl rand -hex 32)")
    .option("--stop", "take none any more")
    .addOption(json())
    .action(run(snapshotScheduleCommand));
  snapshot
    .command("list")
    .description("the scheduled snapshots there are, newest first")
    .addOption(dataDir())
    .option("--directory <dir>", "where to look (default: where the schedule puts them)")
    .addOption(json())
    .action(run(snapshotListCommand));

  const member = program.command("member").description("who belongs to the cluster");
  const access = (command: Command): Command =>
    command
      .addOption(dataDir())
      .option("--endpoints <urls>", "etcd ports of a cluster elsewhere, comma-separated")
      .option("--cacert <file>", "with --endpoints: authority of the etcd ports")
      .option("--cert <file>", "with --endpoints: client certificate")
      .option("--key <file>", "with --endpoints: its key")
      .addOption(json());
  const logLevel = (): Option => new Option("--log-level <levels>", "of the master's processes").default("info");
  access(member.command("list").description("members and their roles")).action(run(memberListCommand));
  access(
    member.command("add <name>").description("start another master: a learner first, a voter when it has caught up"),
  )
    .option("--no-promote", "leave it a learner")
    .option("--config-only", "for another machine: tell the cluster and print the master's configuration")
    .option("--peer-url <url>", "with --config-only: where the others reach the master's peer port")
    .option("--client-url <url>", "with --config-only: where its etcd port is reached")
    .addOption(logLevel())
    .action(
      run((name: string, options: Parameters<typeof memberAddCommand>[1]) =>
        memberAddCommand(name, options, stop.signal),
      ),
    );
  access(member.command("promote <member>").description("make a learner that has caught up a voter")).action(
    run(memberPromoteCommand),
  );
  access(member.command("remove <member>").description("take a master out of the cluster for good"))
    .option("--delete-data", "and delete its data")
    .addOption(logLevel())
    .action(
      run((name: string, options: Parameters<typeof memberRemoveCommand>[1]) =>
        memberRemoveCommand(name, options, stop.signal),
      ),
    );
  access(member.command("replace <name>").description("bring back a master whose disk is lost, under a new member id"))
    .option("--delete-data", "delete what is left of its data instead of keeping it beside")
    .addOption(logLevel())
    .action(
      run((name: string, options: Parameters<typeof memberReplaceCommand>[1]) =>
        memberReplaceCommand(name, options, stop.signal),
      ),
    );
  access(
    program.command("move-leader [member]").description("give leadership to a member, or to the one furthest"),
  ).action(run(moveLeaderCommand));

  const wal = program.command("wal").description("a master's write-ahead log; only read, also while the master runs");
  wal
    .command("inspect <dir>")
    .description("print the records of the log in a master's data directory")
    .option("--from <index>", "start at this entry", count)
    .option("--limit <n>", "most records printed", count)
    .addOption(json())
    .action(run(walInspectCommand));
  wal
    .command("verify <dir>")
    .description("check every byte, as the master would when it starts; exit code 1 and the reason if it would refuse")
    .addOption(json())
    .action(run(walVerifyCommand));

  const drill = program.command("drill").description("failover drills with measured results");
  drill.command("list").description("the drills there are").action(run(drillListCommand));
  drill
    .command("run <name>")
    .description("run a drill on the running cluster; exit code 1 when a check fails")
    .addOption(dataDir())
    .addOption(json())
    .option("--report <file>", "write an HTML report")
    .action(
      run((name: string, options: Parameters<typeof drillRunCommand>[1]) =>
        drillRunCommand(name, options, stop.signal),
      ),
    );

  program
    .command("relay", { hidden: true })
    .requiredOption("--listen <host:port>")
    .requiredOption("--kubeconfig <file>")
    .option("--health-port <port>", "", "0")
    .action(run((options: Parameters<typeof relayCommand>[0]) => relayCommand(options, stop.signal)));
  program.command("supervise <plan>", { hidden: true }).action(async (plan: string) => {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
    await runSupervisor(plan);
  });
  return program;
}

async function main(): Promise<void> {
  process.on("SIGINT", onInterrupt).on("SIGTERM", onInterrupt);
  try {
    await buildProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const failure = error instanceof CommandFailure ? error : undefined;
    console.error(`${colours.red("error:")} ${messageOf(error)}`);
    if (failure?.remedy !== undefined) console.error(`       ${failure.remedy}`);
    if (failure === undefined && process.env["TRIARCH_DEBUG"] !== undefined) console.error(error);
    process.exitCode = failure?.exitCode ?? 1;
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
  }
}

await main();
