// Waiting for a cluster to come up, with what is missing told while waiting and named when time runs out.
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { CommandFailure, messageOf } from "../errors.ts";
import type { Step } from "../output/progress.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";
import type { ClusterPaths } from "./cluster-spec.ts";

const lookIntervalMs = 100;
const logTailLines = 6;

export interface WaitOptions {
  readonly step: Step;
  readonly paths: ClusterPaths;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Names (or beginnings) of the processes whose logs explain a failure. */
  readonly processes: readonly string[];
}

/**
 * Looks until `look` gives `{ done }`; `{ missing }` is shown as detail.
 * @throws CommandFailure with what was still missing, the logs to read and the end of the most telling one
 */
export async function waitFor<T>(
  options: WaitOptions,
  look: () => Promise<{ readonly done: T } | { readonly missing: string }>,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let missing = "nothing was seen yet";
  while (performance.now() < deadline) {
    options.signal.throwIfAborted();
    try {
      const seen = await look();
      if ("done" in seen) return seen.done;
      missing = seen.missing;
    } catch (error) {
      missing = messageOf(error);
    }
    options.step.detail(missing);
    await delay(lookIntervalMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
  throw await failureOf(options, missing);
}

async function failureOf(options: WaitOptions, missing: string): Promise<CommandFailure> {
  const statuses = (await new SupervisorClient(options.paths).status()) ?? [];
  const concerned = statuses.filter((one) => options.processes.some((name) => one.name.startsWith(name)));
  const worst =
    concerned.find((one) => one.state !== "running") ?? concerned.find((one) => one.restarts > 0) ?? concerned[0];
  const lines = [`not done after ${options.timeoutMs / 1000} s: ${missing}`];
  for (const one of concerned.filter((each) => each.state !== "running" || each.restarts > 0)) {
    lines.push(`${one.name}: ${one.state}, restarted ${one.restarts} times, last end: ${one.lastExit ?? "-"}`);
  }
  if (worst !== undefined) {
    lines.push(`the end of ${worst.logFile}:`, ...(await logTail(worst.logFile)).map((line) => `  ${line}`));
  }
  return new CommandFailure(lines.join("\n"), {
    remedy: `read the logs in ${options.paths.logs}; \`triarch down\` takes everything away`,
  });
}

async function logTail(file: string): Promise<readonly string[]> {
  try {
    return (await readFile(file, "utf8")).trimEnd().split("\n").slice(-logTailLines);
  } catch (error) {
    return [messageOf(error)];
  }
}
