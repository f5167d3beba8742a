import { spawn } from "node:child_process";
import { programCommand } from "../cluster/processes.ts";

/** Runs one of our programs in the foreground until it ends or `signal` aborts. @returns its exit code */
export async function runProgram(name: string, args: readonly string[], signal: AbortSignal): Promise<number> {
  const [file, ...first] = programCommand(name);
  const child = spawn(file, [...first, ...args], { stdio: "inherit" });
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
