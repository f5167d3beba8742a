// Commands with streams over Docker's hijacked connections: both directions on one socket, the output in frames that name
// its stream unless there is a terminal.
import type Docker from "dockerode";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { CommandEnd, ContainerStreams } from "@triarch/runtime-hollow";
import { OutputFrames } from "./output-frames.ts";

/** Docker says that a command has begun, or has ended, a little after its output has. */
const looksMax = 100;
const lookMs = 50;

export async function runCommand(
  container: Docker.Container,
  { command, tty }: { readonly command: readonly string[]; readonly tty: boolean },
  streams: ContainerStreams,
): Promise<CommandEnd> {
  const exec = await container.exec({
    Cmd: [...command],
    AttachStdin: streams.stdin !== undefined,
    AttachStdout: streams.stdout !== undefined,
    AttachStderr: streams.stderr !== undefined || tty,
    Tty: tty,
  });
  const socket = await exec.start({ hijack: true, stdin: true, Tty: tty });
  streams.onResize(({ width, height }) => void exec.resize({ w: width, h: height }).catch(() => undefined));
  const kill = (): void => void killCommand(exec).finally(() => socket.destroy());
  if (streams.signal.aborted) kill();
  else streams.signal.addEventListener("abort", kill, { once: true });
  try {
    await carry(socket, streams, tty);
  } finally {
    streams.signal.removeEventListener("abort", kill);
  }
  for (let look = 0; look < looksMax; look += 1) {
    const { Running: running, ExitCode: exitCode } = await exec.inspect();
    if (!running && exitCode !== null) return { exitCode };
    await delay(lookMs);
  }
  throw new Error("Docker does not say how the command ended");
}

export async function attachTo(container: Docker.Container, streams: ContainerStreams): Promise<CommandEnd> {
  const { Config: config } = await container.inspect();
  const socket = (await container.attach({
    ...{ stream: true, hijack: true, logs: false },
    stdin: streams.stdin !== undefined,
    stdout: streams.stdout !== undefined,
    stderr: streams.stderr !== undefined || config.Tty,
  })) as Duplex;
  streams.onResize(({ width, height }) => void container.resize({ w: width, h: height }).catch(() => undefined));
  const leave = (): void => void socket.destroy();
  if (streams.signal.aborted) leave();
  else streams.signal.addEventListener("abort", leave, { once: true });
  try {
    await carry(socket, streams, config.Tty);
  } finally {
    streams.signal.removeEventListener("abort", leave);
  }
  const { State: state } = await container.inspect();
  return { exitCode: state.Running ? 0 : state.ExitCode };
}

/** Resolves when all of the output has been handed over. */
async function carry(socket: Duplex, { stdin, stdout, stderr }: ContainerStreams, tty: boolean): Promise<void> {
  if (stdin === undefined) {
    if (!tty) socket.end();
  } else stdin.pipe(socket);
  const frames = new OutputFrames(tty ? "raw" : "framed", { stdout, stderr });
  socket.on("error", () => frames.destroy());
  socket.once("close", () => frames.end());
  socket.pipe(frames);
  await finished(frames).catch(() => undefined);
  stdin?.unpipe(socket);
  socket.destroy();
}

/** The command and what it started: Docker makes each command the leader of a process group of its own. */
async function killCommand(exec: Docker.Exec): Promise<void> {
  const pid = await processOf(exec);
  if (pid === undefined) return;
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // It has ended, or leads no group.
    }
  }
}

/** Undefined of a command that has ended. One that has just begun may have written before Docker knows its process. */
async function processOf(exec: Docker.Exec): Promise<number | undefined> {
  for (let look = 0; look < looksMax; look += 1) {
    const { Running: running, Pid: pid, ExitCode: exitCode } = await exec.inspect();
    if (running && pid > 1) return pid;
    if (!running && exitCode !== null) return undefined;
    await delay(lookMs);
  }
  return undefined;
}
