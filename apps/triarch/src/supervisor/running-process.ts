import { readFileSync } from "node:fs";

/** A process that is told from a later one with the same pid by its start time. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Clock ticks since boot, from /proc; empty where there is no /proc. */
  readonly startTime: string;
}

export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the start time is the 22nd field, the 20th behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function isRunning(one: RunningProcess): boolean {
  return one.startTime !== "" && processStartTime(one.pid) === one.startTime;
}
