// What processes use, as Linux tells it.
import { readdir, readFile } from "node:fs/promises";

/** CPU time so far by the thread's name, in milliseconds. Threads that have ended are not in it. */
export type ThreadCpu = ReadonlyMap<string, number>;

export async function threadCpuMs(pid: number): Promise<ThreadCpu> {
  const sums = new Map<string, number>();
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    try {
      const name = (await readFile(`${folder}/comm`, "utf8")).trim();
      const [onCpuNs = "0"] = (await readFile(`${folder}/schedstat`, "utf8")).split(" ");
      sums.set(name, (sums.get(name) ?? 0) + Number(onCpuNs) / 1e6);
    } catch {
      // It ended in the meantime.
    }
  }
  return sums;
}

/** User and system time of all threads so far, ended ones among them; in steps of 10 ms. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export async function residentBytes(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/statm`, "utf8")).split(" ")[1]) * 4_096;
}

/** Since the last minute, of the whole machine: figures taken beside other work mean little. */
export async function loadAverage(): Promise<number> {
  return Number((await readFile("/proc/loadavg", "utf8")).split(" ")[0]);
}
