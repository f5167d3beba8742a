/** A process of the cluster that the supervisor keeps running. */
export interface ProcessSpec {
  /** Unique in the cluster; names the log file too. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** What it is, for grouping: processes of one group stop together, groups in the order of `stopOrder`. */
  readonly group: "balancer" | "master" | "control" | "node";
}

export const stopOrder: readonly ProcessSpec["group"][] = ["node", "control", "master", "balancer"];

export interface ProcessStatus {
  readonly name: string;
  readonly group: ProcessSpec["group"];
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  readonly state: "running" | "backoff" | "held" | "stopped";
  readonly restarts: number;
  readonly lastExit: string | undefined;
  readonly logFile: string;
}

/** What the supervisor is given at its start, as a file. */
export interface SupervisorPlan {
  readonly clusterId: string;
  readonly processes: readonly ProcessSpec[];
  readonly logFolder: string;
  readonly socket: string;
  readonly stateFile: string;
}
