import { spawn } from "node:child_process";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not be started or ended with another code than 0. The message holds the end of its output. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly result: CommandResult;

  constructor(command: string, result: CommandResult) {
    const output = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
    super(`\`${command}\` ended with code ${result.exitCode}${output === "" ? "" : `: ${output}`}`);
    this.result = result;
  }
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The command is killed after this long; default 60 s. */
  readonly timeoutMs?: number;
}

/** Kept bytes of each output stream; the rest is dropped. */
const outputBytesMax = 16 * 1024 * 1024;

/** Runs a command to its end and gives what it printed, whatever its exit code (127: it could not be started). */
export async function tryCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(file, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, PATH: commandPath(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const collect = (stream: NodeJS.ReadableStream): (() => string) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      if (size < outputBytesMax) chunks.push(chunk);
      size += chunk.length;
    });
    return () => Buffer.concat(chunks).toString("utf8");
  };
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.on("error", () => undefined); // the command may end without reading its input
  child.stdin.end(options.input ?? "");
  const failure = await new Promise<{ exitCode: number; note: string }>((resolve) => {
    child.once("error", (error) => resolve({ exitCode: 127, note: error.message }));
    child.once("close", (code, signal) => {
      resolve({ exitCode: code ?? 1, note: signal === null ? "" : `killed by ${signal}` });
    });
  });
  return { exitCode: failure.exitCode, stdout: stdout(), stderr: `${stderr()}${failure.note}` };
}

/** @returns standard output
 *  @throws CommandError unless the command ended with code 0 */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(file, args, options);
  if (result.exitCode !== 0) throw new CommandError([file, ...args].join(" "), result);
  return result.stdout;
}

/** PATH with the sbin folders, which some shells leave out. */
export function commandPath(): string {
  return `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
}

export async function hasCommand(name: string): Promise<boolean> {
  const { exitCode } = await tryCommand("sh", ["-c", 'command -v "$1"', "sh", name]);
  return exitCode === 0;
}
